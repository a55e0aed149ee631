"""Fixtures of the tests of recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from moderation.registry import caches, registration_for, registrations

Options = Callable[..., None]


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Iterator[Options]:
    """Return a function that changes the options with which a model is registered."""
    known: dict[Any, Any] = registrations._registrations

    def change(model: Any, **changes: Any) -> None:
        found = registration_for(model)
        assert found
        monkeypatch.setitem(known, model, replace(found, **changes))
        caches.clear()

    yield change
    caches.clear()
