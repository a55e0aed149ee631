"""Posts with the same picture are added by keyboard alone and without scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Page, expect

from moderation.models import Removal
from posts.models import Post, PostImage
from tests.helpers import drafted

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def draft(moderator: User, make_posts: Callable[..., list[Post]]) -> Removal:
    """Two of five posts with the same picture."""
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    posts = make_posts(5, images=1)
    PostImage.objects.update(sha256="a" * 64)
    return drafted(posts[:2], moderator)


def open_others(page: Page, removal: Removal) -> None:
    page.goto(f"/admin/moderation/removal/{removal.pk}/change/")
    page.get_by_role("link", name="also in 3 posts that are not selected").focus()
    page.keyboard.press("Enter")
    expect(
        page.get_by_role("heading", name="Also in 3 posts that are not selected")
    ).to_be_visible()


def test_by_keyboard_alone_ticked_posts_are_added_in_place(
    moderator_page: Page, draft: Removal
) -> None:
    page = moderator_page
    open_others(page, draft)
    page.get_by_label("Note").fill("ticket 12")
    page.get_by_role("checkbox", name="Add “Cheap pills 3”").focus()
    page.keyboard.press("Space")
    button = page.get_by_role("button", name="Add ticked posts to the selection")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Remove 3 posts?")).to_be_visible()
    expect(page.locator(".messagelist")).to_contain_text(
        "Added 1 post to the selection, which now has 3 posts."
    )
    expect(button).to_be_focused()
    expect(page.get_by_label("Note")).to_have_value("ticket 12")
    page.get_by_role("button", name="Add all 2 posts to the selection").press("Enter")
    expect(page.get_by_role("heading", name="Remove 5 posts?")).to_be_visible()
    expect(page.locator("#selection-heading")).to_be_focused()


def test_enter_on_a_box_adds_what_is_ticked_and_confirms_nothing(
    moderator_page: Page, moderator_page_without_scripts: Page, draft: Removal
) -> None:
    for page, number in ((moderator_page, 2), (moderator_page_without_scripts, 3)):
        page.goto(f"/admin/moderation/removal/{draft.pk}/change/?group={'a' * 64}")
        page.get_by_role("radio", name="Spam").check()
        page.get_by_role("checkbox", name=f"Add “Cheap pills {number}”").check()
        page.get_by_role("checkbox", name=f"Add “Cheap pills {number}”").press("Enter")
        expect(page.get_by_role("heading", name=f"Remove {number + 1} posts?")).to_be_visible()
    assert Post.objects.count() == 5


def test_a_tick_stays_when_another_post_is_kept(moderator_page: Page, draft: Removal) -> None:
    page = moderator_page
    open_others(page, draft)
    tick = page.get_by_role("checkbox", name="Add “Cheap pills 3”")
    tick.check()
    page.get_by_role("button", name="Keep “Cheap pills 0” (").click()
    expect(page.get_by_role("heading", name="Remove 1 post?")).to_be_visible()
    expect(tick).to_be_checked()


def test_posts_are_added_without_scripts(
    moderator_page_without_scripts: Page, draft: Removal
) -> None:
    page = moderator_page_without_scripts
    open_others(page, draft)
    page.get_by_role("checkbox", name="Add “Cheap pills 3”").check()
    page.get_by_role("button", name="Add ticked posts to the selection").click()
    expect(page.locator(".messagelist")).to_contain_text(
        "Added 1 post to the selection, which now has 3 posts."
    )
    expect(
        page.get_by_role("heading", name="Also in 2 posts that are not selected")
    ).to_be_visible()
