"""What was entered on the page of a draft stays, whatever is done there before it is confirmed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation.admin.removals import check_first, group_previews
from moderation.models import Removal
from posts.models import Post, PostImage
from tests.admin.conftest import drafted, page_of, words
from tests.admin.drafts import html, keep, press, text_of, value_of
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


def test_an_empty_note_on_an_older_page_does_not_erase_a_later_one(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    older = draft.seal
    keep(client, draft, posts[0], note="ticket 12")
    sent = {"object": value_of(draft, posts[1]), "note": ""}
    client.post(page_of(draft, "exclude"), {**sent, "seal": older})
    assert entered(html(client, draft)) == ("", "ticket 12")
    press(client, draft, "exclude", **sent)
    assert entered(html(client, draft)) == ("", "")


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


def marked(removal: Removal, *posts: Post) -> list[str]:
    """Mark posts to be checked first; return the values of their boxes."""
    marks = [removal.marked_objects.create(key=str(post.pk)) for post in posts]
    return [str(mark.pk) for mark in marks]


def reviewed(removal: Removal) -> set[str]:
    """Return the values of the boxes of posts that have been reviewed."""
    return {str(mark.pk) for mark in removal.marked_objects.filter(is_reviewed=True)}


@pytest.mark.parametrize(
    ("action", "button"),
    [
        *((action, "") for action in ("save", "exclude", "return", "add", "review", "confirm")),
        *(("preferences", button) for button in ("", "open", "unblur")),
    ],
)
@pytest.mark.parametrize("seal", ["", "valid"])
def test_each_action_stores_all_that_was_entered_even_if_it_is_refused(
    client: Client, draft: Removal, posts: list[Post], *, action: str, button: str, seal: str
) -> None:
    ticked, _other = marked(draft, *posts[:2])
    sent = {"reviewed": ticked, "reason": "spam", "note": "ticket 12", "seal": seal and draft.seal}
    client.post(page_of(draft, action), sent | {button: "yes"})
    assert entered(html(client, draft)) == ("spam", "ticket 12")
    assert reviewed(draft) == {ticked}
    assert "1 of 2 decided." in text_of(html(client, draft))


def test_everything_that_is_ticked_is_sent_by_the_form_of_the_draft(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    marked(draft, *posts)
    inputs = Elements(html(client, draft)).attributes("input")
    boxes = [each for each in inputs if each.get("name") == "reviewed"]
    assert len(boxes) == len(posts)
    assert {each.get("form") for each in boxes} == {"draft-form"}


def test_the_last_tick_and_the_confirmation_take_one_request(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    ticked: Any = marked(draft, *posts)
    client.post(page_of(draft, "confirm"), {**words(draft), "reviewed": ticked})
    assert not Post.objects.exists()


def test_enter_on_a_tick_does_not_confirm(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    """Browsers press the first button of the form of a box."""
    marked(draft, posts[0])
    buttons = Elements(html(client, draft)).attributes("button")
    first = next(button for button in buttons if button.get("form") == "draft-form")
    assert first["formaction"] == page_of(draft, "review")


def test_without_scripts_each_link_to_another_page_of_the_draft_is_a_button_that_saves(
    client: Client, draft: Removal, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_previews, "GROUPS_PER_PAGE", 2)
    monkeypatch.setattr(check_first, "MARKED_PER_PAGE", 1)
    marked(draft, *posts[:2])
    PostImage.objects.filter(post__in=posts[:2]).update(sha256="a" * 64)
    keep(client, draft, posts[3])
    for query in ("", "?show=objects", f"?show=groups&group={'a' * 64}&check=2"):
        page = html(client, draft, query)
        links = [each["href"] for each in Elements(page).attributes("a") if "?" in each["href"]]
        links = [link for link in links if link.startswith("?")]
        buttons = [each.get("formaction", "") for each in Elements(page).attributes("button")]
        saving = page_of(draft, "save")
        assert links == [each.removeprefix(saving) for each in buttons if saving in each]
        assert len(links) > 4


def test_a_button_that_saves_opens_the_page_in_its_url(client: Client, draft: Removal) -> None:
    url = page_of(draft, "save") + "?show=objects&p=2&check=3&next=https://example.com"
    sent = {"reason": "spam", "note": "ticket 12", "show": "groups"}
    response = client.post(url, sent)
    assert response["Location"] == page_of(draft) + "?show=objects&p=2&check=3"
    assert entered(html(client, draft)) == ("spam", "ticket 12")
