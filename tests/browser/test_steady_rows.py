"""Rows do not move while pictures load: their boxes have a fixed size."""

from __future__ import annotations

import io
from collections.abc import Callable
from threading import Event

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from playwright.sync_api import Page, Route
from pytest_django.live_server_helper import LiveServer

from moderation.removals.freeze import freeze
from posts.images import intake
from posts.images.uploads import uploads
from posts.models import Post

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Tall, wide, tiny and square: no picture changes the size of its box.
SIZES = [(30, 400), (400, 30), (3, 3), (200, 200)]
BOXES = """
selector => Array.from(document.querySelectorAll(selector))
  .map(element => JSON.stringify(element.getBoundingClientRect()))
"""
# Collects what moved without a click or a key, with the classes of the elements that moved. The
# menu is closed, because Django's own script opens it when the page may already be painted.
SHIFTS = """
localStorage.setItem("django.admin.navSidebarIsOpen", "false");
window.shifts = [];
new PerformanceObserver(list => window.shifts.push(...list.getEntries().map(
  each => [each.value, ...each.sources.map(source => source.node?.className ?? "a text")]
))).observe({type: "layout-shift", buffered: true});
"""
LOADED = """
() => Array.from(document.querySelectorAll("img[src*='/picture/']"))
  .every(picture => picture.complete && picture.naturalWidth)
"""


def until(page: Page, reached: Callable[[], bool]) -> None:
    """Wait for at most half a minute while the browser keeps running."""
    for _ in range(600):
        if reached():
            return
        page.wait_for_timeout(50)
    pytest.fail("The pictures did not load.")


@pytest.fixture
def posts(db: None) -> list[Post]:
    author = User.objects.create_user("somebody")
    made = [Post.objects.create(author=author, title=f"Post {n}") for n in range(len(SIZES))]
    with uploads():
        for post, size in zip(made, SIZES, strict=True):
            drawn = io.BytesIO()
            Image.new("RGB", size, "orange").save(drawn, "PNG")
            upload = SimpleUploadedFile("a.png", drawn.getvalue())
            intake.store_image(upload, post=post).save()
    return made


@pytest.fixture
def page(browser_page: Page, live_server: LiveServer) -> Page:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    browser_page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}]
    )
    return browser_page


def boxes(page: Page, selector: str) -> list[str]:
    return list(page.evaluate(BOXES, selector))


@pytest.mark.parametrize(
    ("address", "selector"),
    [
        ("/admin/posts/post/", "#result_list tr, #result_list img"),
        ("/admin/posts/post/{post}/change/", ".inline-group tr, .post-thumbnail"),
        ("/admin/moderation/removal/{removal}/change/", ".removal-preview, .removal-picture"),
    ],
)
def test_rows_and_cards_keep_their_boxes_while_pictures_load(
    address: str, selector: str, page: Page, posts: list[Post]
) -> None:
    draft = freeze(
        Post.objects.all(),
        actor=User.objects.get(username="root"),
        permissions=["posts.delete_post"],
    )
    held: list[Route] = []
    loaded = Event()

    def hold(route: Route) -> None:
        if loaded.is_set():
            route.continue_()
        else:
            held.append(route)

    page.route("**/picture/**", hold)
    url = address.format(post=posts[0].pk, removal=draft.pk)
    page.goto(url, wait_until="domcontentloaded")
    page.wait_for_selector("img[src*='/picture/']")
    until(page, lambda: bool(held))
    before = boxes(page, selector)
    loaded.set()
    for route in held:
        route.continue_()
    until(page, lambda: bool(page.evaluate(LOADED)))
    assert len(before) >= len(SIZES) or "{post}" in address
    assert boxes(page, selector) == before


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("tab", ["groups", "pictures", "objects"])
def test_nothing_moves_when_the_pictures_of_a_draft_load(
    tab: str, width: int, page: Page, posts: list[Post]
) -> None:
    draft = freeze(
        Post.objects.all(),
        actor=User.objects.get(username="root"),
        permissions=["posts.delete_post"],
    )
    page.add_init_script(SHIFTS)
    page.set_viewport_size({"width": width, "height": 1_400})

    def delay(route: Route) -> None:
        page.wait_for_timeout(300)
        route.continue_()

    page.route("**/picture/**", delay)
    page.goto(f"/admin/moderation/removal/{draft.pk}/change/?show={tab}")
    until(page, lambda: bool(page.evaluate(LOADED)))
    page.wait_for_timeout(300)
    assert page.evaluate("window.shifts") == []
