"""Refused pictures are allowed again with one click, and refused again."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation.lifecycle.refused_pictures import lift, refuse
from moderation.models import AuditEvent, RefusedPicture
from tests.admin.drafts import text_of
from tests.picture_groups.test_near import with_bits
from tests.refused_pictures.refused import LIST, refused

pytestmark = pytest.mark.django_db


def buttons(page: str) -> list[tuple[str, dict[str, str]]]:
    """Return the URLs of the buttons of a page, and what they send. A message comes first."""
    found = re.findall(r'formaction="([^"]+)" name="seen" value="([^"]+)"', page)
    return [(url, {"seen": seen}) for url, seen in found]


def test_a_picture_is_allowed_again_with_one_click_and_refused_again(
    client: Client, moderator: User
) -> None:
    picture = refused(moderator, note="wave 7")
    query = "?state=active"
    (button,) = buttons(client.get(LIST + query).text)
    response = client.post(*button, follow=True)
    assert response.redirect_chain == [(LIST + query, 302)]
    assert "The picture is allowed again." in response.text
    picture.refresh_from_db()
    assert picture.lifted_by == "mod"
    (undo,) = buttons(response.text)  # in the message
    response = client.post(*undo, follow=True)
    assert response.redirect_chain == [(LIST + query, 302)]
    assert "The picture is refused again." in response.text
    picture.refresh_from_db()
    assert (picture.lifted_at, picture.note) == (None, "wave 7")
    types = AuditEvent.objects.order_by("pk").values_list("type", flat=True)
    assert list(types) == ["refuse", "lift", "refuse"]


def test_a_group_is_allowed_again_with_one_click_and_the_message_says_how_many(
    client: Client, moderator: User
) -> None:
    pictures: dict[str, str | None] = {digit * 64: "" for digit in "abc"}
    refuse(pictures, actor=moderator, note="", last_day=None)
    shown = buttons(client.get(LIST).text)
    assert len(shown) == 3
    page = client.post(*shown[1], follow=True).text
    assert "3 pictures that were refused together are allowed again." in page
    assert not RefusedPicture.objects.active().exists()
    page = client.post(*buttons(page)[0], follow=True).text
    assert "3 pictures are refused again." in page
    assert RefusedPicture.objects.active().count() == 3


@pytest.mark.parametrize(
    ("others", "text"),
    [
        (["other"], "2 pictures are allowed again, including a nearly identical one that other"),
        (["mod", "other"], "including 2 nearly identical ones that mod and other"),
    ],
)
def test_the_message_names_those_who_refused_copies_separately(
    others: list[str], text: str, client: Client
) -> None:
    for number, name in enumerate([*others, "mod"]):
        pictures: dict[str, str | None] = {f"{number:064x}": with_bits(number)}
        refuse(pictures, actor=User(username=name), note="", last_day=None)
    page = client.post(*buttons(client.get(LIST).text)[0], follow=True).text
    assert f"{text} refused separately." in text_of(page)
    assert not RefusedPicture.objects.active().exists()
    page = client.post(*buttons(page)[0], follow=True).text
    assert f"{len(others) + 1} pictures are refused again." in page
    assert not RefusedPicture.objects.lifted().exists()


def test_an_outdated_list_says_what_is_already_done(client: Client, moderator: User) -> None:
    picture = refused(moderator)
    (allow,) = buttons(client.get(LIST).text)
    lift(picture, actor=moderator)
    (again,) = buttons(client.get(LIST).text)
    for button, text in ((allow, "has already been allowed again"), (again, "refused again"),
                         (again, "is already refused. It was refused by mod")):  # fmt: skip
        assert text in client.post(*button, follow=True).text


def test_a_picture_that_was_refused_again_since_the_list_was_opened_is_not_allowed(
    client: Client, moderator: User, other: User
) -> None:
    refused(moderator)
    (allow,) = buttons(client.get(LIST).text)
    refused(other, note="wave <8>")
    text = text_of(client.post(*allow, follow=True).text)
    assert "Nothing was changed, because this picture was refused or allowed again after" in text
    assert "It was refused by other on" in text
    assert "The note is “wave &lt;8&gt;”." in text
    assert RefusedPicture.objects.active().get().note == "wave <8>"
    for sent in ({}, {"seen": "x"}, {"seen": "0001-01-01T00:00:00+14:00"}):
        assert "Nothing was changed" in client.post(allow[0], sent, follow=True).text
    assert AuditEvent.objects.filter(type="lift").count() == 0


def test_undo_does_not_reverse_what_somebody_else_decided_since(
    client: Client, moderator: User, other: User
) -> None:
    picture = refused(moderator, note="wave 7")
    undo = buttons(client.post(*buttons(client.get(LIST).text)[0], follow=True).text)[0]
    refused(other, note="wave 8")
    text = text_of(client.post(*undo, follow=True).text)
    assert "This picture is already refused. It was refused by other on" in text
    assert "The note is “wave 8”." in text
    lift(picture, actor=other)
    text = text_of(client.post(*undo, follow=True).text)
    assert "Nothing was changed" in text
    assert "It was allowed again by other on" in text
    assert not RefusedPicture.objects.active().exists()


@pytest.mark.parametrize("is_allowed", [True, False])
def test_undo_refuses_the_others_of_a_group_of_which_somebody_else_changed_one(
    is_allowed: bool, client: Client, moderator: User, other: User
) -> None:
    pictures: dict[str, str | None] = {digit * 64: "" for digit in "abc"}
    refuse(pictures, actor=moderator, note="wave 7", last_day=None)
    url, seen = buttons(client.get(LIST).text)[0]
    changed = RefusedPicture.objects.get(pk=url.split("/")[-3])
    undo = buttons(client.post(url, seen, follow=True).text)[0]
    refused(other, changed.sha256, note="wave 8")
    if is_allowed:
        lift(changed, actor=other)
    text = text_of(client.post(*undo, follow=True).text)
    assert "2 other pictures are refused again, but not this one. It was" in text
    assert f"It was {'allowed again' if is_allowed else 'refused'} by other on" in text
    rows = RefusedPicture.objects.active().values_list("note", flat=True)
    assert sorted(rows) == ["wave 7", "wave 7", "wave 8"][: 2 if is_allowed else 3]
