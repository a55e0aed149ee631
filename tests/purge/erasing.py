"""Erase files in place of a storage's adapter, and see what became of the entries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from moderation.models import AuditEntry
from moderation.purge import run
from moderation.storage import opened_adapter


def erase_with(patch: pytest.MonkeyPatch, other: Any) -> None:
    """Call `other.erase` in place of the adapter's own, which still verifies the identity."""

    @contextmanager
    def opened(alias: str) -> Iterator[Any]:
        with opened_adapter(alias) as adapter:
            patch.setattr(adapter, "erase", other.erase)
            yield adapter

    patch.setattr(run, "opened_adapter", opened)


def ends() -> set[tuple[str, str]]:
    return set(AuditEntry.objects.values_list("state", "detail"))
