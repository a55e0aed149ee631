"""Change protected audit entries, for tests that need old ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from moderation.models import triggers


@contextmanager
def unguarded() -> Iterator[None]:
    """Disable the triggers in a block that changes entries in a final state."""
    triggers.drop(connection)
    try:
        yield
    finally:
        triggers.create(connection)
