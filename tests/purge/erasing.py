"""Let a test erase files in place of the storage's adapter, which still verifies the identity."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from moderation.purge import run
from moderation.storage import opened_adapter


def erase_with(patch: pytest.MonkeyPatch, other: Any) -> None:
    """Call `other.erase` in place of the adapter's own."""

    @contextmanager
    def opened(alias: str) -> Iterator[Any]:
        with opened_adapter(alias) as adapter:
            patch.setattr(adapter, "erase", other.erase)
            yield adapter

    patch.setattr(run, "opened_adapter", opened)
