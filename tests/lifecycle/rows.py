"""Removals, batches and entries in any state, for the tests of their transitions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from moderation.models import AuditEntry, Removal, RemovalBatch

REFUSED = "refused"

# What a removal still has: {name: (states of its batches, states of its entries)}
WORK: dict[str, tuple[list[str], list[str]]] = {
    "a waiting batch": (["deleted", "waiting"], ["pending"]),
    "a failed batch": (["deleted", "failed"], ["erased"]),
    "a pending file": (["deleted"], ["pending", "erased"]),
    "a failed file": (["deleted"], ["failed", "in_use"]),
    "nothing left": (["deleted"], ["erased", "in_use"]),
}


def error_of(error: type[Exception], call: Callable[[], object]) -> str:
    """Return the message of the error that a call raises, or "" if it raises none."""
    try:
        with transaction.atomic():
            call()
    except error as raised:
        return str(raised)
    return ""


def removal_in(state: str, actor: User, *, work: str = "nothing left") -> Removal:
    removal = Removal.objects.create(
        model_label="posts.Post", state=state, actor=actor, actor_name="mod", seal="a" * 64
    )
    of_batches, of_entries = WORK[work]
    for number, batch_state in enumerate(of_batches):
        RemovalBatch.objects.create(removal=removal, number=number, state=batch_state)
    for number, entry_state in enumerate(of_entries):
        entry_in(entry_state, key=f"{number}.jpg", removal=removal)
    return removal


def entry_in(state: str, **given: Any) -> AuditEntry:
    now = timezone.now()
    names = {"key": "a.jpg", "storage": "default", "object_label": "a", "object_key": "1"}
    times = {"recorded_at": now, "due_at": now - timedelta(hours=1)}
    given.setdefault("name", given.get("key", "a.jpg"))
    return AuditEntry.objects.create(**{**names, **times, "state": state, **given})


def batch_in(state: str, actor: User, **given: Any) -> RemovalBatch:
    removal = Removal.objects.create(model_label="posts.Post", actor=actor, actor_name="mod")
    return RemovalBatch.objects.create(removal=removal, number=1, state=state, **given)


def public_functions(module: ModuleType) -> set[str]:
    """Return the names of the functions that a module defines for others."""
    own = inspect.getmembers(module, inspect.isfunction)
    return {n for n, f in own if f.__module__ == module.__name__ and not n.startswith("_")}
