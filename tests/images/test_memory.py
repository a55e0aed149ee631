"""The memory that the most expensive pictures take, accepted or refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.images.catalogue import CASES
from tests.services.processes import ROOT

EACH_MB, IMPORT_MB = 300, 600


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with every picture of the catalogue."""
    root = tmp_path_factory.mktemp("pictures") / "images"
    root.mkdir()
    for case in CASES:
        (root / case.name).write_bytes(case.content())
    return root


def peak(what: str, folder: Path) -> float:
    run_folder = folder.parent / what
    run_folder.mkdir()
    env = {
        "ENV_FILE": "",
        "DEBUG": "true",
        "ENVIRONMENT": "tests",
        "DATABASE_URL": f"sqlite:///{run_folder}/db.sqlite3",
        "MEDIA_ROOT": str(run_folder / "media"),
        "LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-m", "tests.images.peak", what, str(folder)]
    ended = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    return float(ended.stdout)


def test_no_picture_takes_300_mb_of_a_process(folder: Path) -> None:
    assert peak("look", folder) < EACH_MB


def test_two_moderators_who_look_at_large_pictures_take_less_than_300_mb(folder: Path) -> None:
    assert peak("large", folder) < EACH_MB


def test_an_import_of_the_worst_pictures_takes_less_than_600_mb(folder: Path) -> None:
    assert peak("import", folder) < IMPORT_MB
