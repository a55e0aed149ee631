"""Pictures on the page of a draft: blurred, grey, in colour, and large."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from moderation.models import Removal, ReviewPreferences
from tests.admin.conftest import page_of
from tests.browser.conftest import PICTURES, TABS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BLURRED = "blur(14px) grayscale(1)"
GREY = "blur(0px) grayscale(1)"
AS_IT_IS = "none"


def picture(page: Page, number: int) -> Locator:
    return page.locator("#selection .removal-picture").nth(number)


def expect_filter(page: Page, number: int, expected: str) -> None:
    expect(picture(page, number).locator("img")).to_have_css("filter", expected)


def away(page: Page) -> None:
    page.mouse.move(1, 1)


@pytest.mark.parametrize("tab", ["groups", "pictures", "objects"])
def test_a_picture_is_blurred_then_grey_under_the_pointer_then_in_colour(
    tab: str, moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    page.goto(f"{page_of(draft)}?show={tab}")
    expect_filter(page, 0, BLURRED)
    picture(page, 0).hover()
    expect_filter(page, 0, GREY)
    expect_filter(page, 1, BLURRED)
    away(page)
    expect_filter(page, 0, BLURRED)
    picture(page, 0).locator("img").click()
    expect_filter(page, 0, AS_IT_IS)
    away(page)
    expect_filter(page, 0, AS_IT_IS)
    picture(page, 0).locator("img").click()
    away(page)
    expect_filter(page, 0, BLURRED)


def test_with_the_keyboard_focus_unblurs_a_picture_and_space_shows_it_in_colour(
    moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    page.goto(page_of(draft))
    page.get_by_text("Display", exact=True).focus()
    page.keyboard.press("Tab")
    while not page.evaluate("document.activeElement.matches('.removal-picture input')"):
        page.keyboard.press("Tab")
    expect_filter(page, 0, GREY)
    page.keyboard.press("Space")
    expect_filter(page, 0, AS_IT_IS)
    page.keyboard.press("Space")
    expect_filter(page, 0, GREY)
    page.keyboard.press("Shift+Tab")
    expect_filter(page, 0, BLURRED)


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


def test_what_was_unblurred_stays_so_when_a_post_is_kept(
    moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    page.goto(f"{page_of(draft)}?show=pictures")
    picture(page, 2).locator("img").click()
    page.get_by_role("button", name="Unblur all pictures").click()
    page.get_by_role("button", name="Keep “Cheap pills 0”").click()
    expect(page.get_by_role("heading", name="Remove 6 posts?")).to_be_visible()
    expect(page.get_by_role("button", name="Unblur")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Unblur the picture of “Cheap pills 2”")).to_be_checked()
    expect_filter(page, 1, AS_IT_IS)
    expect_filter(page, 0, GREY)


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
    expect(dialog.get_by_label("Show this picture in colour")).to_be_focused()
    page.keyboard.press("Space")
    expect(image).to_have_css("filter", AS_IT_IS)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(link).to_be_focused()
    assert len(page.context.pages) == 1


def test_a_picture_in_colour_is_large_in_colour_too(moderator_page: Page, draft: Removal) -> None:
    page = moderator_page
    page.goto(f"{page_of(draft)}?show=pictures")
    picture(page, 1).locator("img").click()
    picture(page, 1).get_by_role("link").click()
    expect(page.locator("#large-picture img")).to_have_css("filter", AS_IT_IS)
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
    expect_filter(page, 0, "blur(0px) grayscale(0)")
    box = picture(page, 0).bounding_box()
    assert box
    assert box["height"] == 260


@pytest.mark.parametrize("tab", ["groups", "pictures", "objects"])
def test_without_scripts_pictures_can_be_unblurred_one_by_one_and_all_at_once(
    tab: str, moderator_page_without_scripts: Page, draft: Removal
) -> None:
    page = moderator_page_without_scripts
    page.goto(f"{page_of(draft)}?show={tab}")
    picture(page, 0).hover()
    expect_filter(page, 0, GREY)
    picture(page, 0).locator("img").click()
    expect_filter(page, 0, AS_IT_IS)
    expect(page.get_by_role("button", name="Keyboard shortcuts")).to_have_count(0)
    page.get_by_role("button", name="Unblur all pictures").click()
    assert page.url.endswith(f"?show={tab}#display")
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


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_tabs_and_dialogs_are_accessible(
    width: int, colours: str, moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 800})
    for tab in TABS:
        page.goto(f"{page_of(draft)}?show={tab}")
        page.get_by_text("Display", exact=True).click()
        assert violations(page) == [], tab
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab
    page.get_by_role("button", name="Keyboard shortcuts").click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.goto(page_of(draft))
    picture(page, 0).get_by_role("link").click()
    assert violations(page) == []


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']} at {each['nodes'][0]['target']}" for each in found]


def test_reduced_motion_has_no_transition(moderator_page: Page, draft: Removal) -> None:
    page = moderator_page
    page.emulate_media(reduced_motion="reduce")
    page.goto(page_of(draft))
    expect(picture(page, 0).locator("img")).to_have_css("transition-duration", "0s")
    page.emulate_media(reduced_motion="no-preference")
    expect(picture(page, 0).locator("img")).to_have_css("transition-duration", "0.15s")
