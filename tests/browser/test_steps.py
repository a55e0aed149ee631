"""What a moderator does to remove a wave, counted from the login to the removed posts.

REVIEW_FOLDER may name the folder of `python -m benchmarks.check_first`: then the wave is the first
draw of it instead of a made-up one. `pytest -s` prints the numbers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from admin_interface.cache import del_cached_active_theme
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from playwright.sync_api import Locator, Page, expect

from moderation.models import Removal
from moderation.permission_groups import MODERATORS
from moderation.removals.delete import delete_next_batch
from posts.admin.filters import ReportedFilter
from posts.models import Post, PostImage
from tests.admin.desk import a_site, serving
from tests.browser import waves
from tests.browser.steps import CountedPage, Steps, table
from tests.browser.waves import Wave

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "a-long-password-for-tests"
WINDOW = {"width": 1280, "height": 800}
FOLDER = os.environ.get("REVIEW_FOLDER")

MAX_INTERACTIONS, MAX_SCREENS = 12, 6  # besides deciding about the marked posts
# Milliseconds. The page ignores clicks on cards that have just moved.
CLICK_PAUSE = 1_100
# A picture that repeats so often on a screen of the rarest first is an advertisement.
REPEATED = 5

IN_SIGHT = """(element) => {
  const box = element.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight;
}"""
KEEP_BUTTONS_IN_SIGHT = f"""() =>
  [...document.querySelectorAll("#selection [data-card] .removal-keep:not([name=owner_of])")]
    .filter({IN_SIGHT}).map((button) => [button.name, button.value])"""
NUMBERS_IN_SIGHT = f"""() =>
  [...document.querySelectorAll("#selection .removal-group-numbers strong")]
    .filter({IN_SIGHT}).map((number) => number.innerText)"""


class StockPicture(admin.TabularInline[PostImage, Post]):
    model = PostImage
    fields = ("image",)


class StockPosts(admin.ModelAdmin[Post]):
    """Django's own admin of posts, with its action to delete the selected ones."""

    list_filter = (ReportedFilter,)
    inlines = (StockPicture,)


@pytest.fixture
def wave(transactional_db: None) -> Wave:
    del_cached_active_theme()
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    user = User.objects.create_user("mia", password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=MODERATORS))
    return waves.drawn(Path(FOLDER), 0) if FOLDER else waves.made_up()


@pytest.fixture
def counted(browser_page: Page) -> CountedPage:
    browser_page.set_viewport_size(WINDOW)  # type: ignore[arg-type]
    return CountedPage(browser_page)


def test_a_wave_is_removed_in_few_steps_and_every_good_post_stays(
    wave: Wave, counted: CountedPage
) -> None:
    log_in(counted, "/admin/")
    counted.click(counted.page.get_by_role("link", name="Review reported posts"))
    select_all(counted, len(wave.spam | wave.good))
    counted.click(counted.page.get_by_role("button", name="Go", exact=True))
    expect(counted.page.locator("#selection-heading")).to_be_visible()
    counted.page.wait_for_load_state("load")
    with counted.deciding():
        decide_about_marked(counted, wave)
    review_groups(counted, wave)
    confirm(counted, len(wave.spam))
    print_table({"ours": counted.steps, "deciding": counted.decisions})
    assert set(Post.objects.filter(pk__in=wave.good | wave.spam).values_list("pk", flat=True)) == (
        wave.good
    )
    assert counted.steps.interactions <= MAX_INTERACTIONS
    assert counted.steps.screens <= MAX_SCREENS


def print_table(columns: dict[str, Steps]) -> None:
    print("\n" + table(columns))  # noqa: T201 - what this test is for


def log_in(counted: CountedPage, url: str) -> None:
    counted.open(url)
    counted.type("mia")  # the field has the focus
    counted.press("Tab")
    counted.type(PASSWORD)
    counted.press("Enter")


def select_all(counted: CountedPage, number: int) -> None:
    page = counted.page
    counted.click(page.locator("#action-toggle"))
    counted.click(page.get_by_role("button", name=f"Select all {number}"))


def decide_about_marked(counted: CountedPage, wave: Wave) -> None:
    """Keep the good ones of the marked posts, and tick the others as reviewed."""
    page = counted.page
    section = page.locator("#check-first")
    if not section.count():
        return
    buttons = page.locator(".removal-marked [name=object]")
    posts: dict[str, int] = {}  # by the values of their Keep buttons: batch and key
    for _ in counted.look_through(section):
        values = buttons.evaluate_all("all => all.map(each => each.value)")
        posts = {value: int(value.partition(":")[2]) for value in values}
    for value, post in posts.items():
        card = page.locator(".removal-marked", has=page.locator(f"[name=object][value='{value}']"))
        if post in wave.good:
            keep(counted, card.locator("[name=object]"))
        else:
            counted.click(card.locator("[name=reviewed]"))
    mark = page.get_by_role("button", name="Mark as reviewed")
    if mark.count():  # otherwise the last Keep has sent all ticks
        counted.click(mark)
    expect(page.get_by_text(f"{len(posts)} of {len(posts)} decided.")).to_be_visible()
    page.evaluate("scrollTo(0, 0)")


def keep(counted: CountedPage, button: Locator) -> None:
    counted.click(button)
    expect(button).to_have_count(0)
    counted.page.wait_for_timeout(CLICK_PAUSE)


def review_groups(counted: CountedPage, wave: Wave) -> None:
    """Scroll through the pictures, the rarest first, until they repeat; keep the good ones."""
    page = counted.page
    good = set(PostImage.objects.filter(post__in=wave.good).values_list("sha256", flat=True))
    for _ in counted.look_through(page.locator("#selection")):
        for name, value in page.evaluate(KEEP_BUTTONS_IN_SIGHT):
            key = value if name == "with_picture" else int(value.split(":")[1])
            if key in good or key in wave.good:
                keep(counted, page.locator(f"#selection [name={name}][value='{value}']"))
        if repeats(page):
            return


def repeats(page: Page) -> bool:
    """Return whether each picture in sight is often in the selection."""
    numbers = [int(re.sub(r"\D", "", text)) for text in page.evaluate(NUMBERS_IN_SIGHT)]
    return bool(numbers) and min(numbers) >= REPEATED


def confirm(counted: CountedPage, number: int) -> None:
    page = counted.page
    counted.click(page.get_by_label("Spam"))
    counted.click(page.locator("[name=typed_count]"))
    counted.type(str(number))
    counted.press("Enter")
    expect(page.locator(".removal-progress")).to_be_visible()
    removal = Removal.objects.get()
    while delete_next_batch(removal.pk):
        pass
    expect(page.get_by_text(f"{number:,} of {number:,} posts deleted")).to_be_visible()


@pytest.fixture
def stock_site(live_server: Any) -> Iterator[None]:
    with serving(a_site("stock", Post, pages=False, post=StockPosts)):
        yield


def test_django_s_own_action_takes_many_more_steps(
    wave: Wave, stock_site: None, counted: CountedPage
) -> None:
    User.objects.filter(username="mia").update(is_superuser=True)
    page = counted.page
    log_in(counted, "/stock/")
    counted.click(page.get_by_role("link", name="Posts", exact=True).first)
    counted.add(clicks=1)  # the filter, wherever the theme has it
    counted.open("/stock/posts/post/?reported=yes")
    look_at_every_post(counted, wave)
    while remove_a_page(counted, wave):
        pass
    print_table({"Django's": counted.steps})
    assert counted.steps.screens > MAX_SCREENS
    assert counted.steps.interactions > MAX_INTERACTIONS


def look_at_every_post(counted: CountedPage, wave: Wave) -> None:
    """Count what it takes to see every picture; really open only the first post.

    The list has only names. A post's page names its pictures, and each name is a link to the file.
    """
    page, posts = counted.page, len(wave.spam | wave.good)
    pictures = PostImage.objects.filter(post__in=wave.spam | wave.good).count()
    counted.click(page.locator("#result_list tbody th a").first)
    expect(page.locator(".inline-group")).to_have_count(1)
    page.go_back()
    counted.press("Alt")
    counted.add(loads=2 * (posts - 1), clicks=posts - 1, keys=posts - 1)
    counted.add(loads=2 * pictures, clicks=pictures, keys=pictures)
    counted.steps.seen.update(map(str, range(pictures)))


def remove_a_page(counted: CountedPage, wave: Wave) -> bool:
    """Delete the spam of the first page of the list; return whether there was any.

    Rows that are selected across all pages cannot be deselected one by one.
    """
    page = counted.page
    keys = page.locator("[name=_selected_action]").evaluate_all("all => all.map(e => e.value)")
    good = [key for key in keys if int(key) in wave.good]
    if len(good) == len(keys):
        return False
    counted.click(page.locator("#action-toggle"))
    for key in good:
        counted.click(page.locator(f"[name=_selected_action][value='{key}']"))
    counted.add(clicks=2)  # opens the menu, and chooses
    page.locator("select[name=action]").select_option("delete_selected")
    counted.click(page.get_by_role("button", name="Go", exact=True))
    for _ in counted.look_through(page.locator("#content")):
        pass
    counted.click(page.get_by_role("button", name="Yes, I’m sure"))
    return True
