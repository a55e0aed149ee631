"""Forms that refuse a picture and were open while a colleague changed something."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from moderation.admin.refused_pictures import shown_pictures
from moderation.lifecycle.refused_pictures import lift
from moderation.models import RefusedPicture
from posts.models import Post, PostImage
from tests.admin.conftest import browser_of, drafted
from tests.admin.conftest import page_of as draft_page
from tests.admin.desk import said
from tests.admin.drafts import text_of
from tests.admin.test_refused_pictures import page_of, sent
from tests.picture_groups.test_near import with_bits
from tests.refused_pictures.refused import LIST, SAME, refused

pytestmark = pytest.mark.django_db

MakePosts = Callable[..., list[Post]]
NEAR, LATER = "b" * 64, "c" * 64


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
    assert signed_in(page) == signed  # so it still ends a day after the picture was shown
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
    monkeypatch.setattr(shown_pictures, "MAX_AGE", timedelta(seconds=-1))
    assert client.post(url, sent(**signed)).status_code == 404
    assert not RefusedPicture.objects.exists()


def test_a_picture_that_the_user_may_no_longer_view_is_not_refused(
    client: Client, moderator: User, picture: PostImage
) -> None:
    signed = signed_in(client.get(page_of(picture)).text)
    moderator.groups.clear()
    moderator.user_permissions.set(Permission.objects.filter(codename="refuse_picture"))
    assert client.post(page_of(picture), sent(**signed)).status_code == 404
    assert not RefusedPicture.objects.exists()


def test_the_picture_that_the_form_showed_is_refused_even_if_the_row_has_another_one_now(
    client: Client, picture: PostImage, other: User
) -> None:
    page = client.get(page_of(picture)).text
    PostImage.objects.update(sha256=SAME)
    refused(other)
    given = sent(**signed_in(page), **seen_in(page))
    assert client.post(page_of(picture), given).status_code == 302
    assert RefusedPicture.objects.get(refused_by="mod").sha256 == picture.sha256
    assert RefusedPicture.objects.get(refused_by="other").sha256 == SAME


@pytest.fixture
def group(make_posts: MakePosts) -> list[Post]:
    """Three posts with two nearly identical files: two have SAME, the third has NEAR."""
    posts = make_posts(3)
    PostImage.objects.filter(post__in=posts[:2]).update(sha256=SAME, perceptual_hash=with_bits(1))
    PostImage.objects.filter(post=posts[2]).update(sha256=NEAR, perceptual_hash=with_bits(2))
    return posts


def test_a_group_whose_posts_were_removed_while_the_form_was_open_is_refused_all_the_same(
    client: Client, moderator: User, group: list[Post]
) -> None:
    draft = drafted(group, moderator)
    url = draft_page(draft, "refuse")
    signed = signed_in(client.post(url, {"refuse": SAME}).text)
    Post.objects.all().delete()
    given = sent(refuse=SAME, **{"refused-last_day": "2020-01-01"} | signed)
    page = client.post(url, given).text
    assert "This day is already over." in page
    assert "The group has 2 different files, all of which will be refused." in page
    assert signed_in(page) == signed
    response: Any = client.post(url, sent(refuse=SAME, **{"refused-note": "wave 7"} | signed))
    assert response.headers["Location"] == draft_page(draft)
    assert "2 pictures will be refused from now on." in said(response)
    rows = RefusedPicture.objects.order_by("sha256").values_list(
        "sha256", "perceptual_hash", "note"
    )
    assert list(rows) == [(SAME, with_bits(1), "wave 7"), (NEAR, with_bits(2), "wave 7")]


@pytest.mark.parametrize("was_refused", [True, False])
def test_a_group_that_changed_is_not_said_to_have_been_refused(
    was_refused: bool, client: Client, moderator: User, group: list[Post], other: User
) -> None:
    """One of its files was removed, another one was added."""
    refused(other, NEAR if was_refused else LATER)
    url = draft_page(drafted(group, moderator), "refuse")
    page = client.post(url, {"refuse": SAME}).text
    PostImage.objects.filter(sha256=NEAR).update(sha256=LATER)
    given = sent(refuse=SAME, **signed_in(page), **seen_in(page))
    assert client.post(url, given).status_code == 302
    rows = RefusedPicture.objects.filter(refused_by="mod").values_list("sha256", flat=True)
    assert sorted(rows) == [SAME, NEAR]


def test_pictures_of_a_group_that_the_user_may_no_longer_view_are_not_refused(
    client: Client, moderator: User, group: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = drafted(group, moderator)
    draft.admin_site, draft.admin_label = "admin", "posts.Post"
    draft.save()
    url = draft_page(draft, "refuse")
    signed = signed_in(client.post(url, {"refuse": SAME}).text)
    shown = Post.objects.exclude(pk=group[2].pk)
    posts_admin = admin.site.get_model_admin(Post)
    monkeypatch.setattr(posts_admin, "get_queryset", lambda _request: shown.all())
    client.post(url, sent(refuse=SAME, **signed))
    assert RefusedPicture.objects.get().sha256 == SAME
