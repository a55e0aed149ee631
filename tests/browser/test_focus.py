"""Keep and Undo lead back to where the moderator was: focus, card and height on the screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Locator, Page, expect

from moderation.models import Removal
from posts.models import Post, PostImage
from tests.admin.conftest import page_of
from tests.browser.positions import top_of
from tests.helpers import drafted
from tests.review_rules.waves import make_post, make_wave

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MakePosts = Callable[..., list[Post]]
POSTS = 40


@pytest.fixture
def theme(transactional_db: None) -> None:
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)


@pytest.fixture
def draft(theme: None, moderator: User, make_posts: MakePosts) -> Removal:
    """A draft of twenty pictures, each in two posts."""
    posts = make_posts(POSTS, images=1)
    for number, post in enumerate(posts):
        PostImage.objects.filter(post=post).update(sha256=f"{number // 2:064}")
    return drafted(posts, moderator)


@pytest.fixture
def marked_draft(theme: None, moderator: User) -> Removal:
    """A draft of a wave and of three posts to check first."""
    make_wave()
    for number, author in enumerate(("ann", "ben", "cat")):
        make_post(title=f"Good {number}", author=author)
    return drafted(list(Post.objects.all()), moderator)


@pytest.fixture
def page(moderator_page: Page) -> Page:
    moderator_page.set_viewport_size({"width": 1280, "height": 700})
    return moderator_page


def heading(page: Page, number: int) -> Locator:
    return page.get_by_role("heading", name=f"Remove {number} posts?")


def undo(page: Page) -> Locator:
    return page.get_by_role("button", name="Undo")


def marked(page: Page, number: int) -> Locator:
    """Return the card of a post to check first."""
    return page.locator(".removal-marked", has_text=f"Good {number}")


@pytest.mark.parametrize("show", ["groups", "pictures", "objects"])
def test_undo_leads_back_to_the_button_and_to_its_height_on_the_screen(
    show: str, page: Page, draft: Removal
) -> None:
    page.goto(f"{page_of(draft)}?show={show}")
    button = page.locator("#selection [data-card] .removal-keep:not(.removal-keep-owner)").nth(9)
    name = button.get_attribute("aria-label") or ""
    assert ("Keep all 2 posts" in name) == (show == "groups")
    button.scroll_into_view_if_needed()
    top = top_of(button)
    button.click()
    expect(heading(page, POSTS - 2 if show == "groups" else POSTS - 1)).to_be_attached()
    undo(page).click()
    expect(heading(page, POSTS)).to_be_attached()
    expect(page.get_by_role("button", name=name, exact=True)).to_be_focused()
    assert top_of(page.get_by_role("button", name=name, exact=True)) == pytest.approx(top, abs=2)


def test_a_title_stays_text_when_the_page_is_replaced(page: Page, draft: Removal) -> None:
    Post.objects.filter(title="Cheap pills 2").update(title="</noscript><img src='x'>")
    page.goto(f"{page_of(draft)}?show=groups")
    page.locator("#selection [data-card] .removal-keep").nth(9).click()
    expect(page.locator(".removal-last-kept")).to_be_visible()
    expect(page.locator("img[src='x']")).to_have_count(0)
    expect(page.locator("#content-start noscript")).to_have_count(0)


def test_undo_leads_back_to_an_author_and_to_the_card_of_a_group(
    page: Page, draft: Removal, make_posts: MakePosts, moderator: User
) -> None:
    good = make_posts(3, images=1, author="gardener")
    mixed = drafted([*good, *Post.objects.filter(author__username="spammer")[:5]], moderator)
    page.goto(f"{page_of(mixed)}?show=objects")
    page.get_by_role("button", name="Keep all by gardener").nth(1).click()
    expect(heading(page, 5)).to_be_visible()
    undo(page).click()
    expect(page.get_by_role("button", name="Keep all by gardener").nth(1)).to_be_focused()
    page.goto(f"{page_of(draft)}?show=groups")
    page.get_by_role("link", name="Show the posts with the picture").nth(4).click()
    keep_all = page.get_by_role("button", name="Keep all 2 posts")
    picture = keep_all.get_attribute("value")
    keep_all.click()
    expect(heading(page, POSTS - 2)).to_be_visible()
    undo(page).click()
    expect(heading(page, POSTS)).to_be_visible()
    expect(page.locator(f"[name=with_picture][value='{picture}']")).to_be_focused()


def test_undo_leads_back_to_a_post_to_check_first_not_to_its_place_in_the_list(
    page: Page, marked_draft: Removal
) -> None:
    page.goto(f"{page_of(marked_draft)}?show=objects")
    for part in (marked(page, 1), page.locator("#selection tr", has_text="Good 1")):
        keep = part.get_by_role("button", name="Keep “Good 1”")
        keep.press("Enter")
        expect(heading(page, 42)).to_be_attached()
        undo(page).press("Enter")
        expect(heading(page, 43)).to_be_attached()
        expect(keep).to_be_focused()
        expect(keep).to_be_in_viewport()


def test_keys_keep_and_undo_without_leaving_the_card(page: Page, draft: Removal) -> None:
    page.goto(f"{page_of(draft)}?show=groups")
    cards = page.locator("#selection [data-card]")
    cards.nth(8).focus()
    top = top_of(cards.nth(8))
    name = cards.nth(8).get_attribute("data-card")
    page.keyboard.press("x")
    expect(heading(page, POSTS - 2)).to_be_attached()
    page.keyboard.press("j")
    page.keyboard.press("u")
    expect(heading(page, POSTS)).to_be_attached()
    expect(page.locator(f"[data-card='{name}']")).to_be_focused()
    assert top_of(cards.nth(8)) == pytest.approx(top, abs=2)
    page.keyboard.press("u")  # nothing is left to undo
    expect(page.locator(f"[data-card='{name}']")).to_be_focused()


def test_undo_from_another_tab_of_the_page_moves_nothing(page: Page, draft: Removal) -> None:
    page.goto(f"{page_of(draft)}?show=pictures")
    page.get_by_role("button", name="Keep “Cheap pills 7”").click()
    expect(heading(page, POSTS - 1)).to_be_attached()
    page.get_by_role("navigation", name="Views").get_by_role("link", name="Posts").click()
    card = page.locator("#selection [data-card]").nth(12)
    card.focus()
    name, top = card.get_attribute("data-card"), top_of(card)
    page.keyboard.press("u")
    expect(heading(page, POSTS)).to_be_attached()
    expect(page.locator(f"[data-card='{name}']")).to_be_focused()
    assert top_of(page.locator(f"[data-card='{name}']")) == pytest.approx(top, abs=2)


def test_after_the_last_post_to_check_first_x_leads_to_the_one_before_and_then_to_the_heading(
    page: Page, marked_draft: Removal
) -> None:
    page.goto(page_of(marked_draft))
    marked(page, 2).focus()
    for left, title in ((42, "Good 1"), (41, "Good 0")):
        page.keyboard.press("x")
        expect(heading(page, left)).to_be_attached()
        expect(page.locator(".removal-marked:focus")).to_contain_text(title)
    page.keyboard.press("x")
    expect(heading(page, 40)).to_be_attached()
    expect(page.locator("#check-first-heading")).to_be_focused()
    expect(page.get_by_text("3 of 3 decided.")).to_be_in_viewport()
    page.keyboard.press("j")
    expect(page.locator("#selection [data-card]").first).to_be_focused()


def test_r_ticks_a_post_as_reviewed_and_leads_to_the_next_one(
    page: Page, marked_draft: Removal
) -> None:
    page.goto(page_of(marked_draft))
    marked(page, 0).focus()
    page.keyboard.press("r")
    expect(marked(page, 0).get_by_label("Reviewed")).to_be_checked()
    expect(marked(page, 1)).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("r")
    expect(marked(page, 0).get_by_label("Reviewed")).not_to_be_checked()
    expect(marked(page, 0)).to_be_focused()
    marked(page, 2).focus()
    page.keyboard.press("r")
    expect(marked(page, 2).get_by_label("Reviewed")).to_be_checked()
    expect(marked(page, 2)).to_be_focused()
    page.locator("#selection [data-card]").first.focus()
    page.keyboard.press("r")  # nothing to review there
    expect(page.locator("#selection [data-card]").first).to_be_focused()
