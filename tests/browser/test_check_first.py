"""Reviewing what differs from a wave, in a real browser: by keyboard and without scripts."""

from __future__ import annotations

import re

import pytest
from admin_interface.cache import del_cached_active_theme
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Locator, Page, expect

from moderation.admin.removals import check_first
from moderation.models import Removal
from moderation.models.states import RemovalState
from posts.models import Post
from tests.admin.conftest import page_of
from tests.helpers import drafted
from tests.review_rules.waves import make_post, make_wave

BOTTOM = "element => element.getBoundingClientRect().bottom"
TOP = "element => element.getBoundingClientRect().top"

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def theme(transactional_db: None) -> None:
    del_cached_active_theme()
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)


@pytest.fixture
def draft(theme: None, moderator: User) -> Removal:
    """A draft of a wave and of three posts that differ from it."""
    make_wave()
    for number, author in enumerate(("ann", "ben")):
        make_post(title=f"Good {number}", author=author)
    make_post("a" * 64, "b" * 64, title="Good 2", author="cat", hours=-24 * 30)
    return drafted(list(Post.objects.all()), moderator)


@pytest.fixture
def page(moderator_page: Page) -> Page:
    return moderator_page


@pytest.fixture
def plain_page(moderator_page_without_scripts: Page) -> Page:
    return moderator_page_without_scripts


def press_until_focused(page: Page, name: str) -> None:
    """Press Tab until the element with this accessible name has the focus."""
    for _ in range(200):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "document.activeElement.getAttribute('aria-label') || document.activeElement.innerText"
        )
        if name in (focused or ""):
            return
    pytest.fail(f"{name!r} cannot be reached with Tab")


def test_marked_posts_are_reviewed_and_kept_by_keyboard_alone(page: Page, draft: Removal) -> None:
    page.goto(page_of(draft))
    page.get_by_label("Note").fill("ticket 12")
    page.get_by_role("radio", name="Spam").check()
    page.locator("#check-first-heading").focus()
    press_until_focused(page, "Reviewed: “Good 0”")
    page.keyboard.press("Space")
    press_until_focused(page, "Keep “Good 1”")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of 3 decided.")).to_be_visible()
    expect(page.get_by_label("Reviewed: “Good 0”")).to_be_checked()
    expect(page.get_by_label("Note")).to_have_value("ticket 12")
    page.get_by_label("Reviewed: “Good 2”").focus()
    page.keyboard.press("Enter")  # submits the ticks; it keeps and removes nothing
    expect(page.get_by_text("2 of 3 decided.")).to_be_visible()
    page.get_by_label("Reviewed: “Good 2”").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("Nothing was marked as reviewed.")
    expect(page.locator("#check-first-heading")).to_be_focused()
    press_until_focused(page, "I have reviewed all of them")
    page.keyboard.press("Enter")
    expect(page.get_by_text("3 of 3 decided.")).to_be_visible()
    expect(page.get_by_label("Note")).to_have_value("ticket 12")
    page.get_by_role("button", name="Undo the review").press("Enter")
    expect(page.get_by_text("2 of 3 decided.")).to_be_visible()
    expect(page.get_by_label("Reviewed: “Good 2”")).not_to_be_checked()
    page.get_by_label("Reviewed: “Good 2”").check()
    page.get_by_role("button", name="Remove 42 posts").click()
    expect(page.locator(".removal-state").first).to_be_visible()
    assert list(Post.objects.values_list("title", flat=True)) == ["Good 1"]


def test_marked_posts_are_reviewed_without_scripts(plain_page: Page, draft: Removal) -> None:
    page = plain_page
    page.goto(page_of(draft) + "?show=objects")
    page.get_by_role("radio", name="Spam").check()
    page.get_by_role("button", name="Remove 43 posts").click()
    expect(page.get_by_text("3 posts differ from the rest")).to_be_visible()
    assert Removal.objects.get().state == RemovalState.DRAFT
    page.get_by_role("button", name="Keep “Good 1”").first.click()
    for number in (0, 2):
        page.get_by_label(f"Reviewed: “Good {number}”").check()
    page.get_by_role("button", name="Mark as reviewed").click()
    expect(page.get_by_text("3 of 3 decided.")).to_be_visible()
    page.get_by_role("radio", name="Spam").check()
    page.get_by_role("button", name="Remove 42 posts").click()
    expect(page.locator(".removal-state").first).to_be_visible()
    assert Post.objects.count() == 1


def tab(page: Page, name: str) -> Locator:
    """Return the tab with a name, which is a button without scripts."""
    return page.locator(f".removal-tabs .removal-draft-link:visible:has-text('{name}')")


@pytest.mark.parametrize("scripts", [True, False])
def test_what_was_entered_survives_another_tab_a_refused_confirmation_and_a_failing_keep(
    page: Page, plain_page: Page, draft: Removal, scripts: bool
) -> None:
    used = page if scripts else plain_page
    used.goto(page_of(draft))
    used.get_by_label("Note").fill("ticket 12")
    used.get_by_label("Reviewed: “Good 0”").check()
    tab(used, "Posts").click()
    expect(used.locator("#selection .removal-objects")).to_be_visible()
    expect(used).to_have_url(re.compile(r"show=objects#selection$"))
    expect(used.get_by_label("Note")).to_have_value("ticket 12")
    if scripts:  # the link sends nothing
        expect(used.get_by_label("Reviewed: “Good 0”")).to_be_checked()
    else:
        expect(used.get_by_text("1 of 3 decided.")).to_be_visible()
    used.get_by_role("radio", name="Spam").check()
    used.get_by_role("button", name="Remove 43 posts").click()
    expect(used.get_by_text("2 posts differ from the rest")).to_be_visible()
    expect(used.get_by_text("1 of 3 decided.")).to_be_visible()
    expect(used.get_by_label("Note")).to_have_value("ticket 12")
    Removal.objects.update(seal="of a Keep in another tab")
    used.get_by_label("Reviewed: “Good 1”").check()
    used.get_by_role("button", name="Keep “Good 2”").first.click()
    expect(used.locator(".messagelist")).to_contain_text("selection changed")
    if scripts:  # Keep sends no ticks
        expect(used.get_by_label("Reviewed: “Good 1”")).to_be_checked()
    else:
        expect(used.get_by_text("2 of 3 decided.")).to_be_visible()
    expect(used.get_by_role("radio", name="Spam")).to_be_checked()
    expect(used.get_by_label("Note")).to_have_value("ticket 12")


def test_ticks_survive_when_the_network_fails(page: Page, draft: Removal) -> None:
    page.goto(page_of(draft))
    page.get_by_label("Reviewed: “Good 0”").check()
    page.route("**/exclude/", lambda route: route.abort())
    page.get_by_role("button", name="Keep “Good 2”").first.click()
    expect(page.locator(".messagelist .error")).to_be_visible()
    expect(page.get_by_label("Reviewed: “Good 0”")).to_be_checked()
    page.reload()
    expect(page.get_by_label("Reviewed: “Good 0”")).to_be_checked()


def test_ticks_survive_when_their_boxes_come_to_another_page(
    page: Page, draft: Removal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_first, "MARKED_PER_PAGE", 2)
    page.goto(page_of(draft) + "?check=2")
    box = page.locator("[name=reviewed]")
    name = box.get_attribute("aria-label") or ""
    box.check()
    page.goto(page_of(draft))
    assert page.get_by_label(name, exact=True).count() == 0
    page.locator("#check-first .removal-keep").first.click()
    expect(page.get_by_role("heading", name="Remove 42 posts?")).to_be_attached()
    expect(page.get_by_label(name, exact=True)).to_be_checked()
    page.reload()
    expect(page.get_by_label(name, exact=True)).to_be_checked()


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_in_focus_is_behind_the_buttons(page: Page, draft: Removal, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 500})
    page.goto(page_of(draft))
    for is_kept in (False, True):
        if is_kept:
            page.locator("#selection .removal-keep").last.click()
            expect(page.locator(".removal-last-kept")).to_be_visible()
        page.locator("#selection [data-card]").nth(3).focus()
        for number in (2, 1):
            card = page.locator(".removal-marked").nth(number)
            for element in (card, *card.locator("button, input").all()):
                element.focus()
                bottom = page.locator("#check-first .removal-form-buttons").evaluate(BOTTOM)
                assert element.evaluate(TOP) >= bottom


@pytest.mark.parametrize("width", [1280, 390])
def test_after_x_the_next_card_is_not_behind_the_buttons(
    page: Page, draft: Removal, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 500})
    page.goto(page_of(draft))
    page.locator("#selection [data-card]").nth(3).focus()
    page.locator(".removal-marked").nth(1).focus()  # directly below the buttons
    page.keyboard.press("x")
    expect(page.locator(".removal-last-kept")).to_be_visible()
    next_card = page.locator(".removal-marked").nth(1)
    expect(next_card).to_be_focused()
    bottom = page.locator("#check-first .removal-form-buttons").evaluate(BOTTOM)
    assert next_card.evaluate(TOP) >= bottom


def test_what_a_failed_confirmation_sent_is_entered_again(page: Page, draft: Removal) -> None:
    page.goto(page_of(draft))
    page.get_by_label("Note").fill("ticket 12")
    page.get_by_role("radio", name="Spam").check()
    page.get_by_label("Reviewed: “Good 0”").check()
    page.route("**/confirm/", lambda route: route.fulfill(status=403, body="Forbidden"))
    page.get_by_role("button", name="Remove 43 posts").click()
    page.wait_for_url("**/confirm/")
    page.goto(page_of(draft))
    for show in ("", "?show=objects"):
        page.goto(page_of(draft) + show)
        expect(page.get_by_label("Note")).to_have_value("ticket 12")
        expect(page.get_by_role("radio", name="Spam")).to_be_checked()
        expect(page.get_by_label("Reviewed: “Good 0”")).to_be_checked()
    draft.refresh_from_db()
    assert draft.note == ""


def test_without_scripts_keep_comes_back_to_the_card_that_takes_its_place(
    plain_page: Page, draft: Removal
) -> None:
    plain_page.goto(page_of(draft) + "?show=objects")
    plain_page.locator("[id=card-30] .removal-keep").first.click()
    expect(plain_page).to_have_url(re.compile(r"#card-30$"))
    expect(plain_page.locator("[id=card-30]")).to_be_in_viewport()
    plain_page.get_by_label("Reviewed: “Good 0”").check()
    plain_page.get_by_role("button", name="Mark as reviewed").click()
    expect(plain_page).to_have_url(re.compile(r"#check-first-heading$"))
