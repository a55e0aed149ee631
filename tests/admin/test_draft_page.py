"""The confirmation page and what can be done on it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.asserts import assertRedirects

from moderation.models import Heartbeat, Removal, RemovalBatch
from moderation.models.states import RemovalState
from posts.models import Post, PostImage
from tests.admin.conftest import browser_of, drafted, page_of, words

MakePosts = Callable[..., list[Post]]


@pytest.fixture
def counted(moderator: User, make_posts: MakePosts, settings: Any) -> Removal:
    """A draft of two posts, whose number has to be typed."""
    settings.MODERATION_TYPED_COUNT_FROM = 2
    return drafted(make_posts(2), moderator)


def html(client: Client, removal: Removal, query: str = "") -> str:
    """The confirmation page."""
    response = client.get(page_of(removal) + query)
    assert response.status_code == 200
    return response.content.decode()


def state(removal: Removal) -> str:
    removal.refresh_from_db()
    return removal.state


def test_the_page_says_what_will_be_removed(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    removal = drafted(make_posts(3, images=2), moderator)
    text = re.sub(r"<[^>]+>|\s+", " ", html(client, removal))
    for expected in ("3 posts", "6 pictures", "3 reports", "5.9 KB"):
        assert expected in re.sub(r" +", " ", text)


def test_only_its_author_can_use_a_draft(
    moderator: User, other: User, auditor: User, make_posts: MakePosts
) -> None:
    removal = drafted(make_posts(1), moderator)
    for user in (other, auditor, User.objects.create_superuser("root")):
        browser = browser_of(user)
        assert browser.get(page_of(removal)).status_code == 404
        for action in (
            "save", "confirm", "exclude", "return", "add", "review", "cancel", "preferences",
        ):  # fmt: skip
            assert browser.post(page_of(removal, action), words(removal)).status_code == 404
    assert state(removal) == RemovalState.DRAFT


@pytest.mark.parametrize(
    "action",
    ["save", "confirm", "exclude", "return", "add", "review", "cancel", "stop", "resume", "retry"],
)
def test_state_changes_only_by_post(
    client: Client, moderator: User, make_posts: MakePosts, action: str
) -> None:
    """Who has to log in again in between comes back by GET, and is led to the page."""
    removal = drafted(make_posts(1), moderator)
    assertRedirects(client.get(page_of(removal, action)), page_of(removal))
    assert client.put(page_of(removal, action)).status_code == 405
    assert state(removal) == RemovalState.DRAFT


def test_a_confirmed_draft_is_deleted_and_leads_to_its_progress(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    removal = drafted(make_posts(2), moderator)
    response = client.post(page_of(removal, "confirm"), words(removal, note="ticket 12"))
    assert response["Location"] == page_of(removal)
    assert state(removal) == RemovalState.PURGING
    assert (removal.reason, removal.note) == ("spam", "ticket 12")
    assert not Post.objects.exists()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"reason": ""}, "This field is required"),
        ({"reason": "boredom"}, "is not one of the available choices"),
        ({"note": "x" * 2001}, "at most 2000 characters"),
        ({"seal": "of another tab"}, "perhaps in another tab"),
        ({"seal": ""}, "perhaps in another tab"),
        ({"typed_count": "1"}, "That is not the number selected. Type 2."),
        ({"typed_count": ""}, "This field is required"),
    ],
)
def test_an_invalid_confirmation_deletes_nothing_and_says_why(
    client: Client, counted: Removal, changed: dict[str, str], expected: str
) -> None:
    response = client.post(page_of(counted, "confirm"), words(counted, **changed), follow=True)
    assert expected in response.content.decode()
    assert counted.seal in response.content.decode()
    assert state(counted) == RemovalState.DRAFT
    assert Post.objects.count() == 2


def test_a_confirmation_without_the_count_is_refused(client: Client, counted: Removal) -> None:
    sent = words(counted)
    del sent["typed_count"]
    client.post(page_of(counted, "confirm"), sent)
    assert state(counted) == RemovalState.DRAFT


def test_the_count_may_be_typed_with_separators(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    removal = drafted(make_posts(1_000, images=0), moderator)
    client.post(page_of(removal, "confirm"), words(removal, typed_count=" 1,000 "))
    assert state(removal) == RemovalState.DELETING


def test_changed_objects_are_named_and_nothing_is_deleted(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    posts = make_posts(3)
    removal = drafted(posts, moderator)
    PostImage.objects.create(
        post=posts[1], image="new.jpg", thumbnail="new.webp", size=1, width=1, height=1
    )
    gone = posts[2].pk
    posts[2].delete()
    response = client.post(page_of(removal, "confirm"), words(removal), follow=True)
    content = response.content.decode()
    notice = content[content.index("difference-heading") : content.index("numbers-heading")]
    assert "Cheap pills 1" in notice
    assert f"post {gone}" in notice
    assert "Cheap pills 0" not in notice
    assert Post.objects.count() == 2
    assert state(removal) == RemovalState.DRAFT


def test_many_changes_are_named_up_to_a_limit(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    removal = drafted(make_posts(30), moderator)
    PostImage.objects.update(image="other.jpg")
    content = client.post(page_of(removal, "confirm"), words(removal), follow=True).content.decode()
    assert "and 10 others" in content


def test_an_object_is_excluded_and_kept(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    posts = make_posts(2)
    removal = drafted(posts, moderator)
    value = re.findall(r'value="(\d+:\d+)"', html(client, removal))[0]
    sent = {"seal": removal.seal, "object": value, "show": "pictures", "p": "1"}
    response = client.post(page_of(removal, "exclude"), sent)
    assert response["Location"] == f"{page_of(removal)}?show=pictures&p=1"
    seal = removal.seal
    removal.refresh_from_db()
    assert removal.objects_total == 1
    assert removal.seal != seal
    assert "Keep “Cheap pills 0”" not in html(client, removal)


@pytest.mark.parametrize("value", ["", "1", "1:1", "x:y", "1024:9999999"])
def test_a_button_that_names_nothing_changes_nothing(
    client: Client, moderator: User, make_posts: MakePosts, value: str
) -> None:
    removal = drafted(make_posts(2), moderator)
    client.post(page_of(removal, "exclude"), {"seal": removal.seal, "object": value})
    removal.refresh_from_db()
    assert removal.objects_total == 2


def test_a_draft_without_objects_cannot_be_confirmed(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    removal = drafted(make_posts(1), moderator)
    value = re.findall(r'value="(\d+:\d+)"', html(client, removal))[0]
    client.post(page_of(removal, "exclude"), {"seal": removal.seal, "object": value})
    removal.refresh_from_db()
    assert page_of(removal, "confirm") not in html(client, removal)
    client.post(page_of(removal, "confirm"), words(removal))
    assert state(removal) == RemovalState.DRAFT


def test_blockers_are_named_and_replace_the_form(
    client: Client, moderator: User, make_posts: MakePosts, settings: Any
) -> None:
    settings.MODERATION_REMOVAL_CEILING = 1
    removal = drafted(make_posts(2), moderator)
    content = html(client, removal)
    assert "the limit for one removal is 1" in content
    assert page_of(removal, "confirm") not in content


def test_a_user_who_may_not_view_posts_any_longer_cannot_view_their_draft(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    removal = drafted(make_posts(1), moderator)
    moderator.groups.clear()
    assert client.get(page_of(removal)).status_code == 403
    assert client.post(page_of(removal, "confirm"), words(removal)).status_code == 403


def test_every_picture_and_every_object_is_on_one_of_the_pages(
    client: Client, moderator: User, make_posts: MakePosts, settings: Any
) -> None:
    settings.MODERATION_BATCH_OBJECTS = 40
    removal = drafted([*make_posts(70, images=2), *make_posts(60, images=0)], moderator)
    shown: list[str] = []
    for page, cards in ((1, 60), (2, 60), (3, 20)):
        text = html(client, removal, f"?p={page}")
        found = re.findall(r"<img src=\S+/posts\.postimage/(\d+)/", text)
        assert len(found) == cards
        shown += found
    assert len(set(shown)) == 140
    lines = [
        line
        for page in (1, 2)
        for line in re.findall(
            r'"object"\s+value="(\d+:\d+)"', html(client, removal, f"?show=objects&p={page}")
        )
    ]
    assert len(set(lines)) == len(lines) == 130


def test_pictures_are_lazy_blurred_and_named_after_their_owner(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    content = html(client, drafted(make_posts(1), moderator))
    assert 'loading="lazy"' in content
    assert "Picture of “Cheap pills 0” by spammer" in content


def test_titles_and_file_names_are_escaped(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    attack = "<script>alert(1)</script>"
    posts = make_posts(1, title=attack)
    PostImage.objects.update(image=f"{attack}\"'.jpg")
    removal = drafted(posts, moderator)
    for query in ("", "?show=objects"):
        assert "<script>alert" not in html(client, removal, query)
    PostImage.objects.update(image="changed.jpg")
    response = client.post(page_of(removal, "confirm"), words(removal), follow=True)
    assert "<script>alert" not in response.content.decode()


def test_the_page_says_when_no_worker_runs(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    removal = drafted(make_posts(1), moderator)
    assert "The background worker is not running" in html(client, removal)
    Heartbeat.beat("worker")
    assert "The background worker is not running" not in html(client, removal)


def test_the_page_has_no_input_for_each_object(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    few, many = (html(client, drafted(make_posts(n), moderator)) for n in (60, 600))
    assert few.count('type="hidden"') == many.count('type="hidden"')


def test_a_batch_that_has_grown_too_large_shows_a_message(
    client: Client, moderator: User, make_posts: MakePosts, settings: Any
) -> None:
    removal = drafted(make_posts(3), moderator)
    settings.MODERATION_BATCH_ROWS = 2
    assert RemovalBatch.objects.exists()
    assert "More than 2 rows" in html(client, removal, "?show=pictures")
