"""Every state of the review of a draft is accessible and fits, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import pytest
from admin_interface.cache import del_cached_active_theme
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Page, expect

from moderation.models import Removal
from moderation.removals.keep import exclude
from posts.models import Post, PostImage, Report
from tests.admin.test_text_groups import make_wave
from tests.browser.accessibility import problems_of
from tests.helpers import drafted
from tests.images.alike import COPIES, advertisement
from tests.images.case import saved
from tests.posts.drawn import a_picture, a_post, animation

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Colours: TypeAlias = Literal["light", "dark"]

# Colours do not depend on the width, nor does the layout on the colours.
APPEARANCES: list[tuple[Colours, int]] = [("light", 1280), ("dark", 390)]
SELECTED, OTHERS = 18, 3  # posts with one advertisement: enough for the rules to look at them
TABS = ("groups", "pictures", "objects", "without-pictures", "kept")
# Links change their colour in 0.15 s, during which it has too little contrast.
NO_TRANSITIONS = """
const styles = new CSSStyleSheet();
styles.replaceSync("* { transition: none !important }");
document.adoptedStyleSheets = [styles];
"""


@pytest.fixture
def path(transactional_db: None, moderator: User) -> str:
    """The path of a draft with everything that its page can show."""
    del_cached_active_theme()
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    posts = [a_post(f"Cheap pills {n}", f"spammer{n % 3}") for n in range(SELECTED)]
    original = advertisement(1)
    for post in [*posts, *(a_post(f"More pills {n}", "spammer0") for n in range(OTHERS))]:
        a_picture(post, saved(original, "JPEG"))
    a_picture(a_post("Similar pills"), saved(COPIES["smaller"](original), "JPEG"))
    a_picture(posts[2], saved(COPIES["compressed"](original), "PNG"))
    garden, moving = a_post("My garden", "ann"), a_post("Look at this", "ben")
    a_picture(garden, saved(advertisement(2), "JPEG"))
    a_picture(moving, animation("GIF"))
    for post in (*posts[:5], garden):
        Report.objects.create(post=post, reporter=moderator, reason="It is spam")
    removal = drafted([*posts, garden, moving, *make_wave(3)], moderator)
    keep(removal, posts[1])
    Removal.objects.update(dropped_rules=[["author_with_good_posts", 31, 43]])
    return f"/admin/moderation/removal/{removal.pk}/change/"


def keep(removal: Removal, post: Post) -> None:
    keys = [(removal.batches.get().number, [str(post.pk)])]
    exclude(removal, seal=removal.seal, keys_by_batch=keys)


def open_preferences(page: Page) -> None:
    page.get_by_text("Display", exact=True).click()


def open_list_of_keys(page: Page) -> None:
    page.keyboard.press("?")


def open_large_picture(page: Page) -> None:
    page.get_by_role("link", name="Enlarge the picture").last.click()


def open_group(page: Page) -> None:
    """Open the page of a group, with the posts that are not selected: one of them was kept."""
    page.get_by_role("link", name=f"also in {OTHERS + 1} posts that are not selected").click()
    page.get_by_text("Similar pictures in 1 more post").click()
    expect(page.locator("#others")).to_be_visible()


def open_group_without_others(page: Page) -> None:
    page.get_by_role("link", name="Find similar pictures (to that of “My garden”").click()
    expect(page.get_by_text("No other similar pictures were found")).to_be_visible()


def open_group_of_texts(page: Page) -> None:
    page.locator(".removal-tabs").get_by_role("link", name="Without pictures").click()
    page.get_by_role("link", name="Show these posts with a text like").click()
    expect(page.get_by_text("These texts are similar")).to_be_visible()


def keep_a_post(page: Page) -> None:
    page.get_by_role("link", name="All pictures and files").click()
    page.get_by_role("button", name="Keep “Cheap pills 5”").click()
    expect(page.get_by_role("heading", name="Remove 21 posts?")).to_be_visible()


def add_nothing(page: Page) -> None:
    page.get_by_role("link", name=f"also in {OTHERS + 1} posts that are not selected").click()
    page.get_by_role("button", name="Add ticked posts").click()
    expect(page.locator(".messagelist")).to_contain_text("Nothing was added.")


def confirm_too_early(page: Page) -> None:
    page.get_by_label("Spam").check()
    page.get_by_role("button", name="Remove 22 posts").click()
    expect(page.get_by_text("Nothing has been removed yet.")).to_be_visible()


def confirm_after_a_change(page: Page) -> None:
    page.get_by_role("button", name="I have reviewed all of them").click()
    expect(page.locator(".removal-marked")).to_have_count(0)
    PostImage.objects.filter(post__title="Cheap pills 3").delete()
    page.get_by_label("Spam").check()
    page.get_by_role("button", name="Remove 22 posts").click()
    expect(page.get_by_text("1 picture fewer").first).to_be_visible()


# In this order: the last ones change the draft.
ACTIONS: list[Callable[[Page], None]] = [
    open_preferences,
    open_list_of_keys,
    open_large_picture,
    open_group,
    open_group_without_others,
    open_group_of_texts,
    add_nothing,
    confirm_too_early,
    confirm_after_a_change,
    keep_a_post,
]


def test_every_state_of_a_review_is_accessible_and_fits(moderator_page: Page, path: str) -> None:
    page, found = moderator_page, list[str]()
    page.add_init_script(NO_TRANSITIONS)
    for tab in TABS:
        page.goto(f"{path}?show={tab}")
        found += problems(page, tab)
    for action in ACTIONS:
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(path)
        action(page)
        found += problems(page, action.__name__)
    assert "\n".join(found) == ""


def problems(page: Page, state: str) -> list[str]:
    """Return what is wrong with a page in each appearance."""
    found: list[str] = []
    for colours, width in APPEARANCES:
        page.emulate_media(color_scheme=colours)
        page.set_viewport_size({"width": width, "height": 900})
        name = f"{state}_{colours}_{width}"
        found += [f"{name}: {each}" for each in problems_of(page, state=state)]
    return found
