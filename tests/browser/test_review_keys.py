"""The keyboard shortcuts on the page of a draft."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from moderation.models import Removal, ReviewPreferences
from posts.models import Post
from tests.admin.conftest import page_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LETTERS = ("j", "k", "x", "r", "u", "o", "c", "?")


@pytest.fixture
def page(moderator_page: Page, draft: Removal) -> Page:
    """The tab with all pictures of the draft."""
    moderator_page.goto(f"{page_of(draft)}?show=pictures")
    return moderator_page


def card_in_focus(page: Page) -> str:
    """Return the title of the card that has the focus, or "" if none has."""
    card = page.locator("[data-card]:focus .removal-preview-title, [data-card]:focus th")
    return (card.first.text_content() or "").strip()[:13] if card.count() else ""


def test_j_and_k_go_from_card_to_card_and_stop_at_the_ends(page: Page) -> None:
    seen = []
    for key in ("j", "j", "k", "k", "j", "j", "j", "j", "j", "j", "j"):
        page.keyboard.press(key)
        seen.append(card_in_focus(page)[-1])
    assert "".join(seen) == "01001234555"


def test_j_begins_with_the_first_card_in_sight(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 500})
    page.locator("[data-card]").nth(4).evaluate("card => card.scrollIntoView()")
    page.keyboard.press("j")
    assert card_in_focus(page) == "Cheap pills 4"


@pytest.mark.parametrize("tab", ["groups", "objects", "without-pictures"])
def test_keys_work_on_every_tab(tab: str, page: Page, draft: Removal) -> None:
    page.goto(f"{page_of(draft)}?show={tab}")
    page.keyboard.press("j")
    assert card_in_focus(page) != ""


def test_the_card_in_focus_is_unblurred_and_space_shows_it_in_colour(page: Page) -> None:
    image = page.locator(".removal-picture img").nth(1)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(image).to_have_css("filter", "blur(0px) grayscale(1)")
    page.keyboard.press("Space")
    expect(image).to_have_css("filter", "blur(0px) grayscale(0)")
    page.keyboard.press("Space")
    expect(image).to_have_css("filter", "blur(0px) grayscale(1)")
    page.keyboard.press("k")
    expect(image).to_have_css("filter", "blur(14px) grayscale(1)")


def test_x_keeps_and_leads_to_the_next_card(page: Page, draft: Removal) -> None:
    page.get_by_label("Note").fill("ticket 12")
    page.keyboard.press("Tab")
    page.locator("[data-card]").nth(1).focus()
    page.keyboard.press("x")
    expect(page.get_by_role("heading", name="Remove 6 posts?")).to_be_visible()
    assert card_in_focus(page) == "Cheap pills 2"
    page.keyboard.press("Space")  # does not press the button of the next card
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_role("heading", name="Remove 5 posts?")).to_be_visible()
    assert card_in_focus(page) == "Cheap pills 4"
    draft.refresh_from_db()
    assert draft.objects_total == 5
    expect(page.get_by_label("Note")).to_have_value("ticket 12")


def test_x_without_a_card_in_focus_keeps_nothing(page: Page, draft: Removal) -> None:
    page.keyboard.press("x")
    page.keyboard.press("j")
    draft.refresh_from_db()
    assert draft.objects_total == 7


def test_enter_opens_the_picture_of_the_card_and_escape_leads_back_to_it(page: Page) -> None:
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Picture of “Cheap pills 1”")
    expect(dialog).to_be_visible()
    page.keyboard.press("j")  # the keys of the page rest while a dialog is open
    page.keyboard.press("x")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert card_in_focus(page) == "Cheap pills 1"


def test_enter_on_the_checkbox_of_a_picture_keeps_nothing(page: Page, draft: Removal) -> None:
    """Browsers would press the first button of its form."""
    page.get_by_label("Show in colour: the picture of “Cheap pills 3”").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Picture of “Cheap pills 3”")).to_be_visible()
    draft.refresh_from_db()
    assert draft.objects_total == 7


def test_without_scripts_enter_on_the_checkbox_of_a_picture_keeps_nothing(
    moderator_page_without_scripts: Page, draft: Removal
) -> None:
    page = moderator_page_without_scripts
    page.goto(f"{page_of(draft)}?show=pictures")
    page.get_by_label("Show in colour: the picture of “Cheap pills 3”").focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    page.reload()
    expect(page.get_by_role("heading", name="Remove 7 posts?")).to_be_visible()


def test_enter_on_a_card_without_picture_and_o_on_any_open_the_post(
    page: Page, draft: Removal
) -> None:
    page.goto(f"{page_of(draft)}?show=without-pictures")
    for key in ("Enter", "o"):
        page.locator("[data-card]").first.focus()
        with page.context.expect_page() as opened:
            page.keyboard.press(key)
        opened.value.wait_for_load_state()
        assert f"/posts/post/{Post.objects.get(title='No picture').pk}/" in opened.value.url
        opened.value.close()


def test_question_mark_lists_the_keys(page: Page) -> None:
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    listed = dialog.locator("kbd").all_text_contents()
    assert listed == ["j", "k", "x", "r", "u", "Space", "Enter", "Esc", "o", "c", "?"]
    expect(dialog).to_contain_text("in the tab “Kept”, return the post to the selection")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(dialog).to_be_visible()


def test_from_anywhere_one_key_leads_to_the_confirmation(page: Page, draft: Removal) -> None:
    page.keyboard.press("c")
    expect(page.get_by_label("Spam")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Abuse")).to_be_checked()
    page.locator("[data-card]").nth(3).focus()
    page.keyboard.press("c")
    expect(page.get_by_label("Abuse")).to_be_focused()


def test_keys_work_after_the_page_was_replaced(page: Page) -> None:
    page.get_by_role("button", name="Keep “Cheap pills 0”").click()
    expect(page.get_by_role("heading", name="Remove 6 posts?")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#large-picture")).to_be_visible()


@pytest.mark.parametrize("key", LETTERS)
def test_a_letter_that_is_typed_is_text(key: str, page: Page, draft: Removal) -> None:
    for field in (page.get_by_label("Note"), page.locator("#nav-filter")):
        field.focus()
        page.keyboard.press(key)
        expect(field).to_have_value(key)
        expect(field).to_be_focused()
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("modifier", ["Control", "Alt", "Meta"])
def test_a_letter_with_a_modifier_does_nothing(modifier: str, page: Page, draft: Removal) -> None:
    page.locator("[data-card]").nth(2).focus()
    for key in ("j", "x", "r", "u", "c"):
        page.keyboard.press(f"{modifier}+{key}")
        assert card_in_focus(page) == "Cheap pills 2"
    draft.refresh_from_db()
    assert draft.objects_total == 7


def test_single_letters_can_be_switched_off_and_the_other_keys_stay(
    page: Page, draft: Removal, moderator: User
) -> None:
    page.get_by_text("Display", exact=True).click()
    page.get_by_label("Use single-letter shortcuts").uncheck()
    page.get_by_role("button", name="Save preferences").click()
    expect(page.locator("#draft:not([data-letter-keys])")).to_be_visible()
    assert not ReviewPreferences.of(moderator).is_using_letter_keys
    page.locator("[data-card]").nth(2).focus()
    for key in LETTERS:
        page.keyboard.press(key)
        assert card_in_focus(page) == "Cheap pills 2"
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator("#large-picture")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Keyboard shortcuts").click()
    listed = (
        page.get_by_role("dialog", name="Keyboard shortcuts").locator("kbd").all_text_contents()
    )
    assert listed == ["Space", "Enter", "Esc"]
    page.keyboard.press("Escape")
    page.locator("[data-card]").nth(2).focus()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Spam")).to_be_focused()


def test_a_draft_is_reviewed_and_confirmed_by_keyboard_alone_at_390_pixels(
    page: Page, draft: Removal
) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Space")
    page.keyboard.press("x")
    expect(page.get_by_role("heading", name="Remove 6 posts?")).to_be_visible()
    page.keyboard.press("c")
    page.keyboard.press("Space")
    expect(page.get_by_label("Spam")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.locator(".removal-state").first).to_be_visible()
    assert list(Post.objects.values_list("title", flat=True)) == ["Cheap pills 1"]
