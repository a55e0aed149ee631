"""The posts that are related to a post, on its page: links, numbers, and drafts in one click."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from moderation.models import FrozenKeys, Removal
from posts.admin import related_posts
from posts.models import Post, PostImage
from tests.admin.conftest import browser_of, make_user
from tests.admin.desk import said
from tests.admin.drafts import text_of
from tests.picture_groups.test_near import with_bits

pytestmark = pytest.mark.django_db


@pytest.fixture
def posts(db: None) -> list[Post]:
    """Three posts of eve, of which two have pictures; one is shared with a post of ada."""
    eve, ada = (User.objects.create_user(name) for name in ("eve", "ada"))
    made = [Post.objects.create(author=eve, title=f"Cheap pills {n}") for n in range(3)]
    made.append(Post.objects.create(author=ada, title="Copied"))
    for number, (post, sha256) in enumerate(
        [(made[0], "a"), (made[0], "b"), (made[0], "b"), (made[1], "a"), (made[3], "b")]
    ):
        PostImage.objects.bulk_create([
            PostImage(post=post, image=f"{number}.png", thumbnail=f"{number}.webp", size=1, width=1,
                      height=1, sha256=sha256 * 64,
                      perceptual_hash=with_bits(0) if sha256 == "a" else "")
        ])  # fmt: skip
    return made


@pytest.fixture
def moderator(db: None) -> User:
    return make_user("mod", "Moderators")


@pytest.fixture
def client(moderator: User) -> Client:
    return browser_of(moderator)


def page_of(post: Post) -> str:
    return f"/admin/posts/post/{post.pk}/change/"


def section(client: Client, post: Post) -> str:
    page = client.get(page_of(post)).text
    return page.partition('<section class="related-posts"')[2].partition("</section>")[0]


def press(client: Client, post: Post, value: str, query: str = "") -> Any:
    return client.post(f"/admin/posts/post/{post.pk}/remove/{query}", {"posts": value})


def selected() -> set[int]:
    removal = Removal.objects.get()
    keys = Post.objects.filter(pk__in=FrozenKeys(removal, Post))
    return set(keys.values_list("pk", flat=True))


class TestSection:
    def test_links_to_the_lists_of_related_posts(self, client: Client, posts: list[Post]) -> None:
        found = section(client, posts[0]).replace("&amp;", "&")
        path = "/admin/posts/post/?"
        for query in (
            "author=eve",
            "author=eve&created_at__within=week",
            f"picture={'a' * 64}",
            f"picture={'b' * 64}",
            f"like={with_bits(0)}",
        ):
            assert found.count(f'href="{path}{query}"') == 1, query
        assert found.count("like=") == 1
        assert "Posts by this author in the last 7 days" in found

    def test_says_how_many_posts_each_button_removes(
        self, client: Client, posts: list[Post]
    ) -> None:
        found = text_of(section(client, posts[0]))
        assert "Remove this author’s 3 posts…" in found
        assert found.count("Remove 2 posts with this picture…") == 2
        assert "Remove 3 posts with any of these pictures…" in found
        assert "Remove this author’s only post…" in text_of(section(client, posts[3]))
        assert "any of these pictures" not in text_of(section(client, posts[3]))

    def test_number_for_an_author_matches_the_list_if_another_name_differs_only_in_case(
        self, client: Client, posts: list[Post]
    ) -> None:
        Post.objects.create(author=User.objects.create_user("Eve"), title="Not by eve")
        assert "Remove this author’s 3 posts…" in text_of(section(client, posts[0]))
        url = section(client, posts[0]).partition('href="')[2].partition('"')[0]
        assert client.get(url).context["cl"].result_count == 3

    def test_has_no_numbers_above_the_cap(
        self, client: Client, posts: list[Post], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(related_posts, "MOST_COUNTED", 1)
        found = text_of(section(client, posts[0]))
        assert "Remove this author’s posts…" in found
        assert found.count("Remove posts with this picture…") == 2
        assert "Remove posts with any of these pictures…" in found

    def test_has_no_button_for_users_who_may_only_view(self, posts: list[Post]) -> None:
        viewer = browser_of(make_user("viewer", codes=("view_post",)))
        found = section(viewer, posts[0])
        assert "Posts by eve" in found
        assert "<button" not in found
        assert "<form" not in found

    def test_is_not_on_the_page_for_a_new_post(self, admin_client: Client) -> None:
        assert "related-posts" not in admin_client.get("/admin/posts/post/add/").text

    def test_takes_the_same_queries_for_any_number_of_posts_and_pictures(
        self, client: Client, posts: list[Post]
    ) -> None:
        counts = []
        for number in (0, 20):
            for n in range(number):
                post = Post.objects.create(author=posts[0].author, title="More")
                PostImage.objects.bulk_create([
                    PostImage(post=each, image=f"{n}{each.pk}.png", thumbnail=f"{n}{each.pk}.webp",
                              size=1, width=1, height=1, sha256=f"{n:064d}")
                    for each in (post, posts[0])
                ])  # fmt: skip
            section(client, posts[0])
            with CaptureQueriesContext(connection) as captured:
                section(client, posts[0])
            counts.append(len(captured))
        assert counts[0] == counts[1]


class TestButtons:
    @pytest.mark.parametrize(
        ("value", "numbers"),
        [("author", {0, 1, 2}), ("a" * 64, {0, 1}), ("b" * 64, {0, 3}), ("pictures", {0, 1, 3})],
    )
    def test_create_a_draft_and_lead_to_it(
        self, client: Client, posts: list[Post], value: str, numbers: set[int]
    ) -> None:
        response = press(client, posts[0], value)
        removal = Removal.objects.get()
        assert response.headers["Location"] == f"/admin/moderation/removal/{removal.pk}/change/"
        assert selected() == {posts[number].pk for number in numbers}
        assert Post.objects.count() == 4

    def test_selects_no_posts_with_pictures_that_are_not_shown(
        self, client: Client, posts: list[Post], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(related_posts, "MOST_SHOWN", 1)
        press(client, posts[0], "pictures")
        assert selected() == {posts[0].pk, posts[1].pk}

    def test_draft_leads_back_to_the_list_that_the_user_came_from(
        self, client: Client, posts: list[Post]
    ) -> None:
        query = "?_changelist_filters=reported%3Dyes"
        assert f"/remove/{query}" in client.get(page_of(posts[0]) + query).text
        press(client, posts[0], "author", query)
        assert Removal.objects.get().list_query == "reported=yes"

    @pytest.mark.parametrize("value", ["", "c" * 64, "nonsense"])
    def test_pictures_that_the_post_does_not_have_select_nothing(
        self, client: Client, posts: list[Post], value: str
    ) -> None:
        response = press(client, posts[0], value)
        assert response.headers["Location"] == page_of(posts[0])
        assert "The post no longer has this picture. Nothing was selected." in said(response)
        assert not Removal.objects.exists()

    def test_pictures_of_a_post_without_any_select_nothing(
        self, client: Client, posts: list[Post]
    ) -> None:
        assert press(client, posts[2], "pictures").headers["Location"] == page_of(posts[2])
        assert not Removal.objects.exists()

    def test_by_get_nothing_is_created(self, client: Client, posts: list[Post]) -> None:
        response = client.get(f"/admin/posts/post/{posts[0].pk}/remove/", {"posts": "author"})
        assert response.headers["Location"] == page_of(posts[0])
        assert not Removal.objects.exists()

    def test_without_the_token_nothing_is_created(self, moderator: User, posts: list[Post]) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(moderator)
        assert press(client, posts[0], "author").status_code == 403
        assert not Removal.objects.exists()

    def test_leave_out_what_the_user_does_not_see_or_may_not_remove(
        self, client: Client, posts: list[Post], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        posts_admin: Any = admin.site.get_model_admin(Post)
        hidden, refused = posts[1].pk, posts[2].pk
        seen: Callable[[Any], Any] = lambda _request: Post.objects.exclude(pk=hidden)  # noqa: E731
        monkeypatch.setattr(posts_admin, "get_queryset", seen)
        monkeypatch.setattr(
            posts_admin, "has_delete_permission", lambda _r, obj=None: not obj or obj.pk != refused
        )
        response = press(client, posts[0], "author")
        assert selected() == {posts[0].pk}
        assert "Not selected, because you may not remove them: Post: Cheap pills 2" in said(
            response
        )

    def test_ceiling_applies_as_to_a_selection(
        self, client: Client, posts: list[Post], settings: Any
    ) -> None:
        settings.MODERATION_REMOVAL_CEILING = 2
        response = client.get(press(client, posts[0], "author").headers["Location"])
        assert "You selected 3 posts; the limit for one removal is 2." in response.text


def test_week_of_the_link_is_that_of_the_filter(client: Client, posts: list[Post]) -> None:
    Post.objects.filter(pk=posts[1].pk).update(created_at=timezone.now() - timedelta(days=8))
    page = client.get("/admin/posts/post/", {"author": "eve", "created_at__within": "week"})
    found = {post.pk for post in page.context["cl"].result_list}
    assert found == {posts[0].pk, posts[2].pk}
