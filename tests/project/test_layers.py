"""Packages import only from lower layers, as pyproject.toml says, and the check notices others."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("moderation", "posts", "project", "benchmarks", "tests")
LINT = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """Return a copy of the code, which a test may change."""
    for package in PACKAGES:
        ignore = shutil.ignore_patterns("__pycache__", "static", "templates")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(code: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(code), "COLUMNS": "200"}
    command = [str(LINT), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=code, env=env, capture_output=True, text=True, check=False)


def test_the_code_keeps_the_contracts(code: Path) -> None:
    done = lint(code)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("path", "line", "hidden", "contract"),
    [
        ("moderation/storage/base.py", "from moderation.purge import run", False, "lower layers"),
        ("moderation/storage/base.py", "from moderation.purge import run", True, "lower layers"),
        ("moderation/registry/files.py", "from moderation.registry import late", True, "No cycles"),
        ("moderation/conf.py", "import posts.models", True, "moderation does not import"),
        ("posts/models.py", "import project.settings", True, "posts does not import"),
    ],
)
def test_an_import_from_a_higher_layer_is_found(
    code: Path, path: str, line: str, hidden: bool, contract: str
) -> None:
    (code / "moderation/registry/late.py").write_text("from moderation.registry import files\n")
    added = f"def hidden() -> None:\n    {line}\n" if hidden else f"{line}\n"
    module = code / path
    module.write_text(f"{module.read_text()}\n\n{added}")
    done = lint(code)
    assert done.returncode == 1
    broken = [text for text in done.stdout.splitlines() if text.endswith("BROKEN")]
    assert any(contract in text for text in broken), done.stdout
