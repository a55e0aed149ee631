"""Refuse a picture of a draft and allow it again: by keyboard, and without scripts."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Page, expect

from moderation.models import RefusedPicture, Removal
from posts.models import PostImage
from tests.admin.conftest import page_of
from tests.browser.accessibility import problems_of
from tests.helpers import drafted
from tests.images.alike import advertisement, again
from tests.images.case import saved
from tests.posts.drawn import a_picture, a_post

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/admin/moderation/refusedpicture/"
ALLOWED = "2 pictures that were refused together are allowed again."
BUTTON = "Refuse from now on… (the picture of “Cheap pills 0”"


@pytest.fixture
def draft(transactional_db: None, moderator: User) -> Removal:
    """A draft of three posts: two with nearly identical advertisements, one with another."""
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    pictures = (advertisement(1), again(advertisement(1), quality=40), advertisement(2))
    posts = [a_post(f"Cheap pills {n}") for n in range(len(pictures))]
    for post, picture in zip(posts, pictures, strict=True):
        a_picture(post, saved(picture, "PNG"))
    return drafted(posts, moderator)


def refuse(page: Page, draft: Removal) -> None:
    """Refuse the pictures of the group by keyboard, and see that the draft stays as it was."""
    page.goto(page_of(draft))
    page.get_by_label("Abuse").check()
    page.get_by_role("textbox", name="Note").fill("not saved yet")
    page.get_by_role("button", name=BUTTON).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Refuse this picture from now on?")).to_be_visible()
    page.get_by_role("textbox", name="Note").focus()
    page.keyboard.type("wave 7")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Refuse until")).to_be_focused()
    page.get_by_role("button", name="Refuse from now on", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 pictures will be refused from now on.")).to_be_visible()
    expect(page.get_by_role("heading", name="Remove 3 posts?")).to_be_visible()
    expect(page.get_by_label("Abuse")).to_be_checked()
    expect(page.get_by_role("textbox", name="Note")).to_have_value("not saved yet")


def allow_and_undo(page: Page) -> None:
    """Allow the group again by keyboard, from the list that the message leads to, and undo it."""
    page.get_by_role("link", name="See all refused pictures").click()
    key = RefusedPicture.objects.latest("pk").pk
    page.get_by_role("button", name=f"Allow again (refused picture {key})").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(ALLOWED)).to_be_visible()
    assert not RefusedPicture.objects.active().exists()
    page.get_by_role("button", name=f"Undo (refused picture {key})").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 pictures are refused again.")).to_be_visible()
    assert not RefusedPicture.objects.lifted().exists()


def test_pictures_of_a_group_are_refused_and_allowed_again_by_keyboard(
    moderator_page: Page, draft: Removal
) -> None:
    refuse(moderator_page, draft)
    assert set(RefusedPicture.objects.values_list("note", flat=True)) == {"wave 7"}
    allow_and_undo(moderator_page)


def test_pictures_are_refused_and_allowed_again_without_scripts(
    moderator_page_without_scripts: Page, draft: Removal
) -> None:
    refuse(moderator_page_without_scripts, draft)
    allow_and_undo(moderator_page_without_scripts)


@pytest.mark.parametrize(("colours", "width"), [("light", 1280), ("dark", 390)])
def test_the_pages_are_accessible(
    colours: str, width: int, moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
    found = []
    page.goto(LIST)
    found += problems_of(page, state="refused_pictures_empty")
    page.goto(page_of(draft))
    page.get_by_role("button", name=BUTTON).click()
    found += problems_of(page, state="refuse_pictures")
    page.get_by_label("Refuse until").fill("2020-01-01")
    page.get_by_role("button", name="Refuse from now on", exact=True).click()
    expect(page.get_by_text("This day is already over.")).to_be_visible()
    found += problems_of(page, state="refuse_pictures_with_errors")
    page.get_by_label("Refuse until").fill("")
    page.get_by_role("button", name="Refuse from now on", exact=True).click()
    expect(page.get_by_text("will be refused from now on.")).to_be_visible()
    PostImage.objects.latest("pk").delete()
    page.goto(LIST)
    found += problems_of(page, state="refused_pictures")
    page.get_by_role("button", name="Allow again").first.click()
    expect(page.get_by_text(ALLOWED)).to_be_visible()
    found += problems_of(page, state="allowed_pictures")
    assert found == []
