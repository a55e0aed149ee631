"""How the parts of a draft's page look, and what the switches of its pictures say."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import FloatRect, Locator, Page, expect

from moderation.models import Removal, ReviewPreferences
from posts.models import Post, PostImage, Report
from tests.admin.conftest import page_of
from tests.browser.pictures import GREY, IN_COLOUR, expect_filter, picture
from tests.posts.drawn import a_post

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NAME = "Show in colour: the picture of “Cheap pills 1”"


def box_of(element: Locator) -> FloatRect:
    box = element.bounding_box()
    assert box
    return box


@pytest.mark.parametrize("heading", ["#check-first-heading", "#selection-heading"])
def test_the_frame_of_a_heading_in_focus_is_on_the_screen(
    heading: str, moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    page.set_viewport_size({"width": 1280, "height": 500})
    Removal.objects.update(dropped_rules=[["author_with_good_posts", 31, 43]])
    page.goto(f"{page_of(draft)}?show=objects")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.locator(heading).focus()
    assert box_of(page.locator(heading))["y"] >= 4  # the frame and its distance


@pytest.mark.parametrize("show", ["groups", "pictures", "objects"])
def test_a_picture_has_a_switch_with_an_eye_that_space_turns_on(
    show: str, moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    page.goto(f"{page_of(draft)}?show={show}")
    switch = page.locator("#selection").get_by_role("switch", name=NAME)
    expect(switch).to_have_css("opacity", "0")  # the eye is seen in its place
    own = switch.locator("xpath=ancestor::div[1]")
    expect(own.locator(".removal-switch svg")).to_be_visible()
    switch.focus()
    expect(own.locator("img")).to_have_css("filter", GREY)
    page.keyboard.press("Space")
    expect(switch).to_be_checked()
    expect(own.locator("img")).to_have_css("filter", IN_COLOUR)


def test_without_scripts_the_words_below_a_picture_show_it_in_colour(
    moderator_page_without_scripts: Page, draft: Removal
) -> None:
    page = moderator_page_without_scripts
    page.goto(f"{page_of(draft)}?show=pictures")
    words = picture(page, 1).get_by_text("Show in colour", exact=True)
    words.click()
    expect_filter(page, 1, IN_COLOUR)
    words.click()
    expect_filter(page, 1, GREY)


def test_the_words_of_a_switch_leave_room_for_the_button_that_enlarges(
    moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    page.goto(f"{page_of(draft)}?show=pictures")
    words, enlarge = (
        box_of(picture(page, 1).locator(".removal-switch")),
        box_of(picture(page, 1).locator(".removal-enlarge")),
    )
    assert words["width"] > 100
    assert words["x"] + words["width"] < enlarge["x"]


def test_the_switch_says_unblur_without_grey_and_is_missing_if_nothing_hides_pictures(
    moderator_page: Page, draft: Removal, moderator: User
) -> None:
    page = moderator_page
    ReviewPreferences.objects.create(
        user=moderator,
        is_blurred=True,
        is_grey=False,
        picture_size="medium",
        is_using_letter_keys=True,
    )
    page.goto(f"{page_of(draft)}?show=pictures")
    expect(page.get_by_role("switch", name="Unblur the picture of “Cheap pills 1”")).to_have_count(
        1
    )
    ReviewPreferences.objects.update(is_blurred=False)
    page.reload()
    expect(page.get_by_role("switch")).to_have_count(0)
    picture(page, 1).get_by_role("link").click()
    expect(page.locator("#large-picture img")).to_have_css("filter", "grayscale(0)")


def test_without_scripts_there_is_no_hole_for_the_button_of_the_shortcuts(
    moderator_page_without_scripts: Page, draft: Removal
) -> None:
    page = moderator_page_without_scripts
    page.goto(page_of(draft))
    unblur = box_of(page.get_by_role("button", name="Unblur all pictures"))
    display = box_of(page.get_by_role("button", name="Display", exact=True))
    assert display["x"] - (unblur["x"] + unblur["width"]) == pytest.approx(8, abs=1)


def test_the_notice_about_files_that_stay_is_apart_from_the_numbers(
    moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    image = PostImage.objects.first()
    assert image
    other = PostImage(post=a_post("Other"), image=image.image.name, thumbnail="t")
    other.size = other.width = other.height = 1
    other.save()
    page.goto(page_of(draft))
    numbers = box_of(page.locator(".removal-numbers"))
    notice = box_of(page.locator(".removal-notice", has_text="1 file stays"))
    assert notice["y"] - (numbers["y"] + numbers["height"]) >= 12


def test_the_words_of_a_report_are_on_one_line_beside_the_menu(
    moderator_page: Page, draft: Removal, moderator: User
) -> None:
    page = moderator_page
    Report.objects.create(
        post=Post.objects.get(title="Cheap pills 1"), reporter=moderator, reason="It is spam"
    )
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{page_of(draft)}?show=objects")
    expect(page.locator("#nav-sidebar")).to_be_visible()
    text = page.locator("#selection .removal-report-texts li", has_text="It is spam")
    assert box_of(text)["height"] < 30
