"""Forms that refuse a picture and were open while a colleague changed something."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from moderation.admin.refused_pictures import refuse_row
from moderation.lifecycle.refused_pictures import lift
from moderation.models import RefusedPicture
from posts.models import Post, PostImage
from tests.admin.conftest import browser_of
from tests.admin.drafts import text_of
from tests.admin.test_refused_pictures import page_of, sent
from tests.refused_pictures.refused import LIST, refused

pytestmark = pytest.mark.django_db

MakePosts = Callable[..., list[Post]]


@pytest.fixture
def picture(moderator: User, make_posts: MakePosts) -> PostImage:
    make_posts(1)
    return PostImage.objects.get()


def seen_in(page: str) -> dict[str, str]:
    """Return what the form sends about the refused pictures that its page shows."""
    return dict(re.findall(r'name="(refused-seen)" value="([^"]*)"', page))


def test_a_form_that_was_open_while_somebody_else_refused_the_picture_is_shown_again(
    client: Client, picture: PostImage, other: User
) -> None:
    seen = seen_in(client.get(page_of(picture)).text)
    day = timezone.localdate() + timedelta(days=3)
    refused(other, picture.sha256, note="wave <6>", last_day=day)
    response = client.post(page_of(picture), sent(**{"refused-note": "wave 7"} | seen))
    text = text_of(response.text)
    assert "Your note and end date were not stored" in text
    assert "Nothing has been refused yet" not in text
    assert "other already refused this picture on" in text
    assert f"it is refused until {date_format(day)}. The note is “wave &lt;6&gt;”." in text
    assert ">\nwave 7</textarea>" in response.text
    row = RefusedPicture.objects.get()
    assert (row.note, row.refused_by, row.last_day) == ("wave <6>", "other", day)
    seen = seen_in(response.text)
    response = client.post(page_of(picture), sent(**{"refused-note": "wave 7"} | seen))
    assert response.status_code == 302
    row = RefusedPicture.objects.get()
    assert (row.note, row.refused_by, row.last_day) == ("wave 7", "mod", None)


def test_a_form_that_was_open_while_somebody_else_edited_the_note_is_shown_again(
    client: Client, picture: PostImage, other: User
) -> None:
    refused(other, picture.sha256, note="first")
    seen = seen_in(client.get(page_of(picture)).text)
    refused(other, picture.sha256)
    text = text_of(client.post(page_of(picture), sent(**seen)).text)
    assert "At the moment, it is refused without an end date. There is no note." in text
    assert RefusedPicture.objects.get().refused_by == "other"


def test_a_form_that_was_open_while_somebody_else_allowed_the_picture_again_is_shown_again(
    client: Client, picture: PostImage, other: User
) -> None:
    row = refused(other, picture.sha256)
    seen = seen_in(client.get(page_of(picture)).text)
    lift(row, actor=other)
    response = client.post(page_of(picture), sent(**seen))
    assert "other allowed this picture again on" in text_of(response.text)
    assert not RefusedPicture.objects.active().exists()
    assert client.post(page_of(picture), sent(**seen_in(response.text))).status_code == 302
    assert RefusedPicture.objects.active().get().refused_by == "mod"


def signed_in(page: str) -> dict[str, str]:
    """Return what the form sends about the picture, in case that its row is removed."""
    return dict(re.findall(r'name="(signed)" value="([^"]*)"', page))


def test_a_picture_that_was_removed_while_the_form_was_open_is_refused_all_the_same(
    client: Client, picture: PostImage
) -> None:
    PostImage.objects.update(perceptual_hash="1" * 64)
    signed = signed_in(client.get(page_of(picture)).text)
    Post.objects.all().delete()
    given = sent(**{"refused-note": "wave 7", "refused-last_day": "2020-01-01"} | signed)
    page = client.post(page_of(picture), given).text
    assert "This day is already over." in page
    assert "refused-preview" not in page
    given = sent(**{"refused-note": "wave 7"} | signed_in(page))
    response = client.post(page_of(picture), given, follow=True)
    assert response.redirect_chain == [(LIST, 302)]
    assert "The picture will be refused from now on." in response.text
    row = RefusedPicture.objects.get()
    assert (row.sha256, row.perceptual_hash) == (picture.sha256, "1" * 64)
    assert (row.note, row.refused_by) == ("wave 7", "mod")


def test_nobody_else_can_send_what_was_signed_and_it_is_for_one_row_and_one_day(
    client: Client, picture: PostImage, other: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = signed_in(client.get(page_of(picture)).text)
    Post.objects.all().delete()
    url = page_of(picture)
    assert client.get(url).status_code == 404
    for text in ("", "x", signed["signed"][:-1]):
        assert client.post(url, sent(signed=text)).status_code == 404
    assert browser_of(other).post(url, sent(**signed)).status_code == 404
    next_row = f"{LIST}refuse/posts.postimage/{picture.pk + 1}/"
    assert client.post(next_row, sent(**signed)).status_code == 404
    monkeypatch.setattr(refuse_row, "MAX_AGE", timedelta(seconds=-1))
    assert client.post(url, sent(**signed)).status_code == 404
    assert not RefusedPicture.objects.exists()
