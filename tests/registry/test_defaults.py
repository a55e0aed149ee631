"""Defaults of file fields: which count as constant, and one that fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from moderation.models import AuditEntry
from moderation.purge.run import purge_due_files
from moderation.registry import caches
from moderation.registry.defaults import has_changing_default
from moderation.storage import write_identity
from posts.models import PostImage
from tests.helpers import stored
from tests.testapp.models import Volume
from tests.testapp.models_references import Flyer


def test_w011_says_nothing_of_a_field_without_a_default() -> None:
    """Django's placeholder for a missing default returns a new object at each call."""
    image = PostImage._meta.get_field("image")
    assert not image.has_default()
    assert not has_changing_default(image)


@pytest.fixture
def _failing_default(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set a default of a field that needs a request, which a worker does not have."""

    def fail() -> str:
        raise RuntimeError("no request")

    with monkeypatch.context() as patch:
        patch.setattr(Flyer._meta.get_field("sheet"), "default", fail)
        caches.clear()
        yield
    caches.clear()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_failing_default")
def test_a_default_that_fails_stops_no_purge_and_does_not_count_as_constant() -> None:
    write_identity("attachments")
    Volume.objects.create(text=stored("a.txt", "attachments")).delete()
    assert purge_due_files()
    assert AuditEntry.objects.get().state == "erased"
    assert has_changing_default(Flyer._meta.get_field("sheet"))
