"""What a moderator does while a Keep is under way is neither lost nor undone by its result."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Locator, Page, Route, expect

from moderation.models import Removal
from moderation.models.states import RemovalState
from posts.models import Post, PostImage
from tests.admin.conftest import page_of
from tests.browser.positions import top_of
from tests.helpers import drafted
from tests.removals.keeping import titles_of_kept

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

POSTS = 12


@pytest.fixture
def draft(moderator: User, make_posts: Callable[..., list[Post]]) -> Removal:
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    return drafted(make_posts(POSTS, images=1), moderator)


@pytest.fixture
def page(moderator_page: Page, draft: Removal) -> Page:
    moderator_page.set_viewport_size({"width": 1280, "height": 700})
    moderator_page.goto(f"{page_of(draft)}?show=pictures")
    return moderator_page


@pytest.fixture
def held(page: Page) -> list[Route]:
    """Hold the first Keep, and send later ones immediately."""
    return hold_next(page)


def hold_next(page: Page) -> list[Route]:
    """Hold the next Keep, and return the list that will contain it."""
    routes: list[Route] = []

    def hold(route: Route) -> None:
        routes.append(route)

    page.route("**/exclude/", hold, times=1)
    return routes


def card(page: Page, number: int) -> Locator:
    button = page.get_by_role("button", name=f"Keep “Cheap pills {number}” (")
    return page.locator("[data-card]").filter(has=button)


def release(page: Page, held: list[Route]) -> None:
    expect(page.locator("[data-card][aria-busy=true]").first).to_be_visible()
    held.pop().continue_()


def left(page: Page, number: int) -> Locator:
    return page.get_by_role("heading", name=f"Remove {number} posts?")


def test_cards_kept_by_key_during_a_request_are_kept_in_turn(
    page: Page, draft: Removal, held: list[Route]
) -> None:
    card(page, 2).focus()
    for key in ("x", "x", "j", "x", "j", "x", "j"):
        page.keyboard.press(key)
    release(page, held)
    expect(left(page, 9)).to_be_attached()
    expect(card(page, 5)).to_be_focused()
    assert titles_of_kept(draft) == [f"Cheap pills {number}" for number in (2, 3, 4)]
    page.keyboard.press("u")
    expect(left(page, 10)).to_be_attached()
    expect(card(page, 4)).to_be_focused()


def test_a_click_on_another_card_during_a_request_keeps_it_afterwards(
    page: Page, draft: Removal, held: list[Route]
) -> None:
    for number in (2, 6, 6):
        card(page, number).get_by_role("button", name="Keep “").click()
    release(page, held)
    expect(left(page, 10)).to_be_attached()
    expect(card(page, 7).get_by_role("button", name="Keep “")).to_be_focused()
    assert titles_of_kept(draft) == ["Cheap pills 2", "Cheap pills 6"]


@pytest.mark.parametrize("answer", ["answered", "not answered"])
def test_the_focus_stays_where_the_moderator_moved_it(
    answer: str, page: Page, held: list[Route]
) -> None:
    card(page, 2).focus()
    for key in ("x", "j", "j", "j"):
        page.keyboard.press(key)
    top = top_of(card(page, 5))
    if answer == "answered":
        release(page, held)
        expect(left(page, 11)).to_be_attached()
    else:
        held.pop().abort()
        expect(page.locator(".messagelist .error")).to_be_visible()
    expect(card(page, 5)).to_be_focused()
    assert top_of(card(page, 5)) == pytest.approx(top, abs=2)


def test_after_an_error_nothing_more_is_kept(page: Page, draft: Removal, held: list[Route]) -> None:
    card(page, 2).focus()
    for key in ("x", "j", "x"):
        page.keyboard.press(key)
    held.pop().fulfill(status=500, body="Server error")
    errors = page.locator(".messagelist .error")
    expect(errors.first).to_contain_text("Keep “Cheap pills 2”")
    expect(errors.last).to_contain_text("Keep “Cheap pills 3”")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.wait_for_timeout(300)  # longer than a request takes
    assert titles_of_kept(draft) == []


def test_an_enlarged_picture_stays_open(page: Page, held: list[Route]) -> None:
    card(page, 2).focus()
    for key in ("x", "j", "Enter"):
        page.keyboard.press(key)
    dialog = page.get_by_role("dialog", name="Picture of “Cheap pills 3”")
    expect(dialog).to_be_visible()
    release(page, held)
    page.wait_for_timeout(500)  # longer than a request takes
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(left(page, 11)).to_be_attached()
    expect(card(page, 3)).to_be_focused()


def test_the_focus_never_goes_to_the_first_button_of_the_form(
    page: Page, draft: Removal, held: list[Route]
) -> None:
    """That button is hidden, and confirms the removal."""
    page.get_by_label("Spam").check()
    button = page.get_by_role("button", name="Keyboard shortcuts")
    for element in (button, page.get_by_role("button", name="Toggle theme").first):
        card(page, 2).focus()
        page.keyboard.press("x")
        element.focus()
        if held:
            release(page, held)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        expect(element).to_be_focused()
        page.keyboard.press("u")
        expect(left(page, 12)).to_be_attached()
    card(page, 2).get_by_role("button", name="Keep “").press("Enter")
    page.get_by_role("button", name="Cancel – remove nothing").focus()
    expect(left(page, 11)).to_be_attached()
    expect(page.get_by_role("button", name="Cancel – remove nothing")).to_be_focused()


def test_the_question_before_a_cancel_stays_open(page: Page, draft: Removal) -> None:
    card(page, 2).get_by_role("button", name="Keep “").click()
    expect(left(page, 11)).to_be_attached()
    routes = hold_next(page)
    card(page, 3).get_by_role("button", name="Keep “").press("Enter")
    page.get_by_role("button", name="Cancel – remove nothing").click()
    back = page.get_by_role("button", name="Back to the draft")
    expect(back).to_be_visible()
    release(page, routes)
    page.wait_for_timeout(500)  # longer than a request takes
    back.click()
    expect(left(page, 10)).to_be_attached()
    draft.refresh_from_db()
    assert draft.state == RemovalState.DRAFT


def test_a_group_that_has_changed_is_not_kept_but_named(
    page: Page, draft: Removal, held: list[Route], moderator: User
) -> None:
    """Once a post is kept, only one post is left with the picture that it shared."""
    PostImage.objects.filter(post__title="Cheap pills 2").update(sha256="a" * 64)
    shared = PostImage.objects.get(post__title="Cheap pills 4")
    PostImage.objects.filter(pk=shared.pk).update(sha256="b" * 64)
    shared.pk, shared.sha256 = None, "b" * 64
    shared.post = Post.objects.get(title="Cheap pills 2")
    shared.save()
    page.goto(f"{page_of(drafted(list(Post.objects.all()), moderator))}?show=groups")
    page.get_by_role("button", name="Keep “Cheap pills 2”").first.click()
    page.get_by_role("button", name="Keep all 2 posts with the picture").click()
    release(page, held)
    expect(left(page, 11)).to_be_attached()
    expect(page.locator(".messagelist .error")).to_contain_text("Keep all 2 posts with the picture")
    assert titles_of_kept(Removal.objects.latest("pk")) == ["Cheap pills 2"]


def test_a_post_that_is_already_kept_does_not_end_the_queue(
    page: Page, draft: Removal, held: list[Route]
) -> None:
    card(page, 2).focus()
    for key in ("x", "j", "x", "k", "x", "j", "j", "x"):
        page.keyboard.press(key)
    release(page, held)
    expect(left(page, 9)).to_be_attached()
    assert titles_of_kept(draft) == [f"Cheap pills {number}" for number in (2, 3, 4)]
    expect(page.locator(".messagelist")).to_have_count(0)


def test_a_key_that_is_held_presses_only_one_button(page: Page, draft: Removal) -> None:
    card(page, 2).get_by_role("button", name="Keep “").focus()
    page.keyboard.down("Enter")
    expect(left(page, 11)).to_be_attached()
    page.keyboard.down("Enter")  # the second one is a repetition
    page.wait_for_timeout(300)  # longer than a request takes
    page.keyboard.up("Enter")
    assert titles_of_kept(draft) == ["Cheap pills 2"]


def test_a_link_is_followed_when_everything_is_kept(
    page: Page, draft: Removal, held: list[Route]
) -> None:
    card(page, 2).focus()
    for key in ("x", "j", "x"):
        page.keyboard.press(key)
    page.get_by_role("navigation", name="Views").get_by_role("link", name="Posts").click()
    release(page, held)
    page.wait_for_url("**show=objects**")
    expect(left(page, 10)).to_be_attached()


def test_undo_is_pressed_after_the_keep_that_is_under_way(
    page: Page, draft: Removal, held: list[Route]
) -> None:
    card(page, 2).focus()
    page.keyboard.press("x")
    page.keyboard.press("u")
    release(page, held)
    expect(page.locator("#draft-messages")).to_contain_text("1 post returned")
    expect(left(page, 12)).to_be_attached()
    expect(card(page, 2)).to_be_focused()


def test_what_is_scrolled_typed_and_opened_during_a_request_stays(
    page: Page, draft: Removal
) -> None:
    page.set_viewport_size({"width": 1280, "height": 300})
    page.goto(f"{page_of(draft)}?show=objects")
    note = page.get_by_label("Note")
    note.fill("ticket 12")
    routes = hold_next(page)
    card(page, 2).get_by_role("button", name="Keep “").click()
    note.evaluate("note => { note.value = ''; note.dispatchEvent(new Event('input')) }")
    page.get_by_text("Display", exact=True).evaluate(
        "summary => { summary.parentNode.open = true }"
    )
    card(page, 9).evaluate("card => card.scrollIntoView({ block: 'center' })")
    top = top_of(card(page, 9))
    release(page, routes)
    expect(left(page, 11)).to_be_attached()
    assert top_of(card(page, 9)) == pytest.approx(top, abs=2)
    expect(note).to_have_value("")
    expect(page.get_by_label("Use single-letter shortcuts")).to_be_visible()
