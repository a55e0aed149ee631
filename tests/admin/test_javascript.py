"""What JavaScript adds to the pages of removals, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from moderation.removals.delete import delete_next_batch
from moderation.removals.draft import confirm
from posts.models import Post
from tests.admin.conftest import drafted, page_of

MakePosts = Callable[..., list[Post]]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(browser_page: Page, client: Client, live_server: LiveServer) -> Page:
    """A page of the moderator's."""
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    browser_page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}]
    )
    return browser_page


def test_keeping_an_object_preserves_scroll_position_and_typed_text(
    page: Page, moderator: User, make_posts: MakePosts
) -> None:
    page.goto(page_of(drafted(make_posts(20), moderator)))
    page.get_by_label("Note").fill("ticket 12")
    page.get_by_label("Spam").check()
    address = page.url
    page.get_by_role("button", name="Keep “Cheap pills 7”").click()
    expect(page.get_by_role("heading", name="Remove 19 posts?")).to_be_visible()
    expect(page.get_by_role("button", name="Keep “Cheap pills 8”")).to_be_focused()
    expect(page.get_by_label("Note")).to_have_value("ticket 12")
    expect(page.get_by_label("Spam")).to_be_checked()
    assert page.url == address


def test_the_progress_page_updates_itself(
    page: Page, moderator: User, make_posts: MakePosts
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "MODERATION_BATCH_OBJECTS", 2)
        removal = drafted(make_posts(4), moderator)
    assert not confirm(removal, actor=moderator, seal=removal.seal, reason="spam")
    page.goto(page_of(removal))
    expect(page.get_by_text("0 of 4 posts deleted")).to_be_visible()
    delete_next_batch(removal.pk)
    expect(page.get_by_text("2 of 4 posts deleted")).to_be_visible(timeout=60_000)
