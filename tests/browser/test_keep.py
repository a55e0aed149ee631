"""Keep in a real browser: by keyboard alone, by touch on a phone, and without scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Locator, Page, Route, expect

from moderation.models import Removal
from posts.models import Post
from tests.browser.positions import top_of
from tests.helpers import drafted

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MakePosts = Callable[..., list[Post]]
POSTS = 30


@pytest.fixture
def draft(moderator: User, make_posts: MakePosts) -> Removal:
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    return drafted(make_posts(POSTS, images=1), moderator)


@pytest.fixture
def page(moderator_page: Page) -> Page:
    return moderator_page


@pytest.fixture
def plain_page(moderator_page_without_scripts: Page) -> Page:
    return moderator_page_without_scripts


def url_of(removal: Removal, show: str = "pictures") -> str:
    return f"/admin/moderation/removal/{removal.pk}/change/?show={show}"


def keep_button(page: Page, number: int) -> Locator:
    return page.get_by_role("button", name=f"Keep “Cheap pills {number}” (")


def heading(page: Page, number: int) -> Locator:
    return page.get_by_role("heading", name=f"Remove {number} post")


def test_by_keyboard_alone_posts_are_kept_returned_and_the_rest_is_confirmed(
    page: Page, draft: Removal
) -> None:
    page.goto(url_of(draft))
    keep_button(page, 7).focus()
    page.keyboard.press("Enter")
    expect(heading(page, 29)).to_be_visible()
    expect(keep_button(page, 8)).to_be_focused()
    page.keyboard.press("Enter")  # immediately: only clicks are ignored for a moment
    expect(heading(page, 28)).to_be_visible()
    expect(keep_button(page, 9)).to_be_focused()
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(heading(page, 29)).to_be_visible()
    expect(keep_button(page, 8)).to_be_focused()
    page.get_by_role("link", name="Kept 1").focus()
    page.keyboard.press("Enter")
    back = page.get_by_role("button", name="Return “Cheap pills 7”")
    back.focus()
    page.keyboard.press("Enter")
    expect(heading(page, 30)).to_be_visible()
    expect(page.get_by_role("heading", name="Review the selection")).to_be_focused()
    page.get_by_role("link", name="All pictures and files").focus()
    page.keyboard.press("Enter")
    keep_button(page, 3).focus()
    page.keyboard.press("Enter")
    expect(heading(page, 29)).to_be_visible()
    page.get_by_label("Spam").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Remove 29 posts").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".removal-progress")).to_be_visible()
    assert Post.objects.get().title == "Cheap pills 3"


def click_in_the_middle(page: Page, element: Locator) -> tuple[float, float]:
    box = element.bounding_box()
    assert box
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(*middle)
    return middle


def test_a_second_slow_click_where_the_card_was_keeps_no_other_post(
    page: Page, draft: Removal
) -> None:
    page.add_init_script("performance.now = () => window.milliseconds ?? 0")
    page.goto(url_of(draft))
    keep_button(page, 2).scroll_into_view_if_needed()
    middle = click_in_the_middle(page, keep_button(page, 2))
    expect(keep_button(page, 3)).to_be_focused()
    for milliseconds in (0, 500, 999):
        page.evaluate(f"window.milliseconds = {milliseconds}")
        page.mouse.click(*middle)
        expect(heading(page, 29)).to_be_attached()
    page.evaluate("window.milliseconds = 1000")
    page.mouse.click(*middle)
    expect(heading(page, 28)).to_be_attached()
    expect(keep_button(page, 4)).to_be_focused()
    draft.refresh_from_db()
    assert draft.kept_total == 2


def test_a_second_slow_click_where_undo_appears_does_not_undo(page: Page, draft: Removal) -> None:
    page.add_init_script("performance.now = () => window.milliseconds ?? 0")
    page.goto(url_of(draft))
    button = keep_button(page, 2)
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box
    middle = click_in_the_middle(page, button)
    expect(heading(page, 29)).to_be_attached()
    style = f"position: fixed; left: {box['x']}px; top: {box['y']}px; width: {box['width']}px"
    undo = page.locator(".removal-last-kept button")
    undo.evaluate("(button, style) => (button.style.cssText = style)", style)
    page.evaluate("window.milliseconds = 500")
    page.mouse.click(middle[0] + 1, middle[1])
    page.wait_for_timeout(500)  # longer than a request takes
    expect(heading(page, 29)).to_be_attached()
    page.evaluate("window.milliseconds = 1000")
    page.mouse.click(*middle)
    expect(heading(page, 30)).to_be_attached()


def test_a_note_from_another_tab_is_shown_when_a_keep_is_refused(
    page: Page, draft: Removal
) -> None:
    other_tab = page.context.new_page()
    for each in (page, other_tab):
        each.goto(url_of(draft))
    other_tab.get_by_label("Note").fill("ticket 12")
    keep_button(other_tab, 5).click()
    expect(heading(other_tab, 29)).to_be_visible()
    keep_button(page, 6).click()
    expect(page.locator(".messagelist")).to_contain_text("changed since you opened this page")
    expect(page.get_by_label("Note")).to_have_value("ticket 12")


def test_what_is_typed_during_a_keep_stays_in_the_note(page: Page, draft: Removal) -> None:
    requests: list[Route] = []

    def hold(route: Route) -> None:
        requests.append(route)

    page.route("**/exclude/**", hold)
    page.goto(url_of(draft))
    keep_button(page, 2).click()
    note = page.get_by_label("Note")
    note.click()
    page.keyboard.type("ad ring, ")
    requests.pop().continue_()
    expect(heading(page, 29)).to_be_attached()
    expect(note).to_be_focused()
    page.keyboard.type("extra fake x")
    expect(note).to_have_value("ad ring, extra fake x")
    assert not requests


def test_a_click_on_a_card_that_has_not_moved_works_immediately(page: Page, draft: Removal) -> None:
    page.add_init_script("performance.now = () => 0")
    page.goto(url_of(draft))
    keep_button(page, 4).click()
    expect(keep_button(page, 5)).to_be_focused()
    keep_button(page, 1).click()
    expect(heading(page, 28)).to_be_attached()
    keep_button(page, 7).click()  # it has moved
    page.get_by_role("button", name="Undo").click()  # it is not on a card
    expect(heading(page, 29)).to_be_attached()
    expect(keep_button(page, 1)).to_be_focused()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_next_card_takes_the_place_of_the_one_that_was_kept(
    page: Page, draft: Removal, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(url_of(draft))
    keep_button(page, 20).scroll_into_view_if_needed()
    top = top_of(keep_button(page, 20))
    keep_button(page, 20).click()
    expect(keep_button(page, 21)).to_be_focused()
    assert top_of(keep_button(page, 21)) == pytest.approx(top, abs=2)
    undo = page.get_by_role("button", name="Undo")
    assert 0 <= top_of(undo) <= 80, "in sight, however far down the page is"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    undo.click()  # immediately, because no card moves under this button
    expect(keep_button(page, 20)).to_be_focused()
    expect(keep_button(page, 20)).to_be_in_viewport()
    expect(heading(page, 30)).to_be_attached()


def test_all_posts_of_an_author_are_kept_and_returned(
    page: Page, draft: Removal, make_posts: MakePosts, moderator: User
) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    good = make_posts(3, images=1, author="a_name_that_is_as_long_as_names_of_people_may_be_here")
    mixed = drafted([*Post.objects.filter(author__username="spammer")[:5], *good], moderator)
    page.goto(url_of(mixed))
    page.get_by_role("button", name="Keep all by a_name").first.click()
    expect(heading(page, 5)).to_be_visible()
    expect(page.locator(".removal-last-kept p")).to_contain_text("Kept 3 posts: “Cheap pills 0”, ")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(url_of(mixed, "objects"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Undo").click()
    expect(heading(page, 8)).to_be_visible()


def test_reason_and_note_survive_links_and_are_forgotten_after_the_confirmation(
    page: Page, draft: Removal
) -> None:
    page.goto(url_of(draft))
    page.get_by_label("Note").fill("ticket 12")
    page.get_by_label("Abuse").check()
    views = page.get_by_role("navigation", name="Views of the selection")
    views.get_by_role("link", name="Posts").click()
    expect(page.get_by_label("Note")).to_have_value("ticket 12")
    expect(page.get_by_label("Abuse")).to_be_checked()
    keep_button(page, 1).click()
    expect(heading(page, 29)).to_be_visible()
    expect(page.get_by_label("Note")).to_have_value("ticket 12")
    page.get_by_role("button", name="Remove 29 posts").click()
    expect(page.locator(".removal-progress")).to_be_visible()
    assert page.evaluate("window.sessionStorage.length") == 0
    draft.refresh_from_db()
    assert (draft.reason, draft.note) == ("abuse", "ticket 12")


@pytest.mark.parametrize("scripts", [True, False])
def test_enter_in_the_field_for_the_number_confirms(
    page: Page, plain_page: Page, draft: Removal, settings: object, scripts: bool
) -> None:
    settings.MODERATION_TYPED_COUNT_FROM = 2  # type: ignore[attr-defined]
    used = page if scripts else plain_page
    used.goto(url_of(draft))
    used.get_by_label("Spam").check()
    used.locator("[name=typed_count]").fill("30")
    used.locator("[name=typed_count]").press("Enter")
    expect(used.locator(".removal-progress")).to_be_visible()
    draft.refresh_from_db()
    assert (draft.kept_total, draft.objects_total) == (0, 30)


def test_without_scripts_reason_and_note_survive_keep_and_undo(
    plain_page: Page, draft: Removal
) -> None:
    page = plain_page
    page.goto(url_of(draft))
    page.get_by_label("Spam").check()
    page.get_by_label("Note").fill("ticket 12")
    keep_button(page, 5).click()
    expect(heading(page, 29)).to_be_visible()
    expect(page.locator(".removal-last-kept")).to_contain_text("Kept: “Cheap pills 5”.")
    for step in ("Undo", "Keep all by spammer"):
        expect(page.get_by_label("Spam")).to_be_checked()
        expect(page.get_by_label("Note")).to_have_value("ticket 12")
        page.get_by_role("button", name=step).first.click()
    expect(page.get_by_text("This cannot be confirmed yet")).to_be_visible()
    page.get_by_role("link", name="Kept 30").click()
    page.get_by_role("button", name="Return all to the selection").click()
    expect(page.get_by_label("Note")).to_have_value("ticket 12")
    page.get_by_role("button", name="Remove 30 posts").click()
    expect(page.locator(".removal-progress")).to_be_visible()
    assert not Post.objects.exists()


def test_without_scripts_a_click_on_an_older_page_keeps_nothing(
    plain_page: Page, draft: Removal
) -> None:
    page, other_tab = plain_page, plain_page.context.new_page()
    for each in (page, other_tab):
        each.goto(url_of(draft))
    keep_button(page, 5).click()
    expect(heading(page, 29)).to_be_visible()
    keep_button(other_tab, 6).click()
    expect(other_tab.locator(".messagelist")).to_contain_text("1 post was kept")
    expect(heading(other_tab, 29)).to_be_visible()
    draft.refresh_from_db()
    assert draft.kept_total == 1
