"""From a spam post to the posts that are related to it, and to a site without them."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from admin_interface.cache import del_cached_active_theme
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from moderation.models import Removal
from posts.models import Post, PostImage, Report
from tests.browser.accessibility import problems_of
from tests.browser.steps import CountedPage
from tests.images.alike import COPIES, advertisement
from tests.images.case import saved
from tests.posts.drawn import a_picture, a_post

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SPAM = 40
# What Django's inlines break on the page of a post: see test_every_page. Without a field, nothing
# in a table that scrolls can have the focus.
OF_DJANGO = ("empty-table-header", "scrollable-region-focusable")


@pytest.fixture
def spam(transactional_db: None) -> list[Post]:
    """Forty posts of an author with the same picture, one with a copy of it, and a good one."""
    del_cached_active_theme()
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    good = a_post("My garden", "gardener")
    a_picture(good, saved(advertisement(2), "PNG"))
    copied = a_post("A copy", "another spammer")
    a_picture(copied, saved(COPIES["compressed"](advertisement(1)), "PNG"))
    posts = [a_post(f"Cheap pills {n}", "spammer") for n in range(SPAM)]
    content = saved(advertisement(1), "PNG")
    for post in posts:
        a_picture(post, content)
    reporters = [get_user_model().objects.create_user(f"reporter{n}") for n in range(2)]
    for reporter in reporters:
        Report.objects.create(post=posts[0], reporter=reporter)
    return posts


def page_of(post: Post) -> str:
    return f"/admin/posts/post/{post.pk}/change/"


def expect_posts(page: Page, number: int) -> None:
    expect(page.locator("#result_list tbody tr")).to_have_count(number)


def size_of(element: Locator) -> tuple[float, float]:
    box = element.bounding_box()
    assert box
    return box["width"], box["height"]


def test_three_clicks_lead_from_a_spam_post_to_a_clean_site(
    spam: list[Post], moderator_page: Page
) -> None:
    counted, page = CountedPage(moderator_page), moderator_page
    counted.open(page_of(spam[0]))
    counted.click(page.get_by_role("button", name=f"Remove this author’s {SPAM} posts…"))
    expect(page.get_by_role("heading", name=f"Remove {SPAM} posts?")).to_be_visible()
    counted.click(page.get_by_label("Spam"))
    counted.click(page.get_by_role("button", name=f"Remove {SPAM} posts"))
    expect(page.locator(".removal-state").first).to_be_visible()
    assert set(Post.objects.values_list("title", flat=True)) == {"My garden", "A copy"}
    assert counted.steps.clicks == 3
    assert counted.steps.interactions == 3


def test_one_more_click_is_needed_if_some_of_the_posts_differ_from_the_rest(
    spam: list[Post], moderator_page: Page
) -> None:
    PostImage.objects.filter(post=spam[1]).update(sha256="b" * 64, perceptual_hash="")
    PostImage.objects.filter(post=spam[2]).delete()
    counted, page = CountedPage(moderator_page), moderator_page
    counted.open(page_of(spam[0]))
    counted.click(page.get_by_role("button", name=f"Remove this author’s {SPAM} posts…"))
    expect(page.locator(".removal-marked")).to_have_count(2)
    counted.click(page.get_by_role("button", name="I have reviewed all of them"))
    expect(page.locator(".removal-marked")).to_have_count(0)
    counted.click(page.get_by_label("Spam"))
    counted.click(page.get_by_role("button", name=f"Remove {SPAM} posts"))
    expect(page.locator(".removal-state").first).to_be_visible()
    assert set(Post.objects.values_list("title", flat=True)) == {"My garden", "A copy"}
    assert counted.steps.clicks == 4
    assert counted.steps.interactions == 4


def test_posts_with_the_picture_are_removed_by_keyboard(
    spam: list[Post], moderator_page: Page
) -> None:
    page = moderator_page
    page.goto(page_of(spam[0]))
    page.get_by_role("button", name=f"Remove {SPAM} posts with this picture…").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Remove {SPAM} posts?")).to_be_visible()
    assert Removal.objects.get().objects_total == SPAM


def test_filters_are_reached_by_keyboard_and_survive_a_refresh(
    spam: list[Post], moderator_page: Page
) -> None:
    page = moderator_page
    page.goto("/admin/posts/post/")
    page.get_by_role("link", name="Shares a picture with a post").focus()
    page.keyboard.press("Enter")
    expect_posts(page, SPAM)
    page.reload()
    expect_posts(page, SPAM)
    page.get_by_role("link", name="2 to 4 reports").focus()
    page.keyboard.press("Enter")
    expect_posts(page, 1)
    assert "shares=reported" in page.url
    page.goto("/admin/posts/post/")
    page.locator("#result_list .field-pictures a", has=page.locator("img")).last.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Posts with this picture")).to_be_visible()
    expect_posts(page, 1)
    page.get_by_role("link", name="Clear – Posts with this picture").focus()
    page.keyboard.press("Enter")
    expect_posts(page, SPAM + 2)
    similar = page.locator(".post-similar").first
    assert all(side >= 24 for side in size_of(similar))
    similar.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Posts with pictures like this one")).to_be_visible()
    expect_posts(page, SPAM + 1)


def test_an_example_finds_its_copies_without_scripts(
    spam: list[Post], moderator_page_without_scripts: Page, tmp_path: Path
) -> None:
    page = moderator_page_without_scripts
    page.goto("/admin/posts/post/")
    page.get_by_role("link", name="Find posts by picture…").click()
    broken, example = tmp_path / "broken.png", tmp_path / "example.jpg"
    broken.write_bytes(b"<svg/>")
    example.write_bytes(saved(COPIES["smaller"](advertisement(1)), "JPEG"))
    page.get_by_label("Picture").set_input_files(broken)
    page.get_by_role("button", name="Find posts").click()
    expect(page.get_by_text("broken.png: The file is not a JPEG")).to_be_visible()
    page.get_by_label("Picture").set_input_files(example)
    page.get_by_role("button", name="Find posts").click()
    expect(page.get_by_role("heading", name="Posts with pictures like this one")).to_be_visible()
    expect_posts(page, SPAM + 1)


def test_related_posts_need_no_script(
    spam: list[Post], moderator_page_without_scripts: Page
) -> None:
    page = moderator_page_without_scripts
    Post.objects.filter(pk=spam[1].pk).update(created_at=timezone.now() - timedelta(days=30))
    page.goto(page_of(spam[0]))
    page.get_by_role("link", name="Posts by this author in the last 7 days").click()
    expect_posts(page, SPAM - 1)
    page.goto(page_of(spam[0]))
    page.get_by_role("link", name="Posts with pictures like this one").click()
    expect_posts(page, SPAM + 1)
    page.goto(page_of(spam[0]))
    page.get_by_role("button", name=f"Remove {SPAM} posts with this picture…").click()
    expect(page.get_by_role("heading", name=f"Remove {SPAM} posts?")).to_be_visible()
    assert Removal.objects.get().objects_total == SPAM


def test_group_of_a_draft_leads_to_the_list_in_a_new_tab(
    spam: list[Post], moderator_page: Page
) -> None:
    page = moderator_page
    page.goto(page_of(spam[0]))
    page.get_by_role("button", name=f"Remove this author’s {SPAM} posts…").click()
    page.get_by_role("link", name=re.compile("Show the posts with the picture")).first.click()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="All posts with pictures like this one").click()
    expect_posts(opened.value, SPAM + 1)


@pytest.mark.parametrize(("colours", "width"), [("light", 1280), ("dark", 390)])
def test_pages_have_no_violation_of_accessibility(
    spam: list[Post], moderator_page: Page, colours: str, width: int
) -> None:
    page = moderator_page
    page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 900})
    picture, posts = spam[0].post_images.get(), "/admin/posts/post/"
    states = {
        "post_with_related_posts": (page_of(spam[0]), OF_DJANGO),
        "find_by_picture": (f"{posts}find-picture/", ()),
        "posts_with_picture": (f"{posts}?picture={picture.sha256}", ()),
        "posts_with_similar_pictures": (f"{posts}?like={picture.perceptual_hash}&reported=2-4", ()),
        "posts_with_invalid_filter": (f"{posts}?like=nonsense", ()),
    }
    found = []
    for state, (address, ignored) in states.items():
        page.goto(address)
        found += [f"{state}: {each}" for each in problems_of(page, ignored, state=state)]
    page.goto(f"{posts}find-picture/")
    page.get_by_role("button", name="Find posts").click()
    state = "find_by_picture_with_errors"
    found += [f"{state}: {each}" for each in problems_of(page, state=state)]
    assert "\n".join(found) == ""
