"""Helpers of the tests of reused keys: a removed file, and events during a save."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.core.files.storage import storages
from django.utils import timezone

from moderation.models import AuditEntry
from moderation.purge.claim import claim
from moderation.purge.run import purge_due_files
from tests.helpers import stored
from tests.testapp.models import Volume


def storage() -> Any:
    return storages["attachments"]


def removed(name: str = "text.txt") -> str:
    """Return the name of a file whose row was deleted, and which waits for the purge."""
    found = stored(name, "attachments")
    Volume.objects.create(text=found).delete()
    return found


def purge_all() -> None:
    while purge_due_files():
        pass


def when_due() -> None:
    """Let the reservations expire."""
    AuditEntry.objects.filter(state="pending").update(due_at=timezone.now() - timedelta(minutes=2))


def too_slow() -> None:
    """Let the reservations expire, and a worker claim the keys."""
    when_due()
    assert claim(10)


def states(name: str) -> list[str]:
    return list(AuditEntry.objects.filter(name=name).order_by("pk").values_list("state", flat=True))


@contextmanager
def just_after(signal: Any, sender: Any, act: Callable[[], object]) -> Iterator[None]:
    """Call `act` once, right after our receiver of a signal that is sent before or after a save."""
    acts = [act]

    def receiver(**_: Any) -> None:
        if acts:
            acts.pop()()

    signal.connect(receiver, sender=sender)
    try:
        yield
    finally:
        signal.disconnect(receiver, sender=sender)
