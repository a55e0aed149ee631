"""Keep on the page of a draft: what was kept, and how to undo it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from moderation.models import Removal
from moderation.models.states import RemovalState
from posts.models import Post
from tests.admin.conftest import drafted, page_of, words
from tests.admin.desk import said
from tests.admin.drafts import html, keep, kept, press, text_of, value_of

MakePosts = Callable[..., list[Post]]
pytestmark = pytest.mark.django_db


@pytest.fixture
def posts(make_posts: MakePosts) -> list[Post]:
    return make_posts(4)


@pytest.fixture
def draft(posts: list[Post], moderator: User) -> Removal:
    return drafted(posts, moderator)


def notice(page: str) -> str:
    """Return the text about the last Keep, or "" if there is none."""
    found = re.search(r'class="removal-last-kept".*?</div>', page, re.DOTALL)
    return text_of(f"<{found[0]}") if found else ""


def test_the_page_names_what_was_kept_and_offers_undo(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    assert notice(html(client, draft)) == ""
    keep(client, draft, posts[1])
    expected = "Kept: “Cheap pills 1”. 3 posts left in the selection. Undo the last Keep"
    for query in ("", "?show=objects", "?show=kept"):
        assert notice(html(client, draft, query)) == expected
    press(client, draft, "return", last="yes")
    assert (kept(draft), draft.objects_total) == ([], 4)
    page = html(client, draft)
    assert notice(page) == ""
    assert "1 post returned to the selection, which now has 4 posts." in page
    assert "Keep “Cheap pills 1”" in page


def test_undo_is_about_the_last_keep_only(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    keep(client, draft, posts[0])
    keep(client, draft, posts[2])
    press(client, draft, "return", last="yes")
    assert kept(draft) == [posts[0].pk]
    assert notice(html(client, draft)) == ""


def test_all_posts_of_an_author_are_kept_and_returned_with_one_click(
    client: Client, moderator: User, make_posts: MakePosts, settings: Any
) -> None:
    settings.MODERATION_BATCH_OBJECTS = 3
    spam, regular = make_posts(5), User.objects.create_user("regular")
    good = [Post.objects.create(author=regular, title=f"Good post {n}") for n in range(5)]
    removal = drafted([*spam, *good], moderator)
    assert "Keep all by spammer" in html(client, removal)
    assert "Keep all by regular" in html(client, removal, "?show=without-pictures")
    keep(client, removal, good[1])
    press(client, removal, "exclude", owner_of=value_of(removal, good[4]))
    assert set(kept(removal)) == {post.pk for post in good}
    assert notice(html(client, removal)) == (
        "Kept 4 posts: “Good post 0”, “Good post 2”, “Good post 3” and 1 other. "
        "5 posts left in the selection. Undo the last Keep"
    )
    press(client, removal, "return", last="yes")
    assert kept(removal) == [good[1].pk]


@pytest.mark.parametrize("value", ["", "1", "1:1", "x:y", "1024:9999999", "1024:\0"])
@pytest.mark.parametrize("name", ["object", "owner_of"])
@pytest.mark.parametrize("action", ["exclude", "return"])
def test_a_button_that_names_nothing_changes_nothing(
    client: Client, draft: Removal, posts: list[Post], *, action: str, name: str, value: str
) -> None:
    keep(client, draft, posts[0])
    press(client, draft, action, **{name: value})
    assert (kept(draft), draft.objects_total) == ([posts[0].pk], 3)


def test_kept_posts_have_a_tab_from_which_they_return(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    assert "?show=kept" not in html(client, draft)
    for post in posts[:3]:
        keep(client, draft, post)
    assert "Kept 3" in text_of(html(client, draft))
    page = html(client, draft, "?show=kept")
    titles = re.findall(r'<a href="[^"]*"[^>]*>\s*(Cheap pills \d)', page)
    assert titles == [post.title for post in posts[:3]]
    assert "Keep “" not in page
    response = press(client, draft, "return", object=value_of(draft, posts[1]), show="kept")
    assert response["Location"] == f"{page_of(draft)}?show=kept"
    assert kept(draft) == [posts[0].pk, posts[2].pk]
    press(client, draft, "return", all="yes")
    assert (kept(draft), draft.objects_total) == ([], 4)
    assert "Keep “Cheap pills 0”" in html(client, draft, "?show=kept"), "the other tab"


def test_the_tab_of_kept_posts_has_pages(
    client: Client, moderator: User, make_posts: MakePosts, settings: Any
) -> None:
    settings.MODERATION_BATCH_OBJECTS = 40
    removal = drafted(make_posts(150, images=0), moderator)
    press(client, removal, "exclude", owner_of=value_of(removal, Post.objects.latest("pk")))
    found = [
        value
        for page in (1, 2)
        for value in re.findall(
            r'name="object"\s+value="(\d+:\d+)"', html(client, removal, f"?show=kept&p={page}")
        )
    ]
    assert len(set(found)) == len(found) == 150


def test_the_page_takes_the_same_queries_for_any_number_of_kept_posts(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    counts = set()
    for number in (5, 50):
        posts = make_posts(number)
        removal = drafted([*posts, *make_posts(1)], moderator)
        for post in posts:
            Post.objects.filter(pk=post.pk).update(author=moderator)
        press(client, removal, "exclude", owner_of=value_of(removal, posts[0]))
        for query in ("", "?show=kept"):
            html(client, removal, query)
            with CaptureQueriesContext(connection) as captured:
                html(client, removal, query)
            counts.add((query, len(captured)))
    assert len(counts) == 2


def test_buttons_of_kept_posts_with_equal_titles_have_names_of_their_own(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    Post.objects.update(title="Buy now")
    press(client, draft, "exclude", owner_of=value_of(draft, posts[0]))
    page = html(client, draft, "?show=kept")
    names = Counter(re.findall(r"aria-label=\"(Return [^\"]*)\"", page))
    assert (len(names), set(names.values())) == (8, {1})


def test_long_titles_are_cut_and_escaped(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    posts = make_posts(2, title="<script>alert(1)</script>" + "long " * 40)
    removal = drafted(posts, moderator)
    keep(client, removal, posts[0])
    for query in ("", "?show=kept"):
        page = html(client, removal, query)
        assert "<script>alert" not in page
        assert len(notice(page)) < 140


def test_a_post_that_left_the_list_is_neither_named_nor_returned(
    client: Client, draft: Removal, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(client, draft, posts[0])
    Post.objects.filter(pk=posts[0].pk).update(title="Moved away")
    posts_admin = admin.site.get_model_admin(Post)
    monkeypatch.setattr(posts_admin, "get_queryset", lambda _: Post.objects.exclude(pk=posts[0].pk))
    for query in ("", "?show=kept"):
        assert "Moved away" not in html(client, draft, query)
    assert f"Kept: post {posts[0].pk}." in html(client, draft)
    response = press(client, draft, "return", last="yes")
    assert f"you may not remove them: Post {posts[0].pk} (no longer in your list)" in said(response)
    assert kept(draft) == [posts[0].pk]


def test_a_post_that_may_not_be_removed_any_longer_is_named_and_stays_kept(
    client: Client, draft: Removal, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    press(client, draft, "exclude", owner_of=value_of(draft, posts[0]))
    posts_admin = admin.site.get_model_admin(Post)
    monkeypatch.setattr(
        posts_admin, "has_delete_permission", lambda _, obj=None: "pills 2" not in str(obj)
    )
    text = said(press(client, draft, "return", all="yes"))
    assert "3 posts returned to the selection, which now has 3 posts." in text
    assert "Not returned, because you may not remove them: Post: Cheap pills 2" in text
    assert kept(draft) == [posts[2].pk]


def test_a_post_that_was_deleted_is_named(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    gone = posts[0].pk
    keep(client, draft, posts[0])
    posts[0].delete()
    assert f"Kept: post {gone}." in html(client, draft)
    assert "no longer available" in html(client, draft, "?show=kept")
    text = said(press(client, draft, "return", last="yes"))
    assert text == f"Not returned, because someone else removed them: {gone}"
    assert kept(draft) == []


def test_the_buttons_of_an_older_page_are_refused(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    old = draft.seal
    keep(client, draft, posts[0])
    for action, sent in (
        ("exclude", {"object": value_of(draft, posts[1])}),
        ("exclude", {"owner_of": value_of(draft, posts[1])}),
        ("return", {"last": "yes"}),
        ("return", {"owner_of": value_of(draft, posts[0])}),
        ("return", {"pictures_of": str(posts[0].pk)}),
        ("return", {"text_of": str(posts[0].pk)}),
        ("return", {"all": "yes"}),
    ):
        response: Any = client.post(page_of(draft, action), {"seal": old, **sent})
        assert f"changed since you opened this page: 1 post was kept ({posts[0].pk})" in said(
            response
        )
    assert kept(draft) == [posts[0].pk]


def test_a_page_that_shows_the_selection_as_it_is_again_is_valid(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    seal = draft.seal
    keep(client, draft, posts[0])
    press(client, draft, "return", last="yes")
    assert client.post(page_of(draft, "confirm"), words(draft, seal=seal)).status_code == 302
    assert not Post.objects.exists()


def test_an_emptied_draft_says_how_to_fill_it(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    press(client, draft, "exclude", owner_of=value_of(draft, posts[0]))
    page = html(client, draft)
    assert "You kept everything that was selected." in page
    assert page_of(draft, "confirm") not in page
    assert "Return all to the selection" in html(client, draft, "?show=kept")
    client.post(page_of(draft, "confirm"), words(draft))
    draft.refresh_from_db()
    assert draft.state == RemovalState.DRAFT
    press(client, draft, "return", all="yes")
    assert client.post(page_of(draft, "confirm"), words(draft)).status_code == 302
