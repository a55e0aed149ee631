"""The arrow between the apps: posts -> moderation, never back."""

from __future__ import annotations

import ast
from pathlib import Path

import posts

ROOT = Path(posts.__file__).parent.parent


def imported_by(path: Path) -> set[str]:
    """Name the top-level packages that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


def test_moderation_imports_nothing_of_posts() -> None:
    guilty = [p for p in (ROOT / "moderation").rglob("*.py") if "posts" in imported_by(p)]
    assert guilty == []


def test_only_admin_registration_intake_and_storage_identity_of_posts_import_moderation() -> None:
    folder = ROOT / "posts"
    importing = {p for p in folder.rglob("*.py") if "moderation" in imported_by(p)}
    assert {p for p in importing if p.parent != folder / "admin"} == {
        folder / "registration.py",
        folder / "storage_identity.py",
        folder / "pictures.py",
    }
