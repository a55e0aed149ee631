"""Object permissions are checked with each ModelAdmin, at the freeze and at the confirmation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils.text import capfirst

from moderation.admin.action import create_draft
from moderation.admin.removals.object_permissions import guard_for
from moderation.models import Removal
from moderation.removals.seal import chunks_of_batches
from posts.models import Post, PostImage, Report
from tests.admin.conftest import LIST, browser_of, drafted, make_user, page_of, words
from tests.admin.desk import a_site, allowing, said, serving

MakePosts = Callable[..., list[Post]]
HOLD = "LEGAL HOLD"


@pytest.fixture
def posts_admin() -> ModelAdmin:
    return admin.site.get_model_admin(Post)


@pytest.fixture
def holding(posts_admin: ModelAdmin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the posts' admin refuse to delete posts titled LEGAL HOLD."""
    monkeypatch.setattr(
        posts_admin, "has_delete_permission", lambda _, obj=None: HOLD not in str(obj)
    )


def chosen(client: Client, posts: list[Post], address: str = LIST) -> Any:
    sent = {"action": "remove_selected", "_selected_action": [post.pk for post in posts]}
    return client.post(address, sent)


def retitled(post: Post, title: str) -> Post:
    Post.objects.filter(pk=post.pk).update(title=title)
    return post


@pytest.mark.usefixtures("holding")
def test_a_refused_object_is_excluded_and_named(client: Client, make_posts: MakePosts) -> None:
    held, other = make_posts(2)
    retitled(held, f"{HOLD} 12")
    response = chosen(client, [held, other])
    removal = Removal.objects.get()
    assert f"Post: {HOLD} 12" in said(response)
    assert [key for part in removal.batches.all() for key, _ in part.frozen] == [other.pk]
    client.post(page_of(removal, "confirm"), words(removal))
    assert list(Post.objects.all()) == [held]


@pytest.mark.usefixtures("holding")
def test_no_draft_is_created_if_every_object_is_refused(
    client: Client, make_posts: MakePosts
) -> None:
    held = make_posts(25, title=HOLD)
    text = said(chosen(client, held))
    assert not Removal.objects.exists()
    assert text.count(f"Post: {HOLD}") == 20
    assert "and 5 others" in text


@pytest.mark.usefixtures("holding")
def test_an_object_that_is_refused_after_the_freeze_stays(
    client: Client, make_posts: MakePosts, moderator: User
) -> None:
    posts = make_posts(3)
    removal = drafted(posts, moderator)
    retitled(posts[0], f"{HOLD} 7")
    response = client.post(page_of(removal, "confirm"), words(removal), follow=True)
    removal.refresh_from_db()
    assert f"Post: {HOLD} 7" in response.content.decode()
    assert (removal.state, removal.objects_total) == ("draft", 2)
    assert Post.objects.count() == 3
    client.post(page_of(removal, "confirm"), words(removal))
    assert list(Post.objects.all()) == [posts[0]]


def test_every_batch_is_checked_for_refused_objects(
    client: Client,
    make_posts: MakePosts,
    moderator: User,
    holding: None,
    settings: Any,
) -> None:
    settings.MODERATION_BATCH_OBJECTS = 2
    posts = make_posts(7)
    removal = drafted(posts, moderator)
    for post in posts[::3]:
        retitled(post, f"{HOLD} {post.pk}")
    client.post(page_of(removal, "confirm"), words(removal))
    removal.refresh_from_db()
    assert removal.objects_total == 4
    assert removal.files_total == 8


def test_a_permission_for_an_object_is_enough_to_remove_it(
    make_posts: MakePosts, posts_admin: ModelAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = make_posts(2)
    retitled(own, "granted")
    helper = make_user("helper", codes=("view_post",))
    client = browser_of(helper)
    monkeypatch.setattr(
        posts_admin,
        "has_delete_permission",
        lambda _, obj=None: obj is None or obj.title == "granted",
    )
    chosen(client, [own, other])
    removal = Removal.objects.get()
    assert removal.permissions == []
    client.post(page_of(removal, "confirm"), words(removal))
    assert list(Post.objects.all()) == [other]


def test_the_delete_page_checks_the_permission_for_its_object(
    make_posts: MakePosts, posts_admin: ModelAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = make_posts(2)
    retitled(own, "granted")
    client = browser_of(make_user("helper", codes=("view_post",)))
    monkeypatch.setattr(
        posts_admin,
        "has_delete_permission",
        lambda _, obj=None: obj is not None and obj.title == "granted",
    )
    assert client.post(f"{LIST}{other.pk}/delete/").status_code == 403
    assert client.post(f"{LIST}{own.pk}/delete/").status_code == 302
    assert Removal.objects.get().objects_total == 1


def test_a_permission_that_the_user_had_at_the_freeze_is_checked_for_each_batch(
    client: Client, make_posts: MakePosts, moderator: User, holding: None
) -> None:
    chosen(client, make_posts(1))
    assert Removal.objects.get().permissions == ["posts.delete_post"]


@pytest.mark.parametrize("below", [Report, PostImage])
def test_an_object_stays_if_a_row_of_its_cascade_may_not_be_deleted(
    make_posts: MakePosts, below: type[Report | PostImage]
) -> None:
    held, other = make_posts(2)
    kept = below.objects.get(post=held)
    refusing = allowing(lambda _, row: row.pk != kept.pk)
    admins: Any = {below.__name__.lower(): refusing}
    site = a_site("desk", Post, below, **admins)
    client = browser_of(User.objects.create_superuser("root"))
    with serving(site):
        response = chosen(client, [held, other], "/desk/posts/post/")
        text = said(response)
        assert f"Post: {held} ({capfirst(below._meta.verbose_name)}: {kept})" in text
        assert client.get(response["Location"]).status_code == 200
    assert Removal.objects.get().objects_total == 1


def test_an_object_that_left_the_list_is_neither_deleted_nor_shown(
    client: Client,
    make_posts: MakePosts,
    moderator: User,
    posts_admin: ModelAdmin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    posts = make_posts(2)
    removal = drafted(posts, moderator)
    retitled(posts[0], "Moved away")
    monkeypatch.setattr(posts_admin, "get_queryset", lambda _: Post.objects.exclude(pk=posts[0].pk))
    for query in ("", "?show=objects"):
        page = client.get(page_of(removal) + query).content.decode()
        assert "Moved away" not in page
        assert posts[1].title in page
    response = client.post(page_of(removal, "confirm"), words(removal), follow=True)
    text = response.content.decode()
    assert "Moved away" not in text
    assert f"Post {posts[0].pk} (no longer in your list)" in text
    assert Post.objects.count() == 2


def test_no_guard_is_needed_if_no_admin_overrides_anything(moderator: User) -> None:
    request = RequestFactory().get("/")
    request.user = moderator
    assert guard_for(admin.site.get_model_admin(Post), request) is None
    assert guard_for(admin.site.get_model_admin(User), request) is None
    assert guard_for(None, request) is None


@pytest.mark.parametrize("with_children", [False, True])
def test_the_queries_of_a_batch_do_not_grow_with_its_objects(
    make_posts: MakePosts, moderator: User, *, with_children: bool
) -> None:
    asking = allowing(lambda *_: True)
    below = (Report,) if with_children else ()
    site = a_site("desk", Post, *below, post=asking, report=asking)
    request = RequestFactory().get("/")
    request.user = moderator
    guard = guard_for(site.get_model_admin(Post), request)
    assert guard is not None

    def queries(count: int) -> int:
        removal = drafted(make_posts(count), moderator)
        with CaptureQueriesContext(connection) as captured:
            found = [guard(each) for batches in chunks_of_batches(removal) for each in batches]
        assert not any(found)
        return len(captured)

    assert queries(3) == queries(30)


def test_objects_of_another_model_are_refused(client: Client, make_posts: MakePosts) -> None:
    """The permission for one model does not cover objects of another."""
    posts = make_posts(1)
    authors: Any = allowing(lambda *_: True)
    users = User.objects.filter(pk=posts[0].author_id)
    authors.response_action = lambda self, request, **_: (
        create_draft(self, request, users) or HttpResponse("refused")
    )
    with serving(a_site("desk", Post, post=authors)):
        response = chosen(client, posts, "/desk/posts/post/")
    assert "This list of posts contains users" in said(response)
    assert not Removal.objects.exists()


def test_no_draft_remains_if_an_admin_fails(
    client: Client,
    make_posts: MakePosts,
    posts_admin: ModelAdmin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(_: Any, obj: Any = None) -> bool:
        if obj is None:
            return True
        raise RuntimeError("no such tenant")

    monkeypatch.setattr(posts_admin, "has_delete_permission", failing)
    with pytest.raises(RuntimeError):
        chosen(client, make_posts(1))
    assert not Removal.objects.exists()
