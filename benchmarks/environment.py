"""Set up one benchmark: a database server and a folder, and Django configured to use them."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.catalogue import Benchmark

ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
    "ENV_FILE": "",
    "ENVIRONMENT": "bench",
    "DEBUG": "false",
    "HTTPS": "false",
    "LOG_LEVEL": "ERROR",
    "FILES": "disk",
    "TASKS_BACKEND": "database",
    "DATABASE_POOL": "0",
}


@contextmanager
def environment_for(benchmark: Benchmark) -> Iterator[Path]:
    """Set up Django for one benchmark; yield a temporary folder for its files.

    PostgreSQL runs with its durable defaults, since a deletion must be durable. Call this only once
    in a process.
    """
    with tempfile.TemporaryDirectory(prefix="moderation-bench-") as name:
        folder = Path(name)
        os.environ.update(
            ENVIRONMENT,
            SECRET_KEY=secrets.token_urlsafe(50),
            DATABASE_URL=_database_url(benchmark, folder),
        )
        for variable in ("STATIC_ROOT", "MEDIA_ROOT", "SLOW_FILES"):
            (folder / variable).mkdir()
            os.environ[variable] = str(folder / variable)
        if benchmark.files != "slow":
            del os.environ["SLOW_FILES"]

        import django

        django.setup()

        from benchmarks import database

        database.create()
        yield folder


def _database_url(benchmark: Benchmark, folder: Path) -> str:
    if benchmark.database == "sqlite":
        return f"sqlite:///{folder}/db.sqlite3"
    from tests.services import postgres

    return postgres.start(durable=True).removesuffix(postgres.DATABASE) + "bench"
