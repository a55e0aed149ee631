"""Dismiss reports in a browser: by keyboard, without scripts, and on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from playwright.sync_api import Page, expect

from moderation.models import AuditEvent
from moderation.permission_groups import AUDITORS
from posts.models import Post, Report
from posts.reports import dismiss_reports
from tests.browser.accessibility import problems_of
from tests.browser.test_every_page import OF_DJANGO

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MakePosts = Callable[..., list[Post]]
QUEUE = "/admin/posts/post/?reported=yes"


@pytest.fixture
def posts(moderator: User, make_posts: MakePosts) -> list[Post]:
    """Five posts with a report each, with the site's theme."""
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    posts = make_posts(5, images=0)
    reporter = User.objects.create(username="ann")
    Report.objects.bulk_create(
        Report(post=post, reporter=reporter, reason="spam") for post in posts
    )
    return posts


def open_reports() -> int:
    return Report.objects.filter(state="open").count()


def choose_action(page: Page) -> None:
    page.get_by_label("Action:").first.select_option(label="Dismiss reports about selected posts")


def test_by_keyboard_alone_reports_are_dismissed_and_reopened(
    moderator_page: Page, posts: list[Post]
) -> None:
    page = moderator_page
    page.goto(QUEUE)
    for number in (1, 3):
        page.get_by_label(f"Select “Cheap pills {number}”").focus()
        page.keyboard.press("Space")
    page.get_by_label("Action:").first.focus()
    page.keyboard.type("Dismiss")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Go").first).to_be_focused()
    page.keyboard.press("Enter")
    message = page.locator(".messagelist")
    expect(message).to_contain_text("Dismissed 2 reports about 2 posts.")
    expect(page.locator("#result_list tbody tr")).to_have_count(3)
    undo = message.get_by_role("button", name="Undo")
    undo.focus()
    page.keyboard.press("Enter")
    expect(message).to_contain_text("Reopened 2 reports about 2 posts.")
    assert page.url.endswith(QUEUE)
    expect(page.locator("#result_list tbody tr")).to_have_count(5)
    assert list(AuditEvent.objects.order_by("pk").values_list("type", flat=True)) == [
        "dismiss", "reopen",
    ]  # fmt: skip


def test_without_scripts_the_list_and_the_page_of_a_post_do_the_same(
    moderator_page_without_scripts: Page, posts: list[Post]
) -> None:
    page = moderator_page_without_scripts
    page.goto(QUEUE)
    page.get_by_label("Select “Cheap pills 2”").check()
    choose_action(page)
    page.get_by_role("button", name="Go").first.click()
    expect(page.locator(".messagelist")).to_contain_text("Dismissed 1 report about 1 post.")
    page.get_by_role("button", name="Undo").click()
    assert open_reports() == 5
    page.get_by_role("link", name="Cheap pills 2").click()
    page.get_by_role("button", name="Dismiss reports").click()
    expect(page.get_by_role("cell", name="dismissed by mod")).to_be_visible()
    expect(page.get_by_role("button", name="Dismiss reports")).to_have_count(0)
    assert open_reports() == 4
    page.reload()  # the message is gone
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    page.get_by_role("button", name="Reopen these reports").click()
    expect(page.get_by_role("button", name="Dismiss reports")).to_be_visible()
    assert open_reports() == 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_by_keyboard_a_dismissal_is_undone_on_the_page_of_its_event(
    width: int, scheme: str, moderator_page: Page, moderator: User, posts: list[Post]
) -> None:
    moderator.groups.add(Group.objects.get(name=AUDITORS))
    dismiss_reports(Post.objects.all(), actor=moderator)
    page = moderator_page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"/admin/moderation/auditevent/{AuditEvent.objects.get().pk}/change/")
    button = page.get_by_role("button", name="Undo this dismissal")
    expect(button).to_be_in_viewport()
    assert problems_of(page, OF_DJANGO) == []
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("Reopened 5 reports about 5 posts.")
    expect(button).to_have_count(0)
    assert open_reports() == 5


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_pages_with_the_message_and_the_button_are_accessible(
    width: int, scheme: str, moderator_page: Page, posts: list[Post]
) -> None:
    page = moderator_page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"/admin/posts/post/{posts[0].pk}/change/")
    assert problems_of(page, OF_DJANGO, state="post_with_reports") == []
    page.get_by_role("button", name="Dismiss reports").click()
    expect(page.get_by_role("button", name="Undo")).to_be_in_viewport()
    assert problems_of(page, OF_DJANGO, state="post_with_dismissed_message") == []
    page.goto(QUEUE)
    page.get_by_label("Select “Cheap pills 1”").check()
    choose_action(page)
    page.get_by_role("button", name="Go").first.click()
    expect(page.get_by_role("button", name="Undo")).to_be_in_viewport()
    assert problems_of(page, state="list_with_dismissed_message") == []


def test_after_going_back_no_post_is_ticked_in_the_place_of_one_that_left_the_list(
    moderator_page: Page, posts: list[Post]
) -> None:
    page = moderator_page
    page.goto(QUEUE)
    page.get_by_label("Select “Cheap pills 3”").check()
    page.get_by_role("link", name="Cheap pills 0").click()
    page.wait_for_url("**/change/**")
    other = User.objects.create_user("other")
    dismiss_reports(Post.objects.filter(pk=posts[4].pk), actor=other)
    page.go_back()
    expect(page.locator("input.action-select")).to_have_count(4)
    page.wait_for_load_state("load")
    expect(page.locator("input.action-select:checked")).to_have_count(0)
