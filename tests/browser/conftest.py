"""A draft with real pictures, and the pages of its author."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from moderation.models import Removal
from posts.models import Report
from tests.admin.conftest import drafted
from tests.browser.ways import NO_SCRIPTS, TELEPHONE, Way
from tests.posts.drawn import a_picture, a_post, drawing

PICTURES = 6
TABS = ("groups", "pictures", "objects", "without-pictures")


@pytest.fixture
def draft(transactional_db: None, moderator: User) -> Removal:
    """A draft of six posts with a picture each, all different, and of one without."""
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    posts = [a_post(f"Cheap pills {n}") for n in range(PICTURES)]
    for n, post in enumerate(posts):
        a_picture(post, drawing(size=(60 + 20 * n, 90)))
    posts.append(a_post("No picture"))
    Report.objects.create(post=posts[0], reporter=moderator, reason="spam")
    return drafted(posts, moderator)


def log_in(context: BrowserContext, user: User, server: LiveServer) -> None:
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": server.url}]
    )


@pytest.fixture
def moderator_page(browser_page: Page, live_server: LiveServer, moderator: User) -> Page:
    """A page of the moderator."""
    log_in(browser_page.context, moderator, live_server)
    return browser_page


@pytest.fixture
def moderator_page_without_scripts(
    chromium: Browser, live_server: LiveServer, moderator: User
) -> Iterator[Page]:
    """A page of the moderator, in a browser without JavaScript."""
    context = chromium.new_context(java_script_enabled=False, base_url=live_server.url)
    log_in(context, moderator, live_server)
    yield context.new_page()
    context.close()


@pytest.fixture
def way(request: pytest.FixtureRequest) -> Way:
    """A page of the moderator, used in the way that the parameter names; see `in_ways`."""
    plain = request.param == NO_SCRIPTS
    page: Page = request.getfixturevalue(
        "moderator_page_without_scripts" if plain else "moderator_page"
    )
    if request.param == TELEPHONE:
        page.set_viewport_size({"width": 390, "height": 844})
    return Way(page, request.param)
