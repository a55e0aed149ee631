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


def test_a_picture_is_allowed_again_with_one_click_and_refused_again(
    client: Client, moderator: User
) -> None:
    picture = refused(moderator, note="wave 7")
    query = "?state=active"
    (url,) = re.findall(r'formaction="([^"]+)"', client.get(LIST + query).text)
    response = client.post(url, follow=True)
    assert response.redirect_chain == [(LIST + query, 302)]
    assert "The picture is allowed again." in response.text
    picture.refresh_from_db()
    assert picture.lifted_by == "mod"
    (undo,) = re.findall(r'formaction="([^"]+)"', response.text)  # in the message
    response = client.post(undo, follow=True)
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
    urls = re.findall(r'formaction="([^"]+)"', client.get(LIST).text)
    assert len(urls) == 3
    page = client.post(urls[1], follow=True).text
    assert "3 pictures that were refused together are allowed again." in page
    assert not RefusedPicture.objects.active().exists()
    page = client.post(re.findall(r'formaction="([^"]+)"', page)[0], follow=True).text
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
    url = re.findall(r'formaction="([^"]+)"', client.get(LIST).text)[0]
    page = client.post(url, follow=True).text
    assert f"{text} refused separately." in text_of(page)
    assert not RefusedPicture.objects.active().exists()
    page = client.post(re.findall(r'formaction="([^"]+)"', page)[0], follow=True).text
    assert f"{len(others) + 1} pictures are refused again." in page
    assert not RefusedPicture.objects.lifted().exists()


def test_an_outdated_list_says_what_is_already_done(client: Client, moderator: User) -> None:
    picture = refused(moderator)
    lift(picture, actor=moderator)
    for page, text in (("lift", "has already been allowed again"), ("again", "refused again"),
                       ("again", "is already refused")):  # fmt: skip
        response = client.post(f"{LIST}{picture.pk}/{page}/", follow=True)
        assert text in response.text
