"""Python's search for reference cycles pauses while a batch is deleted, and only then."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.signals import pre_delete
from django.test import override_settings

from moderation.models import Removal
from moderation.models.states import BatchState
from moderation.removals.delete import delete_next_batch
from posts.models import Post
from tests.helpers import confirmed, drafted

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def confirmed_removal(
    marked: None, moderator: User, make_posts: Callable[..., list[Post]]
) -> Removal:
    """Return a removal of two batches with one post each, which the worker deletes."""
    with override_settings(MODERATION_BATCH_OBJECTS=1):
        return confirmed(drafted(make_posts(2, images=1), moderator), moderator)


@pytest.fixture
def was_enabled() -> Iterator[list[bool]]:
    """Return whether the collection was enabled when each post was deleted, in a list."""
    seen: list[bool] = []

    def note(**_: Any) -> None:
        seen.append(gc.isenabled())

    pre_delete.connect(note, sender=Post, weak=False)
    yield seen
    pre_delete.disconnect(note, sender=Post)
    gc.enable()


def test_it_pauses_while_a_batch_is_deleted(
    confirmed_removal: Removal, was_enabled: list[bool]
) -> None:
    delete_next_batch(confirmed_removal.pk)
    assert was_enabled == [False]
    assert gc.isenabled()


def test_it_continues_after_a_batch_that_fails(
    confirmed_removal: Removal, was_enabled: list[bool]
) -> None:
    def fail(**_: Any) -> None:
        raise KeyError("a receiver's error")

    pre_delete.connect(fail, sender=Post)
    delete_next_batch(confirmed_removal.pk)
    pre_delete.disconnect(fail, sender=Post)
    assert confirmed_removal.batches.earliest("number").state == BatchState.FAILED
    assert gc.isenabled()


def test_it_stays_off_if_the_process_does_not_use_it(
    confirmed_removal: Removal, was_enabled: list[bool]
) -> None:
    gc.disable()
    delete_next_batch(confirmed_removal.pk)
    assert not gc.isenabled()
