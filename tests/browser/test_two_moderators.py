"""Two moderators work on one queue in two browsers, and what comes after their removals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from moderation.models import Removal
from moderation.removals.delete import delete_next_batch
from posts.models import Post, Report
from tests.admin.conftest import drafted, make_user, page_of
from tests.browser.accessibility import problems_of
from tests.browser.conftest import log_in
from tests.helpers import confirmed

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MakePosts = Callable[..., list[Post]]
LIST = "/admin/posts/post/"
# What the tables of Django's inlines break on the page of a post that one may only view.
OF_DJANGO = ("empty-table-header", "scrollable-region-focusable")


@pytest.fixture
def queue(transactional_db: None, make_posts: MakePosts) -> list[Post]:
    """Six reported posts by one author."""
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    posts = make_posts(6)
    reporter = User.objects.create_user("reporter")
    Report.objects.bulk_create(Report(post=post, reporter=reporter) for post in posts)
    return posts


@pytest.fixture
def others_page(queue: list[Post], chromium: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A page of a second moderator, in a browser of their own."""
    context = chromium.new_context(base_url=live_server.url)
    log_in(context, make_user("moderator_2", "Moderators"), live_server)
    yield context.new_page()
    context.close()


def select(page: Page, posts: list[Post], query: str = "") -> None:
    """Select posts in the list, and create a draft of them."""
    page.goto(LIST + query)
    for post in posts:
        page.locator(f"input.action-select[value='{post.pk}']").check()
    page.get_by_role("button", name="Go", exact=True).click()
    expect(page.get_by_role("heading", name=f"Remove {len(posts)} posts?")).to_be_visible()


def confirm(page: Page, name: str) -> None:
    page.get_by_label("Spam").check()
    page.get_by_role("button", name=name).click()


def test_neither_surprises_the_other(
    queue: list[Post], moderator_page: Page, others_page: Page
) -> None:
    select(others_page, queue[:3])

    notice = "in moderator_2’s draft since"
    moderator_page.goto(LIST)
    expect(moderator_page.locator("td.field-open_draft", has_text=notice)).to_have_count(3)
    moderator_page.goto(f"{LIST}{queue[0].pk}/change/")
    expect(moderator_page.locator("#draft-notice")).to_contain_text(notice)
    moderator_page.goto(f"{LIST}?reported=yes")
    free = "Neither in another moderator’s draft nor being removed"
    moderator_page.get_by_role("link", name=free).click()
    expect(moderator_page.locator("input.action-select")).to_have_count(3)
    expect(moderator_page.get_by_text(notice)).to_have_count(0)

    select(moderator_page, queue[2:5])  # one of them although the other has it
    overlap = "Also selected by other moderators"
    expect(moderator_page.get_by_role("heading", name=overlap)).to_be_visible()
    expect(moderator_page.get_by_text("1 post in moderator_2’s draft since")).to_be_visible()
    others_page.reload()
    expect(others_page.get_by_text("1 post in mod’s draft since")).to_be_visible()

    confirm(others_page, "Remove 3 posts")
    expect(others_page.locator(".removal-state")).to_be_visible()
    confirm(moderator_page, "Remove 3 posts")
    gone = f"Already removed by someone else, so no longer selected: post {queue[2].pk}"
    expect(moderator_page.locator("#draft")).to_contain_text(gone)
    confirm(moderator_page, "Remove 2 posts")
    expect(moderator_page.locator(".removal-state")).to_be_visible()
    assert set(Post.objects.all()) == {queue[5]}
    totals = Removal.objects.order_by("pk").values_list("objects_total", flat=True)
    assert list(totals) == [3, 2]


def test_the_way_from_a_removal_to_the_authors_and_the_queue_needs_only_the_keyboard(
    queue: list[Post], moderator: User, moderator_page: Page
) -> None:
    removal = confirmed(drafted(queue[:3], moderator), moderator)
    Post.objects.update(created_at=timezone.now())  # all have the same picture as the removed ones
    page = moderator_page
    page.goto(page_of(removal))
    follow(page, "Disable the author’s account…")
    follow(page, "Disable 1 account")
    expect(page.get_by_text("1 account was disabled.")).to_be_visible()
    follow(page, "Enable 1 account again")
    expect(page.get_by_text("1 account was enabled again.")).to_be_visible()
    page.goto(page_of(removal))
    follow(page, "3 newer posts have one of the removed pictures")
    expect(page.locator("input.action-select")).to_have_count(3)
    page.goto(page_of(removal))
    follow(page, "Continue with 3 reported posts")
    expect(page.locator("input.action-select")).to_have_count(3)


def test_the_steps_appear_when_the_posts_are_deleted_and_keep_the_focus(
    queue: list[Post], moderator: User, moderator_page: Page, settings: Any
) -> None:
    settings.MODERATION_BATCH_OBJECTS = 2
    removal = confirmed(drafted(queue[:3], moderator), moderator)
    page = moderator_page
    page.goto(page_of(removal))
    expect(page.get_by_text("posts deleted")).to_be_visible()
    expect(page.get_by_role("heading", name="Next steps")).to_have_count(0)
    while delete_next_batch(removal.pk):
        pass
    step = page.get_by_role("link", name="Continue with 3 reported posts")
    step.focus()
    with page.expect_response(lambda each: each.url.endswith("?next_steps=shown")):
        pass
    Removal.objects.filter(pk=removal.pk).update(state="done", finished_at=timezone.now())
    expect(page.locator(".removal-progress:not([data-running])")).to_be_visible()
    expect(step).to_be_focused()


def follow(page: Page, name: str) -> None:
    """Follow a link, or press a button, with Enter."""
    element = page.get_by_role("link", name=name).or_(page.get_by_role("button", name=name))
    element.focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_authors_are_disabled_without_javascript(
    queue: list[Post], moderator: User, moderator_page_without_scripts: Page
) -> None:
    removal = confirmed(drafted(queue[:3], moderator), moderator)
    page = moderator_page_without_scripts
    page.goto(page_of(removal))
    page.get_by_role("link", name="Disable the author’s account…").click()
    page.get_by_role("button", name="Disable 1 account").click()
    expect(page.get_by_text("1 account was disabled.")).to_be_visible()
    assert not User.objects.get(username="spammer").is_active


@pytest.mark.parametrize(("colours", "width"), [("light", 1280), ("dark", 390)])
def test_the_notices_and_the_steps_are_accessible(
    colours: str, width: int, queue: list[Post], moderator: User, moderator_page: Page
) -> None:
    moderator_page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
    moderator_page.set_viewport_size({"width": width, "height": 900})
    removal = confirmed(drafted(queue[:2], moderator), moderator)
    drafted(queue[2:4], make_user("moderator_2", "Moderators"))
    own = drafted(queue[3:5], moderator)
    states = {
        "list_with_notices": LIST,
        "list_without_others_drafts": f"{LIST}?others_draft=no",
        "list_with_removed_pictures": f"{LIST}?same_as_removal={removal.pk}",
        "post_with_notice": f"{LIST}{queue[2].pk}/change/",
        "authors_of_a_removal": f"{LIST}authors-of-removal/{removal.pk}/",
        "next_steps": page_of(removal),
        "draft_with_overlap": page_of(own),
    }
    found = []
    for state, url in states.items():
        moderator_page.goto(url)
        ignored = OF_DJANGO if url.startswith(LIST) else ()
        problems = problems_of(moderator_page, ignored, state=state)
        found += [f"{state}: {each}" for each in problems]
    assert "\n".join(found) == ""
