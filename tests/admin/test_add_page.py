"""The page of a group lists the posts that share its picture, and adds them to the draft."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from moderation.admin.removals import group_previews
from moderation.exceptions import RemovalError
from moderation.models import Removal
from moderation.removals import add as adding
from posts.models import Post, PostImage, Report
from tests.admin.conftest import drafted, page_of
from tests.admin.desk import said
from tests.admin.drafts import html, keep, kept, press, text_of
from tests.removals.keeping import frozen_keys

MakePosts = Callable[..., list[Post]]
pytestmark = pytest.mark.django_db

SHARED = "a" * 64
GROUP = f"?show=groups&group={SHARED}"
PAGE = {"show": "groups", "group": SHARED}


@pytest.fixture
def posts(make_posts: MakePosts) -> list[Post]:
    """Six posts, of which all but the last share a picture."""
    posts = make_posts(6)
    PostImage.objects.filter(post__in=posts[:5]).update(sha256=SHARED)
    return posts


@pytest.fixture
def draft(posts: list[Post], moderator: User) -> Removal:
    """A draft of the first two posts."""
    return drafted(posts[:2], moderator)


def others(page: str) -> str:
    """Return the part of a page that lists what is not selected, or "" if there is none."""
    found = re.search(r'<section id="others".*?</section>', page, re.DOTALL)
    return found[0] if found else ""


def offered(page: str) -> list[int]:
    """Return the keys of the posts that can be ticked."""
    return list(map(int, re.findall(r'name="add"\s+value="(\d+)"', others(page))))


def keys_of(posts: list[Post]) -> list[int]:
    return [post.pk for post in posts]


def add(client: Client, removal: Removal, *ticked: Any, **sent: str) -> Any:
    keys: Any = {"add": [str(getattr(each, "pk", each)) for each in ticked]}
    return press(client, removal, "add", add_ticked=SHARED, **PAGE, **keys, **sent)


def add_all(client: Client, removal: Removal, **sent: str) -> Any:
    return press(client, removal, "add", add_all=SHARED, **PAGE, **sent)


def test_the_card_leads_to_as_many_posts_as_it_counts(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    page = html(client, draft)
    assert "also in 3 posts that are not selected" in text_of(page)
    assert f"?show=groups&amp;order=rarest&amp;group={SHARED}&amp;back=1#others" in page
    page = html(client, draft, GROUP)
    assert offered(page) == keys_of(posts[2:5])
    assert "Also in 3 posts that are not selected" in text_of(others(page))


def test_the_posts_are_shown_with_what_is_known_about_them(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    Post.objects.filter(pk=posts[3].pk).update(body="Buy now!", created_at="2020-01-01T00:00Z")
    Report.objects.filter(post=posts[3]).update(reason="it is spam")
    listed = others(html(client, draft, GROUP))
    for expected in ("Cheap pills 3", "spammer", "Buy now!", "it is spam", "2020", "<img"):
        assert expected in listed


def test_ticked_posts_are_added_and_the_page_stays(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    response = add(client, draft, posts[2], posts[4], p="1", others="2")
    assert said(response) == "Added 2 posts to the selection, which now has 4 posts."
    assert response["Location"] == f"{page_of(draft)}{GROUP}&p=1&others=2"
    assert frozen_keys(draft) == keys_of([*posts[:3], posts[4]])
    assert offered(html(client, draft, GROUP)) == [posts[3].pk]


def test_all_posts_of_the_group_are_added_at_once(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    response = add_all(client, draft)
    assert said(response) == "Added 3 posts to the selection, which now has 5 posts."
    assert frozen_keys(draft) == keys_of(posts[:5])
    page = html(client, draft, GROUP)
    assert others(page) == ""
    assert "also in" not in text_of(page)
    assert "×5 in 5 posts" in text_of(page)


def test_posts_of_a_near_group_are_offered_for_each_of_its_files(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    PostImage.objects.filter(post__in=posts[1:]).update(sha256="b" * 64)
    hashes = {"perceptual_hash": "0f" * 32}
    PostImage.objects.filter(post__in=posts).update(**hashes)
    page = html(client, draft, GROUP)
    assert "nearly identical" in page
    assert offered(page) == keys_of(posts[2:])


def test_a_kept_post_is_labelled_as_kept_and_returned(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    keep(client, draft, posts[0])
    assert "also in 4 posts that are not selected" in text_of(html(client, draft))
    page = html(client, draft, GROUP)
    assert offered(page) == keys_of([posts[0], *posts[2:5]])
    assert len(re.findall(r'removal-state">kept<', page)) == 1
    text = said(add(client, draft, posts[0], posts[2]))
    assert "Added 1 post to the selection" in text
    assert "1 post returned to the selection, which now has 3 posts." in text
    assert kept(draft) == []
    assert frozen_keys(draft) == keys_of(posts[:3])


def test_kept_posts_stay_kept_when_all_others_are_added(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    keep(client, draft, posts[0])
    assert "Add the 3 posts that you did not keep" in text_of(html(client, draft, GROUP))
    add_all(client, draft)
    assert kept(draft) == [posts[0].pk]
    assert frozen_keys(draft) == keys_of(posts[1:5])
    page = html(client, draft, GROUP)
    assert offered(page) == [posts[0].pk]
    assert 'name="add_all"' not in page


def test_adding_all_when_none_is_left_says_so(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    keep(client, draft, posts[0])
    Post.objects.filter(pk__in=keys_of(posts[2:5])).delete()
    assert said(add_all(client, draft)) == (
        "Nothing was added. No others with this picture are left to add."
    )
    assert frozen_keys(draft) == [posts[1].pk]


def test_what_was_added_is_said_although_a_kept_post_cannot_be_returned(
    client: Client, draft: Removal, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RemovalError("Too many rows refer to these now.")

    keep(client, draft, posts[0])
    monkeypatch.setattr(adding, "return_kept", fail)
    text = said(add(client, draft, posts[0], posts[2]))
    assert "Added 1 post to the selection, which now has 2 posts." in text
    assert "Too many rows refer to these now." in text
    assert "no longer exist" not in text


def test_the_list_is_paged(
    client: Client, draft: Removal, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_previews, "OBJECTS_PER_PAGE", 1)
    for number, post in enumerate(posts[2:5], 1):
        assert offered(html(client, draft, f"{GROUP}&others={number}&p=2")) == [post.pk]
    assert "others=2&amp;p=2#others" in html(client, draft, f"{GROUP}&p=2").replace(
        "p=2&amp;others=2", "others=2&amp;p=2"
    )
    for others_page in ("x", "99", "%00", "9" * 5000):
        assert len(offered(html(client, draft, f"{GROUP}&others={others_page}"))) == 1


def test_only_posts_that_the_admin_shows_are_listed_counted_and_added(
    client: Client, draft: Removal, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    posts_admin = admin.site.get_model_admin(Post)
    monkeypatch.setattr(posts_admin, "get_queryset", lambda _: Post.objects.exclude(pk=posts[3].pk))
    assert "also in 2 posts that are not selected" in text_of(html(client, draft))
    page = html(client, draft, GROUP)
    assert offered(page) == keys_of([posts[2], posts[4]])
    assert "Cheap pills 3" not in page
    add(client, draft, posts[3])
    assert frozen_keys(draft) == keys_of(posts[:2])
    add_all(client, draft)
    assert frozen_keys(draft) == keys_of([*posts[:3], posts[4]])


def test_a_post_that_may_not_be_removed_is_named_and_not_added(
    client: Client, draft: Removal, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    posts_admin = admin.site.get_model_admin(Post)
    monkeypatch.setattr(
        posts_admin, "has_delete_permission", lambda _, obj=None: "pills 3" not in str(obj)
    )
    text = said(add_all(client, draft))
    assert "Added 2 posts to the selection, which now has 4 posts." in text
    assert "Not added, because you may not remove them: Post: Cheap pills 3" in text
    assert frozen_keys(draft) == keys_of([*posts[:3], posts[4]])


def test_a_post_that_was_deleted_or_changed_is_skipped_with_a_message(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    ticked = list(posts[2:5])
    PostImage.objects.filter(post=posts[3]).update(sha256="c" * 64)
    gone = posts[2].pk
    posts[2].delete()
    text = said(add(client, draft, gone, *ticked[1:]))
    assert "Added 1 post to the selection, which now has 3 posts." in text
    assert "2 posts were not added, because they no longer exist" in text
    assert frozen_keys(draft) == keys_of([*posts[:2], posts[4]])


def test_a_post_with_another_picture_cannot_be_added(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    assert "1 post was not added" in said(add(client, draft, posts[5]))
    assert frozen_keys(draft) == keys_of(posts[:2])


@pytest.mark.parametrize("ticked", [[], ["x"], ["\0"], ["-1"], ["9" * 30], [""]])
def test_keys_that_are_not_of_a_post_add_nothing(
    client: Client, draft: Removal, posts: list[Post], ticked: list[str]
) -> None:
    assert "not added" in said(add(client, draft, *ticked)) or not ticked
    assert frozen_keys(draft) == keys_of(posts[:2])


def test_adding_without_ticking_says_what_to_do(client: Client, draft: Removal) -> None:
    assert said(add(client, draft)) == "Nothing was added. Tick what you want to add."


@pytest.mark.parametrize("key", ["", "x", "\0", "0" * 64])
def test_a_group_that_does_not_exist_adds_nothing(
    client: Client, draft: Removal, posts: list[Post], key: str
) -> None:
    press(client, draft, "add", add_all=key)
    press(client, draft, "add", add_ticked=key, add=str(posts[2].pk))
    assert frozen_keys(draft) == keys_of(posts[:2])


def test_an_older_page_adds_nothing(client: Client, draft: Removal, posts: list[Post]) -> None:
    old = draft.seal
    add(client, draft, posts[2])
    sent = {"seal": old, "add_all": SHARED, **PAGE}
    response: Any = client.post(page_of(draft, "add"), sent)
    assert "1 post was added to the selection" in said(response)
    draft.refresh_from_db()
    assert draft.objects_total == 3


def test_a_large_group_is_added_in_several_steps(
    client: Client, draft: Removal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "most_added", lambda: 2)
    monkeypatch.setattr(group_previews, "most_added", lambda: 2)
    assert "Add the first 2 posts to the selection" in text_of(html(client, draft, GROUP))
    text = said(add_all(client, draft))
    assert "Added 2 posts to the selection, which now has 4 posts." in text
    assert "1 post with this picture" in text
    assert "Add this post to the selection" in text_of(html(client, draft, GROUP))
    assert said(add_all(client, draft)) == ("Added 1 post to the selection, which now has 5 posts.")


def test_the_page_and_the_action_take_the_same_queries_for_any_number(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    def queries(number: int) -> tuple[int, int]:
        key = f"{number:064x}"
        made = make_posts(2 + number)
        PostImage.objects.filter(post__in=made).update(sha256=key)
        removal = drafted(made[:2], moderator)
        html(client, removal, f"?show=groups&group={key}")
        with CaptureQueriesContext(connection) as page:
            html(client, removal, f"?show=groups&group={key}")
        with CaptureQueriesContext(connection) as action:
            press(client, removal, "add", add_all=key)
        assert removal.objects_total == 2 + number
        return len(page), len(action)

    assert queries(20) == queries(30)  # enough to be compared with each other
