"""The pictures of a group of a draft are refused from now on; the draft stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from moderation.lifecycle import refused_pictures
from moderation.models import RefusedPicture
from posts.models import Post, PostImage
from tests.admin.conftest import browser_of, drafted, make_user, page_of, words
from tests.admin.desk import said
from tests.admin.drafts import html, text_of
from tests.admin.test_outdated_refuse_forms import seen_in
from tests.picture_groups.test_near import with_bits
from tests.refused_pictures.refused import refused

pytestmark = pytest.mark.django_db

MakePosts = Callable[..., list[Post]]
SHARED, NEAR = "a" * 64, "b" * 64


@pytest.fixture
def wave(make_posts: MakePosts) -> list[Post]:
    """Five posts: three share a picture, the fourth has a nearly identical one."""
    posts = make_posts(5)
    PostImage.objects.filter(post__in=posts[:3]).update(sha256=SHARED, perceptual_hash=with_bits(1))
    PostImage.objects.filter(post=posts[3]).update(sha256=NEAR, perceptual_hash=with_bits(2))
    return posts


def posted(**given: str) -> dict[str, str]:
    return {"refuse": SHARED, "refused-note": "wave 7", "refused-last_day": "", **given}


def test_the_button_saves_what_was_entered_and_leads_to_a_form(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    draft = drafted(wave, moderator)
    assert 'name="refuse"' in html(client, draft)
    parameters = {"show": "groups", "order": "largest"}
    entered = {"reason": "abuse", "note": "unsaved", "refuse": SHARED, "seal": draft.seal}
    response = client.post(page_of(draft, "refuse"), entered | parameters)
    assert response.status_code == 200
    text = text_of(response.text)
    assert "The group has 2 different files" in text
    assert "Nearly identical copies" in text
    assert f'value="{SHARED}"' in response.text
    assert f"{page_of(draft)}?show=groups&amp;order=largest" in response.text
    draft.refresh_from_db()
    assert (draft.reason, draft.note) == ("abuse", "unsaved")
    assert not RefusedPicture.objects.exists()


def test_the_form_refuses_all_files_of_the_group_and_leads_back(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    draft = drafted(wave, moderator)
    before = (draft.seal, draft.objects_total)
    client.post(page_of(draft, "refuse"), {"note": "unsaved", "refuse": SHARED})
    parameters = {"show": "groups", "order": "largest"}
    response: Any = client.post(page_of(draft, "refuse"), posted(**parameters))
    assert response.headers["Location"] == f"{page_of(draft)}?show=groups&order=largest"
    assert "2 pictures will be refused from now on." in said(response)
    rows = RefusedPicture.objects.order_by("sha256").values_list("sha256", "perceptual_hash")
    assert list(rows) == [(SHARED, with_bits(1)), (NEAR, with_bits(2))]
    assert set(RefusedPicture.objects.values_list("note", "refused_by")) == {("wave 7", "mod")}
    draft.refresh_from_db()
    assert (draft.seal, draft.objects_total) == before
    assert draft.note == "unsaved"
    assert Post.objects.count() == len(wave)


def test_a_group_that_somebody_else_refused_in_the_meantime_is_refused_only_by_a_second_click(
    client: Client, moderator: User, wave: list[Post], other: User
) -> None:
    url = page_of(drafted(wave, moderator), "refuse")
    client.post(url, {"refuse": SHARED})
    refused(other, NEAR, note="wave 6")
    page = client.post(url, posted(**{"refused-seen": ""})).text
    assert "other already refused this picture on" in page
    assert RefusedPicture.objects.get().note == "wave 6"
    assert client.post(url, posted(**seen_in(page))).status_code == 302
    assert set(RefusedPicture.objects.values_list("note", flat=True)) == {"wave 7"}


def test_all_different_notes_of_a_refused_group_are_shown_and_nothing_is_filled_in(
    client: Client, moderator: User, wave: list[Post], other: User
) -> None:
    url = page_of(drafted(wave, moderator), "refuse")
    day = timezone.localdate() + timedelta(days=7)
    refused(other, SHARED, note="never <again>")
    refused(moderator, NEAR, note="this week", last_day=day)
    response = client.post(url, {"refuse": SHARED})
    text = text_of(response.text)
    assert "What you enter here replaces these notes and end dates. They differ" in text
    first, second = (
        text.index("mod refused part of this group on "),
        text.index("other refused part of this group on "),
    )
    assert f"until {date_format(day)}. The note is “this week”." in text[first:second]
    assert "without an end date. The note is “never &lt;again&gt;”." in text[second:]
    assert response.context["form"].initial == {}


def test_a_note_that_is_the_same_for_the_whole_group_is_filled_in(
    client: Client, moderator: User, wave: list[Post], other: User
) -> None:
    url = page_of(drafted(wave, moderator), "refuse")
    for actor, sha256 in ((other, SHARED), (moderator, NEAR)):
        refused(actor, sha256, note="wave 6")
    response = client.post(url, {"refuse": SHARED})
    text = text_of(response.text)
    assert "mod refused part of this group on " in text
    assert "other refused part of this group on " in text
    assert "They differ" not in text
    assert response.context["form"].initial == {"note": "wave 6", "last_day": None}


def test_page_and_message_agree_on_the_number_of_files_of_a_large_group(
    client: Client, moderator: User, wave: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused_pictures, "MAX_FILES", 1)
    draft = drafted(wave, moderator)
    text = text_of(client.post(page_of(draft, "refuse"), {"refuse": SHARED}).text)
    assert "The group has 2 different files, 1 of which will be refused." in text
    response: Any = client.post(page_of(draft, "refuse"), posted())
    assert "The picture will be refused from now on." in said(response)
    assert RefusedPicture.objects.count() == 1


def test_bad_input_shows_the_form_again(client: Client, moderator: User, wave: list[Post]) -> None:
    draft = drafted(wave, moderator)
    given = posted(**{"refused-last_day": "2020-01-01", "show": "groups"})
    response = client.post(page_of(draft, "refuse"), given)
    assert response.status_code == 200
    assert "This day is already over." in response.text
    assert "wave 7" in response.text
    assert 'name="show" value="groups"' in response.text
    assert not RefusedPicture.objects.exists()


@pytest.mark.parametrize("key", ["", "x", "\0", "f" * 64])
def test_refusing_a_group_that_does_not_exist_shows_an_error(
    key: str, client: Client, moderator: User, wave: list[Post]
) -> None:
    draft = drafted(wave, moderator)
    response: Any = client.post(page_of(draft, "refuse"), posted(refuse=key))
    assert response.status_code == 302
    assert "the picture is no longer selected" in said(response)
    assert not RefusedPicture.objects.exists()


def test_refusing_from_a_draft_that_has_been_confirmed_shows_an_error(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    draft = drafted(wave, moderator)
    client.post(page_of(draft, "confirm"), words(draft))
    response: Any = client.post(page_of(draft, "refuse"), posted())
    assert response.status_code == 302
    assert "this removal is no longer a draft" in said(response)
    assert not RefusedPicture.objects.exists()


def test_pictures_that_the_viewer_may_not_see_are_not_refused(
    client: Client, moderator: User, wave: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.contrib import admin

    posts_admin = admin.site.get_model_admin(Post)
    draft = drafted(wave, moderator)
    draft.admin_site, draft.admin_label = "admin", "posts.Post"
    draft.save()

    def get_queryset(_request: Any) -> Any:
        return Post.objects.exclude(pk=wave[3].pk)

    monkeypatch.setattr(posts_admin, "get_queryset", get_queryset)
    client.post(page_of(draft, "refuse"), posted())
    assert list(RefusedPicture.objects.values_list("sha256", flat=True)) == [SHARED]


def test_without_the_permission_there_is_no_button_and_no_action(wave: list[Post]) -> None:
    codes = ("view_post", "delete_post", "delete_postimage", "delete_report")
    user = make_user("deleter", codes=codes)
    client, draft = browser_of(user), drafted(wave, user)
    assert 'name="refuse"' not in html(client, draft)
    assert client.post(page_of(draft, "refuse"), posted()).status_code == 403
    assert not RefusedPicture.objects.exists()
