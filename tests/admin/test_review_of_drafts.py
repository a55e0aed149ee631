"""A draft shows every object with its own name, and what changed since."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import TextField
from django.db.models.functions import Cast
from django.test import Client
from django.test.utils import CaptureQueriesContext

from moderation.models import AuditEntry, Removal
from moderation.models.states import FOUND_AGAIN, BatchState, RemovalState
from posts.models import Post, PostImage
from tests.admin.conftest import browser_of, drafted, make_user, page_of, words

MakePosts = Callable[..., list[Post]]
pytestmark = pytest.mark.django_db


@pytest.fixture
def mixed(make_posts: MakePosts) -> list[Post]:
    """Five posts, of which the second and the fourth have no picture."""
    posts = make_posts(5)
    PostImage.objects.filter(post__in=[posts[1], posts[3]]).delete()
    return posts


def html(client: Client, removal: Removal, query: str = "") -> str:
    response = client.get(page_of(removal) + query)
    assert response.status_code == 200
    return response.text


def test_posts_without_pictures_are_named_where_the_others_are_shown(
    client: Client, moderator: User, mixed: list[Post]
) -> None:
    removal = drafted(mixed, moderator)
    assert removal.without_picture_total == 2
    page = html(client, removal)
    assert "2 selected posts have no picture and are not shown here." in page
    shown = html(client, removal, "?show=without-pictures")
    titles = re.findall(r"<a href=\"[^\"]*\" target=\"_blank\" rel=\"noopener\">([^<]*)", shown)
    assert titles == [mixed[1].title, mixed[3].title]


def test_the_notice_is_not_shown_without_such_posts(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    page = html(client, drafted(make_posts(3), moderator))
    assert "no picture" not in page
    assert "?show=without-pictures" not in page


def test_the_list_of_posts_without_pictures_takes_the_same_queries_for_any_number(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    counts = set()
    for number in (20, 50):  # in both cases, the post with a picture is to be checked first
        removal = drafted(make_posts(number, images=0) + make_posts(1), moderator)
        html(client, removal, "?show=without-pictures")
        with CaptureQueriesContext(connection) as captured:
            html(client, removal, "?show=without-pictures")
        counts.add(len(captured))
    assert len(counts) == 1


@pytest.mark.parametrize("query", ["", "?show=objects", "?show=without-pictures"])
def test_buttons_of_posts_with_equal_titles_have_names_of_their_own(
    query: str, client: Client, moderator: User, mixed: list[Post]
) -> None:
    Post.objects.update(title="Buy now", body=Cast("pk", TextField()))  # equal texts are grouped
    page = html(client, drafted(mixed, moderator), query)
    names = Counter(re.findall(r"aria-label=\"((?:Keep|Unblur the picture)[^\"]*)\"", page))
    assert len(names) >= 2
    assert set(names.values()) == {1}


def test_boxes_of_the_list_have_names_of_their_own(admin_client: Client, mixed: list[Post]) -> None:
    Post.objects.update(title="Buy now")
    page = admin_client.get("/admin/posts/post/").text
    names = re.findall(r"class=\"action-select\" aria-label=\"([^\"]*)\"", page)
    assert len(set(names)) == len(names) == 5


def test_an_outdated_page_says_what_changed_since(
    client: Client, moderator: User, mixed: list[Post]
) -> None:
    removal = drafted(mixed, moderator)
    old = removal.seal
    number = removal.batches.get().number
    for post in mixed[:2]:
        sent = {"seal": removal.seal, "object": f"{number}:{post.pk}"}
        client.post(page_of(removal, "exclude"), sent)
        removal.refresh_from_db()
    answer = client.post(page_of(removal, "confirm"), words(removal, seal=old), follow=True).text
    said = f"1 post was kept ({mixed[0].pk}); 1 post was kept ({mixed[1].pk})"
    assert f"The selection changed since you opened this page: {said}." in answer
    assert Post.objects.count() == 5


def test_a_difference_is_recorded_for_pages_that_are_open(
    client: Client, moderator: User, mixed: list[Post]
) -> None:
    removal = drafted(mixed, moderator)
    old = removal.seal
    PostImage.objects.filter(post=mixed[0]).delete()
    mixed[1].delete()
    first = client.post(page_of(removal, "confirm"), words(removal), follow=True).text
    assert "1 picture fewer than before." in first
    second = client.post(page_of(removal, "confirm"), words(removal, seal=old), follow=True).text
    assert f"1 post changed ({mixed[0].pk}); 1 post was removed by someone else" in second


@pytest.fixture
def left_alone(other: User, mixed: list[Post]) -> Removal:
    """Return another user's removal that kept a post because it had changed."""
    removal = drafted(mixed, other)
    removal.batches.update(state=BatchState.DELETED, changed=[mixed[0].pk])
    fields: dict[str, Any] = {"state": RemovalState.DONE, "confirmed_at": removal.created_at}
    Removal.objects.filter(pk=removal.pk).update(**fields)
    return removal


def test_titles_of_live_posts_are_for_those_who_may_view_posts(
    auditor: User, left_alone: Removal, mixed: list[Post]
) -> None:
    viewer = make_user("viewer", codes=("view_removal", "view_post"))
    assert f"post {mixed[0].pk}" in html(browser_of(auditor), left_alone)
    assert mixed[0].title not in html(browser_of(auditor), left_alone)
    assert mixed[0].title in html(browser_of(viewer), left_alone)


def removal_with_entry(removal: Removal, state: str, **details: str) -> Removal:
    """Return a finished removal with the entry of one file, whose names are secret."""
    now = removal.created_at
    Removal.objects.filter(pk=removal.pk).update(state=RemovalState.DONE, confirmed_at=now)
    AuditEntry.objects.create(
        storage="default", key="secret/a.jpg", name="secret/a.jpg", title="Secret title",
        object_label="posts.PostImage", object_key="1", removal=removal, state=state,
        recorded_at=now, due_at=now, **details,
    )  # fmt: skip
    return removal


def test_names_of_failed_files_are_for_those_who_see_the_audit_log(
    auditor: User, other: User, make_posts: MakePosts
) -> None:
    removal = removal_with_entry(drafted(make_posts(1), other), "failed", error_code="AccessDenied")
    outsider = html(browser_of(make_user("viewer", codes=("view_removal",))), removal)
    assert "AccessDenied" in outsider
    assert "ecret" not in outsider
    assert "Secret title" in html(browser_of(auditor), removal)


def test_names_of_files_found_again_are_for_those_who_see_the_audit_log(
    auditor: User, other: User, make_posts: MakePosts
) -> None:
    removal = removal_with_entry(drafted(make_posts(1), other), "erased", detail=FOUND_AGAIN)
    outsider = html(browser_of(make_user("viewer", codes=("view_removal",))), removal)
    assert "found in storage again" in outsider
    assert "ecret" not in outsider
    assert "Secret title" in html(browser_of(auditor), removal)
