"""What an adapter of a site may import."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from moderation import storage
from tests.services.processes import ROOT

FOLDER = ROOT / "moderation" / "storage"
ADAPTERS = [FOLDER / "filesystem.py", FOLDER / "generic.py", FOLDER / "one_by_one.py",
            *(FOLDER / "s3").glob("*.py")]  # fmt: skip


def shared_names() -> Iterator[str]:
    """Yield what our own adapters import from the modules that they share."""
    for path in ADAPTERS:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("moderation."):
                package, _dot, module = str(node.module).rpartition(".")
                if package == "moderation.storage" and module != "s3":
                    yield from (alias.name for alias in node.names)


def test_everything_that_our_own_adapters_use_is_imported_from_one_place() -> None:
    assert set(shared_names()) <= set(storage.__all__)
    assert all(hasattr(storage, name) for name in storage.__all__)
