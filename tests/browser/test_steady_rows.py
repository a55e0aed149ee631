"""Rows do not move while pictures load or the page arrives: boxes and columns have fixed sizes."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from playwright.sync_api import Page, Route
from pytest_django.live_server_helper import LiveServer

from moderation.models import Removal
from moderation.removals.keep import exclude
from posts.models import Post, PostImage
from tests.helpers import drafted
from tests.posts.drawn import a_picture, a_post, drawing

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Tall, wide, tiny and square: no picture changes the size of its box.
SIZES = [(30, 400), (400, 30), (3, 3), (200, 200)]
BOXES = """
selector => Array.from(document.querySelectorAll(selector))
  .map(element => JSON.stringify(element.getBoundingClientRect()))
"""
# Collects what moved without a click or a key: how much, when, and the elements or texts. The menu
# is closed, because Django's own script opens it when the page may already be painted; Django's
# header is left out, because it moves while its own lines arrive. `shownAt` is the time at which
# the frame with the end of the page was shown.
SHIFTS = """
localStorage.setItem("django.admin.navSidebarIsOpen", "false");
window.shifts = [];
const isOurs = ({node}) => !document.getElementById("header")?.contains(node);
new PerformanceObserver(list => window.shifts.push(...list.getEntries().map(each => [
  each.value,
  each.startTime,
  ...each.sources.filter(isOurs).map(({node}) => node?.className || node?.textContent),
]).filter(each => each.length > 2))).observe({type: "layout-shift", buffered: true});
document.addEventListener("DOMContentLoaded", () => requestAnimationFrame(
  () => requestAnimationFrame(() => { window.shownAt = performance.now(); })
));
"""
# While the page is parsed, the browser may paint a part of it.
MAX_SHIFT_WHILE_PARSED = 0.01
# Half a card or a row may be painted; what follows in it then moves its beginning.
MAX_SHIFT_OF_PARTS = 0.002
# Bytes in a second: a page arrives in some twenty parts, which are painted one by one.
SLOW_CONNECTION = 20_000
SHOWN = ("groups", "pictures", "objects", "without-pictures", "kept", "group")
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
    made = [a_post(f"Post {n}") for n in range(len(SIZES))]
    for post, size in zip(made, SIZES, strict=True):
        a_picture(post, drawing(size=size))
    return made


@pytest.fixture
def draft(page: Page, posts: list[Post]) -> Removal:
    """A draft with a kept post and one without picture. One picture is in a post outside of it."""
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    kept, text = a_post("Kept"), a_post("No picture")
    for post in (kept, a_post("Not selected")):
        a_picture(post, drawing(size=SIZES[0]))
    removal = drafted([*posts, kept, text], User.objects.get(username="root"))
    keys = [(removal.batches.get().number, [str(kept.pk)])]
    exclude(removal, seal=removal.seal, keys_by_batch=keys)
    return removal


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
    draft = drafted(posts, User.objects.get(username="root"))
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


@pytest.fixture
def url_of_tab(draft: Removal) -> Callable[[str], str]:
    """Return the URL of a tab by its name, or that of the page of a group."""
    shared = PostImage.objects.filter(post__title="Kept").values_list("sha256", flat=True).get()
    page = f"/admin/moderation/removal/{draft.pk}/change/"
    return lambda show: f"{page}?show={f'groups&group={shared}' if show == 'group' else show}"


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("show", SHOWN)
def test_nothing_moves_when_the_pictures_of_a_draft_load(
    show: str, width: int, page: Page, url_of_tab: Callable[[str], str]
) -> None:
    page.add_init_script(SHIFTS)
    page.set_viewport_size({"width": width, "height": 1_400})

    def delay(route: Route) -> None:
        page.wait_for_timeout(300)
        route.continue_()

    page.route("**/picture/**", delay)
    page.goto(url_of_tab(show))
    assert page.locator("#others").count() == (show == "group")
    until(page, lambda: bool(page.evaluate(LOADED)))
    page.wait_for_timeout(300)
    shifts, shown_at = page.evaluate("[window.shifts, window.shownAt]")
    assert [shift for shift in shifts if shift[1] > shown_at] == []
    assert sum(shift[0] for shift in shifts) < MAX_SHIFT_WHILE_PARSED, shifts


@pytest.mark.parametrize(
    ("show", "width"), [*((show, 1280) for show in SHOWN), ("objects", 390), ("kept", 390)]
)
def test_nothing_moves_while_a_slow_connection_delivers_the_page_of_a_draft(
    show: str, width: int, page: Page, url_of_tab: Callable[[str], str]
) -> None:
    page.set_viewport_size({"width": width, "height": 1_400})
    page.goto(url_of_tab(show))  # so that the styles are in the cache
    page.add_init_script(SHIFTS)
    slow_down(page, bytes_per_second=SLOW_CONNECTION)
    page.reload()
    until(page, lambda: bool(page.evaluate(LOADED)))
    shifts = page.evaluate("window.shifts")
    assert sum(shift[0] for shift in shifts) < MAX_SHIFT_OF_PARTS, shifts


def slow_down(page: Page, *, bytes_per_second: int) -> None:
    conditions = {
        "offline": False, "latency": 0, "downloadThroughput": bytes_per_second,
        "uploadThroughput": -1,
    }  # fmt: skip
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", conditions)
