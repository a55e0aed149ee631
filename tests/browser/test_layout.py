"""What the lists show of their columns, on a screen of 1280 pixels with the menu, and narrow."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from playwright.sync_api import Locator, Page
from pytest_django.live_server_helper import LiveServer

from moderation.models import AuditEntry, AuditEvent
from moderation.models.states import EventType
from posts.models import Post, PostImage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(browser_page: Page, client: Client, live_server: LiveServer) -> Page:
    """A superuser's page, with the site's theme."""
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    client.force_login(User.objects.create_superuser("root"))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    browser_page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}]
    )
    browser_page.set_viewport_size({"width": 1280, "height": 900})
    return browser_page


def edges(element: Locator) -> tuple[float, float]:
    """The left and the right edge of an element, in pixels."""
    box = element.bounding_box()
    assert box
    return box["x"], box["x"] + box["width"]


def test_the_posts_list_shows_day_and_time_of_a_post_with_a_long_title(page: Page) -> None:
    author = User.objects.create_user("somebody_with_a_name")
    Post.objects.create(author=author, title="You have been selected " * 10)
    page.goto("/admin/posts/post/")
    _left, room = edges(page.locator("#changelist-form .results"))
    for part in page.locator(".field-written_at .post-date").all():
        assert edges(part)[1] <= room


def test_the_row_of_buttons_begins_where_the_menu_ends(page: Page) -> None:
    page.goto("/admin/posts/post/add/")
    _left, menu = edges(page.locator("#nav-sidebar"))
    begins, _right = edges(page.locator(".submit-row").last)
    assert begins == pytest.approx(menu, abs=2)


def test_the_list_of_events_shows_all_of_a_note(page: Page) -> None:
    details = {"reason": "spam", "note": "Wave of 19 November, with " + "many words " * 20}
    AuditEvent.objects.create(type=EventType.CONFIRM, actor_name="moderator", details=details)
    page.goto("/admin/moderation/auditevent/")
    _left, room = edges(page.locator("#changelist-form .results"))
    assert edges(page.locator(".event-summary").last)[1] <= room


def test_on_a_phone_no_page_scrolls_sideways_and_the_pictures_are_counted(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    post = Post.objects.create(author=User.objects.create_user("somebody"), title="Two pictures")
    for number in range(2):
        PostImage.objects.create(
            post=post, image=f"{number}.png", thumbnail=f"{number}.webp", size=1, width=1, height=1
        )
    name = "posts/2026/11/" + "0123456789abcdef" * 4
    PostImage.objects.create(post=post, image=name, thumbnail="c", size=1, width=1, height=1)
    PostImage.objects.filter(image=name).delete()
    entry = AuditEntry.objects.get(name=name)
    details = f"/admin/moderation/auditentry/{entry.pk}/change/"
    for address in ("/admin/posts/post/", "/admin/auth/group/", details):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
    page.goto("/admin/posts/post/")
    cell = page.locator("#result_list tbody .field-pictures")
    assert edges(cell.locator(".post-picture-total"))[1] <= edges(cell)[1]
