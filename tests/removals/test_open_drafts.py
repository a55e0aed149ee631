"""A moderator may have only a few open drafts: another one closes the oldest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, override_settings

from moderation.exceptions import CannotFreeze
from moderation.lifecycle.removals import expire
from moderation.models import Removal, RemovalBatch
from moderation.removals import freeze as freezing
from moderation.removals.seal import fill_batches
from posts.models import Post
from tests.helpers import drafted
from tests.removals.test_concurrency import Session

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


def states(user: User) -> list[str]:
    return list(Removal.objects.filter(actor=user).order_by("pk").values_list("state", flat=True))


@override_settings(MODERATION_OPEN_DRAFTS=3)
def test_one_draft_too_many_expires_the_oldest_and_its_page_says_so(
    moderator: User, make_posts: MakePosts, client: Client
) -> None:
    posts = make_posts(2)
    other = drafted(posts, User.objects.create_user("other"))
    first, *_ = [drafted(posts, moderator) for _ in range(5)]
    assert states(moderator) == ["expired", "expired", "draft", "draft", "draft"]
    assert not first.batches.exists()
    other.refresh_from_db()
    assert other.state == "draft"
    client.force_login(moderator)
    page = client.get(f"/admin/moderation/removal/{first.pk}/change/").content.decode()
    assert "too many newer drafts were open" in page


@override_settings(MODERATION_OPEN_DRAFTS=2)
def test_confirmed_removals_are_not_counted(moderator: User, make_posts: MakePosts) -> None:
    drafted(make_posts(1), moderator)
    Removal.objects.update(state="deleting")
    for _ in range(2):
        drafted(make_posts(1), moderator)
    assert states(moderator) == ["deleting", "draft", "draft"]


def test_a_selection_that_is_refused_leaves_no_draft(moderator: User) -> None:
    with pytest.raises(CannotFreeze):
        drafted([], moderator)
    assert states(moderator) == []


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
@override_settings(MODERATION_OPEN_DRAFTS=2)
def test_concurrent_drafts_are_counted_too(moderator: User, make_posts: MakePosts) -> None:
    posts = make_posts(3)
    sessions = [Session(lambda: drafted(posts, moderator)) for _ in range(6)]
    for session in sessions:
        session.result()
    assert states(moderator).count("draft") <= 2
    drafts = RemovalBatch.objects.exclude(removal__state="draft")
    assert not drafts.exists()


@pytest.mark.parametrize("saves_batch", [True, False])
def test_a_draft_that_expires_while_it_is_filled_keeps_no_batch(
    moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch, saves_batch: bool
) -> None:
    def expired_first(removal: Removal, batches: Any) -> Any:
        expire([removal.pk])
        if not saves_batch:
            return fill_batches(removal, batches)
        removal.batches.create(number=1, frozen=[[1, ""]])
        return []

    monkeypatch.setattr(freezing, "fill_batches", expired_first)
    removal = drafted(make_posts(1), moderator)
    assert removal.state == "expired"
    assert not RemovalBatch.objects.exists()
