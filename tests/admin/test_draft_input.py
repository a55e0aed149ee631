"""Reason and note stay on the page of a draft, whatever is done there before it is confirmed."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation.models import Removal
from posts.models import Post
from tests.admin.conftest import drafted, page_of, words
from tests.admin.drafts import html, keep, press, value_of
from tests.admin.pages import Elements

MakePosts = Callable[..., list[Post]]
pytestmark = pytest.mark.django_db


@pytest.fixture
def posts(make_posts: MakePosts) -> list[Post]:
    return make_posts(4)


@pytest.fixture
def draft(posts: list[Post], moderator: User) -> Removal:
    return drafted(posts, moderator)


def entered(page: str) -> tuple[str, str]:
    """Return the chosen reason and the note in the form of a page."""
    inputs = Elements(page).attributes("input")
    chosen = [
        each["value"] for each in inputs if each.get("name") == "reason" and "checked" in each
    ]
    note = re.search(r"<textarea[^>]*>\s*(.*?)</textarea>", page, re.DOTALL)
    assert note
    return "".join(chosen), note[1]


def test_reason_and_note_survive_each_action_on_the_draft(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    assert entered(html(client, draft)) == ("", "")
    keep(client, draft, posts[0], reason="spam", note="ticket 12")
    assert entered(html(client, draft, "?show=objects")) == ("spam", "ticket 12")
    press(client, draft, "return", last="yes", reason="abuse", note="")
    assert entered(html(client, draft)) == ("abuse", "")
    client.post(page_of(draft, "confirm"), words(draft, seal="", note="ticket 13"))
    assert entered(html(client, draft)) == ("spam", "ticket 13")


def test_invalid_or_missing_input_leaves_what_is_stored(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    keep(client, draft, posts[0], reason="spam", note="ticket 12")
    keep(client, draft, posts[1])
    keep(client, draft, posts[2], reason="boredom", note="x" * 2001)
    press(client, draft, "return", last="yes", reason="\0", note="\0")
    assert entered(html(client, draft)) == ("spam", "ticket 12")


def test_an_old_page_does_not_change_the_reason_of_a_confirmed_removal(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    client.post(page_of(draft, "confirm"), words(draft, note="ticket 12"))
    for action in ("exclude", "return", "confirm"):
        client.post(page_of(draft, action), {"reason": "other", "note": "late", "seal": draft.seal})
    draft.refresh_from_db()
    assert (draft.reason, draft.note) == ("spam", "ticket 12")


def test_enter_in_a_text_field_confirms_instead_of_keeping_a_post(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    """Browsers press the first button of the form, wherever it is on the page."""
    keep(client, draft, posts[0])
    buttons = [
        attributes
        for tag, attributes in Elements(html(client, draft)).found
        if tag == "button"
        and (attributes.get("form") == "draft-form" or "object" in attributes.values())
    ]
    assert buttons[0]["formaction"] == page_of(draft, "confirm")
    press(client, draft, "exclude", owner_of=value_of(draft, posts[1]))
    assert page_of(draft, "confirm") not in html(client, draft)


def test_keep_does_not_ask_for_a_reason(client: Client, draft: Removal, posts: list[Post]) -> None:
    """The reason is a required field of the same form."""
    keep(client, draft, posts[0])
    for query in ("", "?show=objects", "?show=kept"):
        buttons = Elements(html(client, draft, query)).attributes("button")
        named = [
            button for button in buttons if button.get("name") in ("object", "owner_of", "last")
        ]
        assert len(named) > 1
        assert all("formnovalidate" in button for button in named)
