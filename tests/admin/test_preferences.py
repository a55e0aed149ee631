"""How each moderator sees the page of a draft: blur, grey, the size of pictures, and shortcuts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation import conf
from moderation.models import Removal, ReviewPreferences
from moderation.models.review_preferences import PictureSize
from posts.models import Post
from tests.admin.conftest import browser_of, drafted, page_of
from tests.admin.pages import Elements

MakePosts = Callable[..., list[Post]]

ALL = {"is_blurred": "on", "is_grey": "on", "picture_size": "medium", "is_using_letter_keys": "on"}


@pytest.fixture
def draft(moderator: User, make_posts: MakePosts) -> Removal:
    return drafted(make_posts(2), moderator)


def classes_of(page: str) -> set[str]:
    """Return the classes by which the stylesheet knows the preferences."""
    attributes = page.partition('<div id="draft"')[2].partition(">")[0]
    return set(attributes.partition('class="')[2].partition('"')[0].split())


def test_the_sizes_are_the_values_of_the_setting() -> None:
    assert tuple(PictureSize.values) == conf.picture_size.values


def test_without_preferences_the_settings_of_the_site_apply(
    client: Client, draft: Removal, settings: Any
) -> None:
    page = client.get(page_of(draft)).text
    assert classes_of(page) >= {"removal-blurred", "removal-grey", "removal-size-medium"}
    assert "data-letter-keys" in page
    settings.MODERATION_BLUR_PICTURES = settings.MODERATION_GREY_PICTURES = False
    settings.MODERATION_LETTER_KEYS, settings.MODERATION_PICTURE_SIZE = False, "large"
    page = client.get(page_of(draft)).text
    assert not classes_of(page) & {"removal-blurred", "removal-grey", "removal-size-medium"}
    assert "removal-size-large" in classes_of(page)
    assert "data-letter-keys" not in page
    assert not ReviewPreferences.objects.exists()


def test_preferences_are_saved_and_lead_back_to_the_same_page_of_the_selection(
    client: Client, draft: Removal, settings: Any
) -> None:
    parameters = {"show": "pictures", "p": "2", "next": "//elsewhere.example"}
    response = client.post(page_of(draft, "preferences"), {**parameters, "picture_size": "small"})
    assert response["Location"] == f"{page_of(draft)}?show=pictures&p=2#display"
    settings.MODERATION_PICTURE_SIZE = "large"
    page = client.get(page_of(draft)).text
    assert classes_of(page) == {"removal-draft", "removal-size-small"}
    assert "data-letter-keys" not in page
    client.post(page_of(draft, "preferences"), ALL)
    assert "removal-blurred" in classes_of(client.get(page_of(draft)).text)
    assert ReviewPreferences.objects.count() == 1


def test_preferences_apply_to_all_drafts_of_the_moderator_and_to_nobody_else(
    client: Client, draft: Removal, other: User, moderator: User, make_posts: MakePosts
) -> None:
    sent = {"picture_size": "small", "user": str(other.pk), "user_id": str(other.pk)}
    client.post(page_of(draft, "preferences"), sent)
    (saved,) = ReviewPreferences.objects.all()
    assert saved.user == moderator
    second = drafted(make_posts(1), moderator)
    assert "removal-size-small" in classes_of(client.get(page_of(second)).text)
    of_other = drafted(make_posts(1), other)
    page = browser_of(other).get(page_of(of_other)).text
    assert "removal-blurred" in classes_of(page)


def test_the_button_turns_off_the_blur_and_nothing_else(client: Client, draft: Removal) -> None:
    """Without JavaScript it is the only way to unblur all pictures at once."""
    page = client.get(page_of(draft)).text
    assert "Unblur all pictures" in page
    client.post(page_of(draft, "preferences"), {**ALL, "unblur": "yes"})
    page = client.get(page_of(draft)).text
    assert "Pictures are no longer blurred in any of your drafts." in page
    assert classes_of(page) == {"removal-draft", "removal-grey", "removal-size-medium"}
    assert "Unblur all pictures" not in page


def test_the_button_changes_only_the_blur_of_what_is_saved(client: Client, draft: Removal) -> None:
    client.post(page_of(draft, "preferences"), {"is_blurred": "on", "picture_size": "large"})
    client.post(page_of(draft, "preferences"), {"unblur": "yes", "picture_size": "small"})
    page = client.get(page_of(draft)).text
    assert classes_of(page) == {"removal-draft", "removal-size-large"}


def owners_of(page: str, *, tag: str, name: str) -> set[str]:
    """Return the ids of the forms that the controls with a name belong to."""
    controls = Elements(page).attributes(tag)
    return {each["form"] for each in controls if each.get("name", "").startswith(name)}


def test_the_button_that_unblurs_sends_what_was_entered(client: Client, draft: Removal) -> None:
    page = client.get(page_of(draft)).text
    assert owners_of(page, tag="button", name="unblur") == {"draft-form"}


def test_enter_on_a_preference_never_confirms(client: Client, draft: Removal) -> None:
    """Browsers press the first button of the form of a box."""
    page = client.get(page_of(draft)).text
    assert owners_of(page, tag="input", name="is_") == {"preferences"}
    page = client.get(page_of(draft) + "?display=open").text
    assert owners_of(page, tag="input", name="is_") == {"draft-form"}
    assert owners_of(page, tag="input", name="picture_size") == {"draft-form"}
    buttons = Elements(page).attributes("button")
    first = next(button for button in buttons if button.get("form") == "draft-form")
    assert first["formaction"] == page_of(draft, "preferences")


def test_without_scripts_a_button_opens_the_preferences_until_they_are_saved(
    client: Client, draft: Removal
) -> None:
    page = client.get(page_of(draft)).text
    assert owners_of(page, tag="button", name="open") == {"draft-form"}
    assert "<details open" not in page
    parameters = {"show": "pictures", "display": "open"}
    response = client.post(page_of(draft, "preferences"), {**parameters, "open": "yes"})
    assert response["Location"] == f"{page_of(draft)}?show=pictures&display=open#display"
    page = client.get(response["Location"]).text
    assert "<details open" in page
    assert owners_of(page, tag="button", name="open") == set()
    assert 'name="display"' not in page
    response = client.post(page_of(draft, "preferences"), ALL | parameters)
    assert response["Location"] == f"{page_of(draft)}?show=pictures#display"


@pytest.mark.parametrize("size", ["", "huge", "a\0b", "small " * 999])
def test_an_unknown_size_changes_nothing_and_says_so(
    client: Client, draft: Removal, size: str
) -> None:
    response = client.post(page_of(draft, "preferences"), {"picture_size": size}, follow=True)
    assert "Your preferences were not saved" in response.text
    assert "removal-blurred" in classes_of(response.text)
    assert not ReviewPreferences.objects.exists()


def test_the_draft_stays_as_it_is(client: Client, draft: Removal) -> None:
    client.post(page_of(draft, "preferences"), ALL)
    before = draft.seal
    draft.refresh_from_db()
    assert (draft.seal, draft.history) == (before, [])


def test_the_form_shows_what_is_saved(client: Client, draft: Removal) -> None:
    client.post(page_of(draft, "preferences"), {"picture_size": "large", "is_grey": "on"})
    page = client.get(page_of(draft)).text
    checked = {name for name in ("is_blurred", "is_grey", "is_using_letter_keys")
               if f'id="id_{name}" checked' in page}  # fmt: skip
    assert checked == {"is_grey"}
    assert 'id="id_picture_size_2" required checked' in page


def test_preferences_are_deleted_with_their_user(
    client: Client, draft: Removal, moderator: User
) -> None:
    client.post(page_of(draft, "preferences"), ALL)
    moderator.delete()
    assert not ReviewPreferences.objects.exists()
