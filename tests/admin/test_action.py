"""The action `remove_selected`, and the delete page of a single object."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.test import Client, RequestFactory

from moderation.admin.action import RemoveSelectedMixin
from moderation.models import Removal
from posts.models import Post
from tests.admin.conftest import LIST, browser_of, make_user, page_of
from tests.admin.desk import Removing

MakePosts = Callable[..., list[Post]]


def select(client: Client, posts: list[Post], *, across: bool = False, query: str = "") -> Removal:
    """Select posts on the change list, let the action run, and give the draft it leads to."""
    sent = {"action": "remove_selected", "_selected_action": [post.pk for post in posts]}
    response = client.post(f"{LIST}{query}", sent | {"select_across": int(across), "index": 0})
    removal = Removal.objects.get()
    assert response.status_code == 302
    assert response["Location"] == page_of(removal)
    return removal


def test_the_action_freezes_what_was_ticked(client: Client, make_posts: MakePosts) -> None:
    posts = make_posts(5)
    assert select(client, posts[:2]).objects_total == 2


def test_1500_posts_are_selected_across_pages(client: Client, make_posts: MakePosts) -> None:
    posts = make_posts(1_500)
    Post.objects.filter(pk=posts[0].pk).update(title="An honest post")
    removal = select(client, posts[:100], across=True, query="?q=pills")
    assert removal.objects_total == 1_499
    assert removal.batches.count() == 3


def test_djangos_own_action_is_not_offered(client: Client, make_posts: MakePosts) -> None:
    make_posts(1)
    content = client.get(LIST).content.decode()
    assert 'value="remove_selected"' in content
    assert "delete_selected" not in content


def test_the_action_is_already_chosen_if_it_is_the_only_one(
    rf: RequestFactory, moderator: User
) -> None:
    request = rf.get(LIST)
    request.user = moderator
    choices = [name for name, _ in Removing(Post, admin.site).get_action_choices(request)]
    assert choices == ["remove_selected"]


@pytest.mark.parametrize("may_delete", [True, False])
def test_another_action_is_never_already_chosen(
    may_delete: bool, rf: RequestFactory, moderator: User
) -> None:
    class Others(RemoveSelectedMixin, admin.ModelAdmin):
        actions = ("touch",)

        def touch(self, request: HttpRequest, queryset: QuerySet[Post]) -> None: ...

        def has_delete_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
            return may_delete

    request = rf.get(LIST)
    request.user = moderator
    names = [name for name, _ in Others(Post, admin.site).get_action_choices(request)]
    assert names == ["", "remove_selected", "touch"] if may_delete else ["", "touch"]


def test_who_may_not_delete_is_not_offered_the_action(make_posts: MakePosts) -> None:
    posts = make_posts(1)
    reader = browser_of(make_user("reader", codes=("view_post",)))
    assert "remove_selected" not in reader.get(LIST).content.decode()
    reader.post(LIST, {"action": "remove_selected", "_selected_action": [posts[0].pk]})
    assert not Removal.objects.exists()


def test_a_refused_selection_shows_a_message_on_the_change_list(
    client: Client, make_posts: MakePosts, settings: pytest.FixtureRequest
) -> None:
    posts = make_posts(1, images=3)
    settings.MODERATION_BATCH_ROWS = 2  # type: ignore[attr-defined]
    sent = {"action": "remove_selected", "_selected_action": [posts[0].pk]}
    response = client.post(LIST, sent, follow=True)
    assert "alone would delete more than 2 rows" in response.content.decode()
    assert not Removal.objects.exists()


def test_every_model_of_the_cascade_that_the_site_shows_must_be_deletable(
    moderator: User, make_posts: MakePosts
) -> None:
    post = make_posts(1)[0]
    superuser = User.objects.create_superuser("root")
    sent = {"action": "remove_selected", "_selected_action": [post.author_id]}
    browser_of(superuser).post("/admin/auth/user/", sent)
    removal = Removal.objects.get()
    assert removal.permissions == ["auth.delete_user", "posts.delete_post"]
    assert removal.rows_by_model["posts.Post"] == 1


def test_the_delete_page_of_one_object_makes_its_draft_by_post_only(
    client: Client, make_posts: MakePosts
) -> None:
    post = make_posts(2)[0]
    response = client.get(f"{LIST}{post.pk}/delete/")
    assert "Review and remove" in response.content.decode()
    assert not Removal.objects.exists()
    client.post(f"{LIST}{post.pk}/delete/")
    assert Removal.objects.get().objects_total == 1


def test_an_object_that_the_admin_does_not_show_has_no_delete_page(
    client: Client, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = make_posts(1)[0]
    posts_admin = admin.site.get_model_admin(Post)
    monkeypatch.setattr(posts_admin, "get_queryset", lambda _request: Post.objects.none())
    for method in (client.get, client.post):
        assert method(f"{LIST}{post.pk}/delete/").status_code == 404


def test_an_admin_without_actions_does_not_get_one(
    moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts_admin = admin.site.get_model_admin(Post)
    request = RequestFactory().get(LIST)
    request.user = moderator
    monkeypatch.setattr(posts_admin, "actions", None)
    assert posts_admin.get_actions(request) == {}


@pytest.mark.parametrize("key", ["zz", "9" * 20, ""])
def test_a_key_that_no_row_can_have_is_a_bad_request(
    client: Client, make_posts: MakePosts, key: str
) -> None:
    posts = make_posts(1)
    sent = {"action": "remove_selected", "_selected_action": [posts[0].pk, key]}
    assert client.post(LIST, sent).status_code == 400
    assert not Removal.objects.exists()


def test_the_delete_page_refuses_a_secret_column_as_a_key(db: None) -> None:
    """Otherwise users could guess the values, because a page exists for each that matches."""
    root = browser_of(User.objects.create_superuser("root", email="root@example.org"))
    address = "/admin/auth/user/root@example.org/delete/"
    assert root.get(f"{address}?_to_field=email").status_code == 400
    assert root.post(address, {"_to_field": "email"}).status_code == 400
    assert not Removal.objects.exists()
