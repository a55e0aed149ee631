"""Rows do not move while pictures load or the page arrives: boxes and columns have fixed sizes."""

from __future__ import annotations

import re
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
# Removes parts from the end, like a page that has not arrived, and returns those that move then.
MOVED_WITHOUT_REST = """
selector => {
  const parts = [...document.querySelectorAll(selector)], moved = [];
  const left = part => part.getBoundingClientRect().left;
  const before = parts.map(left);
  parts[0].closest("table")?.querySelector("tbody").remove();
  while (parts.length > 1) {
    parts.pop().remove();
    moved.push(...parts.filter((part, n) => Math.abs(left(part) - before[n]) > 1));
  }
  return moved.map(part => part.textContent.trim());
}
"""
CARDS = ".removal-preview, .removal-picture"
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
        ("/admin/moderation/removal/{removal}/change/", CARDS),
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


@pytest.fixture
def url_to_check_first(page: Page) -> str:
    """Return the URL of a draft with three posts to check first. Two of these have a picture."""
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    posts = [a_post(f"Spam {n}", f"spammer{n}") for n in range(20)]
    others = [a_post(f"Good {n}", f"author{n}") for n in range(2)]
    for post in posts:
        a_picture(post, drawing(size=SIZES[0]))
    for post, size in zip(others, SIZES[1:], strict=False):
        a_picture(post, drawing(size=size))
    draft = drafted([*posts, *others, a_post("No picture")], User.objects.get(username="root"))
    return f"/admin/moderation/removal/{draft.pk}/change/"


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("show", SHOWN)
def test_nothing_moves_when_the_pictures_of_a_draft_load(
    show: str, width: int, page: Page, url_of_tab: Callable[[str], str]
) -> None:
    page.set_viewport_size({"width": width, "height": 1_400})
    open_with_late_pictures(page, url_of_tab(show))
    assert page.locator("#others").count() == (show == "group")


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_when_the_pictures_of_posts_to_check_first_load(
    width: int, page: Page, url_to_check_first: str
) -> None:
    page.set_viewport_size({"width": width, "height": 1_400})
    open_with_late_pictures(page, url_to_check_first)
    assert page.locator(".removal-marked").count() == 3
    assert page.locator(".removal-marked img").count() == 2


def open_with_late_pictures(page: Page, url: str) -> None:
    """Open a page whose pictures come late, and fail if anything moves."""
    page.add_init_script(SHIFTS)

    def delay(route: Route) -> None:
        page.wait_for_timeout(300)
        route.continue_()

    page.route("**/picture/**", delay)
    page.goto(url)
    until(page, lambda: bool(page.evaluate(LOADED)))
    page.wait_for_timeout(300)
    expect_no_shift_afterwards(page)
    shifts = page.evaluate("window.shifts")
    assert sum(shift[0] for shift in shifts) < MAX_SHIFT_WHILE_PARSED, shifts


def expect_no_shift_afterwards(page: Page) -> None:
    """Fail if anything has moved since the end of the page was shown."""
    shifts, shown_at = page.evaluate("[window.shifts, window.shownAt]")
    assert [shift for shift in shifts if shift[1] > shown_at] == []


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_when_a_large_picture_opens_and_loads(
    width: int, page: Page, url_of_tab: Callable[[str], str]
) -> None:
    held: list[Route] = []
    page.set_viewport_size({"width": width, "height": 1_400})
    page.add_init_script(SHIFTS)
    page.route(re.compile("size=large"), lambda route: held.append(route))  # noqa: PLW0108
    page.goto(url_of_tab("pictures"))
    until(page, lambda: bool(page.evaluate(LOADED)))
    cards = boxes(page, CARDS)
    page.locator(".removal-enlarge").first.click()
    until(page, lambda: bool(held))
    dialog = boxes(page, "#large-picture, #large-picture *")
    held[0].continue_()
    until(page, lambda: bool(page.evaluate(LOADED)))
    page.wait_for_timeout(300)
    assert boxes(page, "#large-picture, #large-picture *") == dialog
    assert boxes(page, CARDS) == cards
    expect_no_shift_afterwards(page)


@pytest.mark.parametrize(
    ("show", "width"), [*((show, 1280) for show in SHOWN), ("objects", 390), ("kept", 390)]
)
def test_nothing_moves_while_a_slow_connection_delivers_the_page_of_a_draft(
    show: str, width: int, page: Page, url_of_tab: Callable[[str], str]
) -> None:
    page.set_viewport_size({"width": width, "height": 1_400})
    open_slowly(page, url_of_tab(show))


def test_nothing_moves_while_a_slow_connection_delivers_posts_to_check_first(
    page: Page, url_to_check_first: str
) -> None:
    page.set_viewport_size({"width": 1280, "height": 1_400})
    open_slowly(page, url_to_check_first)
    assert page.locator(".removal-marked").count() == 3


def open_slowly(page: Page, url: str) -> None:
    """Open a page on a slow connection, and fail if more than parts of a row move."""
    page.goto(url)  # so that the styles are in the cache
    page.add_init_script(SHIFTS)
    slow_down(page, bytes_per_second=SLOW_CONNECTION)
    page.reload()
    until(page, lambda: bool(page.evaluate(LOADED)))
    shifts = page.evaluate("window.shifts")
    assert sum(shift[0] for shift in shifts) < MAX_SHIFT_OF_PARTS, shifts


@pytest.mark.parametrize("parts", [".removal-numbers > li", ".removal-objects thead th"])
def test_numbers_and_headings_are_in_their_places_before_the_next_ones_arrive(
    parts: str, page: Page, url_of_tab: Callable[[str], str]
) -> None:
    page.goto(url_of_tab("objects"))
    assert page.locator(parts).count() >= 3
    assert page.evaluate(MOVED_WITHOUT_REST, parts) == []


def slow_down(page: Page, *, bytes_per_second: int) -> None:
    conditions = {
        "offline": False, "latency": 0, "downloadThroughput": bytes_per_second,
        "uploadThroughput": -1,
    }  # fmt: skip
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", conditions)
