"""Reviewing what differs from a wave, in a real browser: by keyboard and without scripts."""

from __future__ import annotations

import pytest
from admin_interface.cache import del_cached_active_theme
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Page, expect

from moderation.models import Removal
from moderation.models.states import RemovalState
from posts.models import Post
from tests.admin.conftest import page_of
from tests.helpers import drafted
from tests.review_rules.waves import make_post, make_wave

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
    page.locator("#check-first-heading").focus()
    press_until_focused(page, "Reviewed: “Good 0”")
    page.keyboard.press("Space")
    press_until_focused(page, "Keep “Good 1”")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of 3 decided.")).to_be_visible()
    expect(page.get_by_label("Reviewed: “Good 0”")).to_be_checked()
    expect(page.get_by_label("Note")).to_have_value("ticket 12")
    page.get_by_label("Reviewed: “Good 0”").focus()
    page.keyboard.press("Enter")  # submits the ticks; it keeps nothing
    expect(page.get_by_text("2 of 3 decided.")).to_be_visible()
    expect(page.locator("#check-first-heading")).to_be_focused()
    press_until_focused(page, "I have reviewed all of them")
    page.keyboard.press("Enter")
    expect(page.get_by_text("3 of 3 decided.")).to_be_visible()
    expect(page.get_by_label("Note")).to_have_value("ticket 12")
    page.get_by_role("radio", name="Spam").check()
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
