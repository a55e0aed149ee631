"""Review a draft in each way: by keyboard alone, without scripts, and on a phone."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Locator, Page, expect

from moderation.models import Removal, ReviewPreferences
from posts.models import Post, PostImage
from tests.admin.conftest import page_of
from tests.browser.ways import KEYBOARD, NO_SCRIPTS, TELEPHONE, Way, in_ways
from tests.helpers import drafted
from tests.review_rules.waves import make_post

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# The picture of each post, and how many reports it has.
POSTS = [("a", 2), ("b", 0), ("c", 1), ("b", 3), ("c", 5), ("b", 4)]


@pytest.fixture
def draft(transactional_db: None, moderator: User) -> Removal:
    """A draft of six posts: one picture is in one of them, one in two, and one in three."""
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    posts = [
        make_post(picture * 64, reports=reports, title=f"Post {n}")
        for n, (picture, reports) in enumerate(POSTS)
    ]
    return drafted(posts, moderator)


def link(page: Page, name: str) -> Locator:
    return page.locator("#selection").get_by_role("link", name=name)


def confirm(way: Way) -> None:
    way.choose(way.page.get_by_role("radio", name="Spam"))
    way.press(way.page.get_by_role("button", name="Remove 6 posts"))


def follow_to_new_tab(way: Way, element: Locator) -> str:
    """Return the address that a link opens in a new tab, which is closed again."""
    with way.page.context.expect_page() as opened:
        way.press(element)
    opened.value.wait_for_load_state()
    url = opened.value.url
    opened.value.close()
    return url


def pictures(page: Page) -> str:
    """Return the pictures of the groups, in the order of their cards."""
    cards = page.locator("#selection [data-card]")
    return "".join(name[0] for name in cards.evaluate_all("all => all.map(e => e.dataset.card)"))


@in_ways(KEYBOARD, NO_SCRIPTS, TELEPHONE)
def test_groups_and_posts_are_put_in_another_order(way: Way, draft: Removal) -> None:
    page = way.page
    page.goto(page_of(draft))
    assert pictures(page) == "acb"
    way.press(link(page, "largest first"))
    expect(link(page, "largest first")).to_have_attribute("aria-current", "true")
    assert pictures(page) == "bca"
    way.press(page.get_by_role("navigation", name="Views").get_by_role("link", name="Posts"))
    rows = page.locator("#selection tbody th[scope=row]")
    expect(rows).to_contain_text([f"Post {n}" for n in range(6)])
    way.press(link(page, "fewest reports first"))
    expect(rows).to_contain_text([f"Post {n}" for n in (1, 2, 0, 3, 5, 4)])
    expect(link(page, "fewest reports first")).to_have_attribute("aria-current", "true")
    way.expect_fit()


@in_ways(KEYBOARD, NO_SCRIPTS)
def test_after_a_difference_the_changed_post_is_opened_and_the_rest_confirmed(
    way: Way, draft: Removal
) -> None:
    page, changed = way.page, Post.objects.get(title="Post 2")
    page.goto(page_of(draft))
    changed.post_images.get().delete()
    confirm(way)
    notice = page.get_by_role("alert", name="Nothing was removed: some posts changed")
    expect(notice).to_be_focused()
    expect(notice).to_contain_text("Post 2 (opens in a new tab) – 1 picture fewer")
    assert Post.objects.count() == 6
    url = follow_to_new_tab(way, notice.get_by_role("link", name="Post 2"))
    assert f"/posts/post/{changed.pk}/" in url
    confirm(way)
    expect(page.locator(".removal-state").first).to_be_visible()
    assert not Post.objects.exists()


@in_ways(KEYBOARD, NO_SCRIPTS, TELEPHONE)
def test_files_that_stay_are_named_with_their_posts_before_the_removal(
    way: Way, draft: Removal
) -> None:
    page, other = way.page, make_post("d" * 64, title="Good advice")
    shared = PostImage.objects.filter(post__title="Post 0").values("image", "thumbnail")
    PostImage.objects.filter(post=other).update(**shared.get())
    page.goto(page_of(draft))
    notice = page.locator(".removal-notice", has_text="2 files stay, because other rows use them:")
    expect(notice).to_be_visible()
    way.expect_fit()
    url = follow_to_new_tab(way, notice.get_by_role("link", name="Good advice"))
    assert f"/posts/post/{other.pk}/" in url
    confirm(way)
    expect(page.locator(".removal-state").first).to_be_visible()
    assert list(Post.objects.values_list("title", flat=True)) == ["Good advice"]


@in_ways(KEYBOARD, NO_SCRIPTS)
def test_preferences_are_saved(way: Way, draft: Removal, moderator: User) -> None:
    page = way.page
    page.goto(f"{page_of(draft)}?show=pictures")
    way.press(page.locator(".removal-tool:visible", has_text="Display"))
    way.press(page.get_by_label("Blur pictures"))
    way.choose(page.get_by_label("large", exact=True))
    way.press(page.get_by_role("button", name="Save preferences"))
    expect(page.locator("#draft.removal-size-large.removal-grey")).to_be_visible()
    expect(page.locator("#draft.removal-blurred")).to_have_count(0)
    saved = ReviewPreferences.of(moderator)
    assert (saved.picture_size, saved.is_blurred, saved.is_grey) == ("large", False, True)
