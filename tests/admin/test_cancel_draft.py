"""Cancelling a draft removes nothing, and asks first if decisions would be lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation.models.states import RemovalState
from moderation.removals.add import add
from moderation.removals.check_first import review
from moderation.removals.keep import exclude
from posts.models import Post
from tests.admin.conftest import drafted, page_of
from tests.admin.drafts import html, press

MakePosts = Callable[..., list[Post]]
pytestmark = pytest.mark.django_db


def test_cancelling_a_draft_says_that_nothing_was_removed(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    removal = drafted(make_posts(1), moderator)
    response = client.post(page_of(removal, "cancel"))
    assert response["Location"] == "/admin/posts/post/"
    removal.refresh_from_db()
    assert removal.state == RemovalState.CANCELLED
    assert "Nothing was removed" in html(client, removal)


@pytest.mark.parametrize("decided", ["kept", "reviewed", "added"])
def test_cancelling_asks_first_if_decisions_would_be_lost(
    client: Client, moderator: User, make_posts: MakePosts, decided: str
) -> None:
    posts = make_posts(3)
    removal = drafted(posts[:2], moderator)
    mark = removal.marked_objects.create(key=str(posts[0].pk))
    assert "Cancel this draft?" not in html(client, removal)
    if decided == "kept":
        exclude(removal, seal=removal.seal, keys_by_batch=[(1024, [str(posts[0].pk)])])
    elif decided == "reviewed":
        review(removal, [mark.pk])
    else:
        others = Post.objects.filter(pk=posts[2].pk)
        add(removal, seal=removal.seal, objects=others, actor=moderator)
    page = html(client, removal)
    question = page[page.index('id="cancel-question"') :]
    assert f'action="{page_of(removal, "cancel")}"' in question
    assert f'action="{page_of(removal, "cancel")}"' not in page.removesuffix(question)
    assert 'popovertarget="cancel-question"' in page.removesuffix(question)
    assert f"#{removal.pk}<" in client.get("/admin/moderation/removal/").text  # can be reopened


def test_a_refused_confirmation_does_not_count_as_a_decision(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    posts = make_posts(2)
    removal = drafted(posts, moderator)
    posts[0].delete()
    press(client, removal, "confirm", reason="spam")
    assert "Cancel this draft?" not in html(client, removal)
    assert removal.history
