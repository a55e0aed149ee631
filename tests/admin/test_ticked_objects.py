"""The actions of the list get exactly the ticked posts, whatever its filters match by then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import Client

from moderation.models import Removal
from posts.admin.post import PostAdmin
from posts.models import Post, Report
from posts.reports import dismiss_reports
from tests.admin.conftest import LIST, drafted
from tests.admin.test_dismiss_reports import ACTION, open_reports, seen_in

MakePosts = Callable[..., list[Post]]


def dismissed_by_colleague(post: Post, other: User) -> None:
    dismiss_reports(Post.objects.filter(pk=post.pk), actor=other)


def reported_again(post: Post, other: User) -> None:
    Report.objects.create(post=post, reporter=other)


def drafted_by_colleague(post: Post, other: User) -> None:
    drafted([post], other)


FILTERS_AND_CHANGES = [
    ("?reported=yes", dismissed_by_colleague),
    ("?reported=1", reported_again),
    ("?others_draft=no", drafted_by_colleague),
]


def send(client: Client, query: str, action: str, posts: list[Post], **sent: Any) -> Any:
    ticked = {"action": action, "index": 0, "_selected_action": [post.pk for post in posts]}
    return client.post(LIST + query, {**ticked, **sent}, follow=True)


@pytest.mark.parametrize(("query", "change"), FILTERS_AND_CHANGES)
def test_a_draft_has_all_ticked_posts_even_if_the_filters_no_longer_match(
    query: str, change: Any, client: Client, make_posts: MakePosts, other: User
) -> None:
    posts = make_posts(3)
    change(posts[0], other)
    send(client, query, "remove_selected", posts[:2])
    assert Removal.objects.get(actor_name="mod").objects_total == 2


def test_exactly_the_seen_reports_of_ticked_posts_are_dismissed(
    client: Client, make_posts: MakePosts, other: User
) -> None:
    posts = make_posts(3)
    seen = seen_in(client.get(f"{LIST}?reported=1").text)
    reported_again(posts[0], other)
    page = send(client, "?reported=1", ACTION, posts[:2], **seen).text
    assert "Dismissed 2 reports about 2 posts." in page
    assert "1 report that arrived in the meantime stays open." in page
    assert open_reports() == 2


@pytest.mark.parametrize("action", ["remove_selected", ACTION])
def test_ticked_posts_that_no_longer_exist_are_counted(
    action: str, client: Client, make_posts: MakePosts
) -> None:
    posts = make_posts(5)
    seen = seen_in(client.get(LIST).text)
    Post.objects.filter(pk=posts[0].pk).delete()
    page = send(client, "", action, posts[:2], **seen).text
    assert "1 post that you ticked no longer exists, so it was not included." in page
    if action == ACTION:
        assert "Dismissed 1 report about 1 post." in page
    else:
        assert Removal.objects.get().objects_total == 1
    Post.objects.filter(pk__in=[post.pk for post in posts[1:3]]).delete()
    page = send(client, "", action, posts[1:3], **seen).text
    text = "2 posts that you ticked no longer exist, so they were not included. Nothing was changed"
    assert text in page
    assert "no open reports" not in page
    assert "Nothing was selected" not in page


@pytest.mark.parametrize("action", ["remove_selected", ACTION])
def test_an_action_works_if_the_page_of_the_list_no_longer_exists(
    action: str, client: Client, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostAdmin, "list_per_page", 1)
    posts = make_posts(6)
    seen = seen_in(client.get(f"{LIST}?reported=yes").text)
    response = send(client, "?reported=yes&p=9", action, posts[:2], **seen)
    if action == ACTION:
        assert response.redirect_chain == [(f"{LIST}?reported=yes", 302)]
        assert "Dismissed 2 reports about 2 posts." in response.text
    else:
        draft = Removal.objects.get()
        assert (draft.objects_total, draft.list_query) == (2, "reported=yes")
    Post.objects.filter(pk=posts[2].pk).delete()
    response = send(client, "?reported=yes&p=9", action, [posts[2]], **seen)
    assert response.redirect_chain == [(f"{LIST}?reported=yes", 302)]
    assert "Nothing was changed." in response.text


@pytest.mark.parametrize("action", ["remove_selected", ACTION])
def test_ticked_posts_that_the_admin_does_not_show_stay_as_they_are(
    action: str, client: Client, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = make_posts(2)
    seen = seen_in(client.get(LIST).text)
    shown = Post.objects.filter(pk=posts[1].pk)
    monkeypatch.setattr(PostAdmin, "get_queryset", lambda *_: shown.all())
    page = send(client, "", action, posts, **seen).text
    assert "1 post that you ticked no longer exists" in page
    if action == ACTION:
        assert list(Report.objects.filter(state="open").values_list("post", flat=True)) == [
            posts[0].pk
        ]
    else:
        assert Removal.objects.get().objects_total == 1


def test_all_posts_across_pages_are_those_that_still_match(
    client: Client, make_posts: MakePosts, other: User
) -> None:
    (post,) = make_posts(1)
    seen = seen_in(client.get(f"{LIST}?reported=1").text)
    reported_again(post, other)
    page = send(client, "?reported=1", ACTION, [post], select_across=1, **seen).text
    assert "Nothing was dismissed: no post in this list has open reports any more." in page
    assert open_reports() == 2
    send(client, "?reported=1", "remove_selected", [post], select_across=1)
    assert not Removal.objects.exists()


def test_other_actions_get_what_matches_the_filters(
    client: Client, make_posts: MakePosts, other: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    got = []

    @admin.action(description="Look")
    def look(model_admin: Any, request: HttpRequest, queryset: Any) -> None:
        got.extend(queryset)

    posts = make_posts(2)
    dismissed_by_colleague(posts[0], other)
    posts_admin = admin.site.get_model_admin(Post)
    monkeypatch.setattr(posts_admin, "actions", [*(posts_admin.actions or ()), look])
    send(client, "?reported=yes", "look", posts)
    assert got == [posts[1]]


def test_the_menu_whose_button_was_pressed_says_which_action(
    client: Client, make_posts: MakePosts, other: User
) -> None:
    posts = make_posts(1)
    dismissed_by_colleague(posts[0], other)
    sent = {"action": ["", "remove_selected"], "index": 1, "_selected_action": posts[0].pk}
    client.post(f"{LIST}?reported=yes", sent)
    assert Removal.objects.get().objects_total == 1
