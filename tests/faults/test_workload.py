"""A random workload of users, moderators, workers and faults: every invariant holds.

WORKLOAD_SEED chooses the workload, WORKLOAD_SEEDS their number and WORKLOAD_SECONDS their duration;
see `make faults`. WORKLOAD_KEPT=unchecked skips the rule about kept files that nobody uses.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.workload import database
from tests.faults.workload.database import Database
from tests.faults.workload.file_stores import Bucket, Disk, FileStore
from tests.faults.workload.round import Round

SECONDS = float(os.environ.get("WORKLOAD_SECONDS", "15"))
SEEDS = int(os.environ.get("WORKLOAD_SEEDS", "1"))
FIRST_SEED = int(os.environ.get("WORKLOAD_SEED", random.SystemRandom().randrange(10**6)))
KEPT_IS_CHECKED = os.environ.get("WORKLOAD_KEPT", "checked") == "checked"
ON_POSTGRESQL = os.environ.get("DATABASE_URL", "").startswith("postgres")

THIS_FILE = "tests/faults/test_workload.py"

MakeDatabase = Callable[[], Callable[[], Database]]


@pytest.fixture(scope="module")
def make_database(tmp_path_factory: pytest.TempPathFactory) -> MakeDatabase:
    return database.opener(tmp_path_factory.mktemp("workload"))


@pytest.fixture
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    """Return the storage usually combined with the database: a disk for SQLite, or a bucket."""
    if ON_POSTGRESQL:
        return Bucket(request.getfixturevalue("s3_gateway"))
    return Disk(tmp_path)


@pytest.mark.parametrize("number", range(SEEDS))
def test_every_invariant_holds_under_a_random_workload(
    number: int, storage: FileStore, make_database: MakeDatabase, tmp_path: Path
) -> None:
    seed = FIRST_SEED + number
    folder = tmp_path / "round"
    folder.mkdir()
    report = Round(
        seed, SECONDS, storage, make_database(), folder, kept_is_checked=KEPT_IS_CHECKED
    ).run()
    for line in [*report.lines(), *report.details()]:
        print(line)  # noqa: T201 - its report
    option = " --postgresql" if ON_POSTGRESQL else ""
    again = f"WORKLOAD_SEED={seed} WORKLOAD_SECONDS={SECONDS:g} pytest -s {THIS_FILE}{option}"
    assert not report.breaches, f"repeat it by: {again}; logs and journals: {folder}"
