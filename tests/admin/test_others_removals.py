"""Lists and pages say which removal a post is in, until it is deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation.lifecycle.batches import mark_failed
from moderation.lifecycle.removals import resume, stop
from moderation.models import Removal
from moderation.removals.delete import delete_next_batch
from posts.models import Post
from tests.admin.conftest import drafted, make_user, page_of
from tests.admin.lists import FREE, listed, notices, old, page_text
from tests.helpers import confirmed

pytestmark = pytest.mark.django_db
MakePosts = Callable[..., list[Post]]


def running(posts: list[Post], actor: User) -> Removal:
    """Return a confirmed removal with a batch for each post; the first batch is deleted."""
    removal = confirmed(drafted(posts, actor), actor)
    delete_next_batch(removal.pk)
    assert removal.batches.waiting().count() == len(posts) - 1
    return removal


def stopped(posts: list[Post], actor: User) -> Removal:
    """Return a removal that was stopped after the first post."""
    removal = running(posts, actor)
    stop(removal, actor=actor)
    return removal


@pytest.fixture
def small_batches(settings: Any) -> None:
    """Put each post into a batch of its own."""
    settings.MODERATION_BATCH_OBJECTS = 1


@pytest.mark.usefixtures("small_batches")
class TestConfirmedRemovals:
    def test_the_list_and_the_page_say_who_is_removing_a_post(
        self, client: Client, other: User, make_posts: MakePosts
    ) -> None:
        posts = make_posts(4)
        running(posts[:3], other)
        assert notices(client) == {post.pk: "being removed by other" for post in posts[1:3]}
        assert "selected for removal: being removed by other." in page_text(client, posts[1])
        assert listed(client, **FREE) == {posts[3].pk}

    def test_a_stopped_removal_counts_for_as_long_as_its_draft_would(
        self, client: Client, other: User, make_posts: MakePosts
    ) -> None:
        posts = make_posts(2)
        removal = stopped(posts, other)
        assert notices(client) == {posts[1].pk: "in other’s stopped removal"}
        assert listed(client, **FREE) == set()
        old(removal)
        assert notices(client) == {}
        assert listed(client, **FREE) == {posts[1].pk}
        resume(Removal.objects.get(pk=removal.pk), actor=other)
        assert notices(client) == {posts[1].pk: "being removed by other"}

    def test_ones_own_removal_is_a_link_and_only_left_out_while_it_runs(
        self, client: Client, moderator: User, make_posts: MakePosts
    ) -> None:
        posts = make_posts(2)
        removal = running(posts, moderator)
        link = f'<a href="{page_of(removal)}">'
        assert notices(client) == {posts[1].pk: f"{link}being removed</a>"}
        assert listed(client, **FREE) == set()
        stop(removal, actor=moderator)
        assert notices(client) == {posts[1].pk: f"{link}in your stopped removal</a>"}
        assert listed(client, **FREE) == {posts[1].pk}

    def test_a_running_removal_is_named_instead_of_any_draft(
        self, client: Client, moderator: User, other: User, make_posts: MakePosts
    ) -> None:
        posts = make_posts(2)
        drafted(posts, make_user("third", "Moderators"))
        drafted(posts, moderator)
        running(posts, other)
        assert notices(client) == {posts[1].pk: "being removed by other"}

    def test_posts_of_failed_batches_stay_in_the_queue(
        self, client: Client, other: User, make_posts: MakePosts
    ) -> None:
        posts = make_posts(3)
        removal = running(posts, other)
        mark_failed(removal.batches.waiting().latest("number"), error="")
        assert set(notices(client)) == {posts[1].pk}
        assert listed(client, **FREE) == {posts[2].pk}

    def test_a_draft_names_a_removal_that_was_confirmed_first(
        self, client: Client, moderator: User, other: User, make_posts: MakePosts
    ) -> None:
        posts = make_posts(3)
        draft = drafted(posts[1:], moderator)
        running(posts, other)
        text = " ".join(client.get(page_of(draft)).text.split())
        assert "2 posts being removed by other" in text
