"""Pictures on the page of a draft: all unblurred, large, and with links to their posts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from moderation.models import Removal, ReviewPreferences
from tests.admin.conftest import page_of
from tests.browser.conftest import PICTURES, TABS
from tests.browser.pictures import BLURRED, GREY, IN_COLOUR, expect_filter, picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_eye_unblurs_all_pictures_for_the_tab(moderator_page: Page, draft: Removal) -> None:
    page = moderator_page
    page.goto(page_of(draft))
    eye = page.get_by_role("button", name="Unblur all pictures")
    expect(eye).to_have_attribute("aria-pressed", "false")
    eye.focus()
    page.keyboard.press("Enter")
    expect(eye).to_have_attribute("aria-pressed", "true")
    for number in range(PICTURES):
        expect_filter(page, number, GREY)
    page.goto(f"{page_of(draft)}?show=pictures")
    expect(eye).to_have_attribute("aria-pressed", "true")
    expect_filter(page, 1, GREY)
    eye.click()
    expect_filter(page, 1, BLURRED)
    assert not ReviewPreferences.objects.exists()
    other_tab = page.context.new_page()
    other_tab.goto(page_of(draft))
    expect(other_tab.get_by_role("button", name="Unblur")).to_have_attribute(
        "aria-pressed", "false"
    )


def test_all_pictures_stay_unblurred_when_a_post_is_kept(
    moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    page.goto(f"{page_of(draft)}?show=pictures")
    page.get_by_role("button", name="Unblur all pictures").click()
    page.get_by_role("button", name="Keep “Cheap pills 0”").click()
    expect(page.get_by_role("heading", name="Remove 6 posts?")).to_be_visible()
    expect(page.get_by_role("button", name="Unblur")).to_have_attribute("aria-pressed", "true")
    expect_filter(page, 1, GREY)


def test_enlarge_opens_the_whole_picture_and_escape_leads_back(
    moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    page.goto(f"{page_of(draft)}?show=pictures")
    link = page.get_by_role("link", name="Enlarge the picture of “Cheap pills 1”")
    link.click()
    dialog = page.get_by_role("dialog", name="Picture of “Cheap pills 1” by ada")
    image = dialog.get_by_role("img")
    expect(image).to_be_visible()
    expect(image).to_have_js_property("naturalWidth", 80)
    expect(image).to_have_css("filter", "grayscale(1)")
    expect(dialog.get_by_label("Show in colour")).to_be_focused()
    page.keyboard.press("Space")
    expect(image).to_have_css("filter", "none")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(link).to_be_focused()
    assert len(page.context.pages) == 1


def test_a_picture_in_colour_is_large_in_colour_too(moderator_page: Page, draft: Removal) -> None:
    page = moderator_page
    page.goto(f"{page_of(draft)}?show=pictures")
    picture(page, 1).locator("img").click()
    picture(page, 1).get_by_role("link").click()
    expect(page.locator("#large-picture img")).to_have_css("filter", "none")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#large-picture")).to_be_hidden()
    picture(page, 2).get_by_role("link").click()
    expect(page.locator("#large-picture img")).to_have_css("filter", "grayscale(1)")


def test_without_blur_and_grey_pictures_are_as_they_are(
    moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    page.goto(page_of(draft))
    page.get_by_text("Display", exact=True).click()
    page.get_by_label("Blur pictures").uncheck()
    page.get_by_label("Show pictures in grey").uncheck()
    page.get_by_label("large", exact=True).check()
    page.get_by_role("button", name="Save preferences").click()
    expect(page.get_by_role("button", name="Unblur all pictures")).to_have_count(0)
    expect_filter(page, 0, IN_COLOUR)
    box = picture(page, 0).bounding_box()
    assert box
    assert box["height"] == 260


def test_without_scripts_the_eye_unblurs_all_pictures(
    moderator_page_without_scripts: Page, draft: Removal
) -> None:
    page = moderator_page_without_scripts
    page.goto(f"{page_of(draft)}?show=objects")
    expect(page.get_by_role("button", name="Keyboard shortcuts")).to_have_count(0)
    page.get_by_role("button", name="Unblur all pictures").click()
    assert page.url.endswith("?show=objects#display")
    expect_filter(page, 1, GREY)


def test_without_scripts_a_picture_opens_large_in_a_new_tab(
    moderator_page_without_scripts: Page, draft: Removal
) -> None:
    page = moderator_page_without_scripts
    page.goto(f"{page_of(draft)}?show=pictures")
    link = page.get_by_role("link", name="Enlarge the picture of “Cheap pills 1”")
    expect(link.locator("noscript span")).to_have_text("(opens in a new tab)")
    with page.context.expect_page() as opened:
        link.click()
    opened.value.wait_for_load_state()
    assert opened.value.url.endswith("?size=large")


@pytest.mark.parametrize("tab", TABS)
def test_links_to_posts_open_in_a_new_tab_and_say_so(
    tab: str, moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    page.goto(f"{page_of(draft)}?show={tab}")
    links = page.locator("#draft a[href*='/posts/post/']")
    assert links.count() >= 1
    for link in links.all():
        assert link.get_attribute("target") == "_blank"
        assert link.get_attribute("rel") == "noopener"
        assert (link.text_content() or "").endswith("(opens in a new tab)")
    with page.context.expect_page() as opened:
        links.first.click()
    opened.value.wait_for_load_state()
    assert "/posts/post/" in opened.value.url
    assert page.url.endswith(f"?show={tab}")


def test_reduced_motion_has_no_transition(moderator_page: Page, draft: Removal) -> None:
    page = moderator_page
    page.emulate_media(reduced_motion="reduce")
    page.goto(page_of(draft))
    expect(picture(page, 0).locator("img")).to_have_css("transition-duration", "0s")
    page.emulate_media(reduced_motion="no-preference")
    expect(picture(page, 0).locator("img")).to_have_css("transition-duration", "0.15s")
