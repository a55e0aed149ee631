"""Dismiss reports from the change list and from a post's page, and undo it."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.admin.removals.object_details import details_of_objects
from moderation.models import AuditEvent
from posts import reports
from posts.admin.post import PostAdmin
from posts.models import Post, Report
from posts.reports import dismiss_reports
from tests.admin.conftest import LIST, browser_of, make_user
from tests.posts.test_reports import fail_from

MakePosts = Callable[..., list[Post]]
QUEUE = f"{LIST}?reported=yes"
ACTION = "dismiss_reports_of_selected"


def dismiss(client: Client, posts: list[Post], query: str = "", **more: Any) -> str:
    """Send the action from the list; return the page that follows, with its messages."""
    return send(client, posts, query, **seen_in(client.get(LIST + query).text), **more)


def send(client: Client, posts: list[Post], query: str = "", **sent: Any) -> str:
    """Send the action with these fields; return the page that follows, with its messages."""
    chosen = {"action": ACTION, "_selected_action": [post.pk for post in posts], "index": 0}
    return client.post(LIST + query, {**chosen, **sent}, follow=True).text


def seen_in(page: str) -> dict[str, str]:
    """Return what the forms of a page send about the reports that it shows."""
    return dict(re.findall(r'name="(seen_reports)" value="([^"]*)"', page))


def page_of(post: Post) -> str:
    return reverse("admin:posts_post_change", args=[post.pk])


def undo_form(page: str) -> tuple[str, dict[str, str]]:
    """Return the URL of the Undo button in a page's message, and what it sends."""
    form = re.search(r'<form class="post-undo" method="post" action="([^"]+)">(.*?)</form>',
                     page, re.DOTALL)  # fmt: skip
    assert form
    fields = re.findall(r'name="(\w+)" value="([^"]*)"', form[2])
    assert {name for name, _value in fields} == {"csrfmiddlewaretoken", "back"}
    return form[1], {name: value.replace("&amp;", "&") for name, value in fields}


def dismiss_form(page: str) -> tuple[str, dict[str, str]]:
    """Return the URL of the button on a post's page, and what it sends: no fields of the post."""
    form = re.search(r'<form id="(dismiss-form)" method="post" action="([^"]+)">(.*?)</form>',
                     page, re.DOTALL)  # fmt: skip
    button = re.search(r'<input type="submit"\s+value="Dismiss reports"\s+form="([^"]+)">', page)
    assert form
    assert button
    assert button[1] == form[1]
    assert re.findall(r'name="(\w+)"', form[3]) == ["csrfmiddlewaretoken", "seen_reports"]
    assert page.index(form[0]) < page.index('id="post_form"')  # not inside that form
    return unescape(form[2]), seen_in(form[3])


def open_reports() -> int:
    return Report.objects.filter(state="open").count()


def test_the_queue_is_empty_of_posts_whose_reports_are_dismissed(
    client: Client, make_posts: MakePosts
) -> None:
    posts = make_posts(3)
    page = dismiss(client, posts[:2], "?reported=yes")
    assert "Dismissed 2 reports about 2 posts." in page
    assert "1 post" in page
    assert [str(post.pk) for post in posts if f'value="{post.pk}"' in page] == [str(posts[2].pk)]
    assert "2 posts" in client.get(f"{LIST}?reported=no").text
    assert "1 post has open reports." in client.get("/admin/").text


def test_counts_of_the_list_are_of_open_reports(client: Client, make_posts: MakePosts) -> None:
    posts = make_posts(3)
    Report.objects.create(post=posts[0], reporter=make_user("ann"))
    dismiss(client, [posts[0]])
    Report.objects.create(post=posts[1], reporter=make_user("bob"))
    for query, expected in (("?o=-4", [2, 1, 0]), ("?o=4", [0, 1, 2])):
        page = client.get(LIST + query).text
        assert list(map(int, re.findall(r'field-report_count">(\d+)<', page))) == expected


@pytest.mark.parametrize("query", ["", "?reported=yes", "?q=pills", "?author=spammer&p=2"])
def test_all_posts_across_pages_are_dismissed_at_once(
    query: str, client: Client, make_posts: MakePosts
) -> None:
    posts = make_posts(130, images=0)
    page = dismiss(client, posts[:1], query, select_across=1)
    assert "Dismissed 130 reports about 130 posts." in page
    assert open_reports() == 0
    assert AuditEvent.objects.get().details["reports"] == 130


def test_undo_returns_to_the_list_with_its_filters_and_records_an_event(
    client: Client, make_posts: MakePosts
) -> None:
    posts = make_posts(2)
    url, sent = undo_form(dismiss(client, posts, "?reported=yes&author=spammer"))
    assert sent["back"] == f"{LIST}?reported=yes&author=spammer"
    response = client.post(url, sent, follow=True)
    assert response.redirect_chain == [(sent["back"], 302)]
    assert "Reopened 2 reports about 2 posts." in response.text
    assert open_reports() == 2
    events = AuditEvent.objects.order_by("pk").values_list("type", "actor_name")
    assert list(events) == [("dismiss", "mod"), ("reopen", "mod")]
    again = client.post(url, sent, follow=True).text
    assert "Nothing was undone" in again
    assert AuditEvent.objects.count() == 2


def test_undo_reopens_no_reports_of_posts_that_the_site_does_not_show_to_the_user(
    client: Client, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = make_posts(2)
    url, sent = undo_form(dismiss(client, posts))
    shown = Post.objects.filter(pk=posts[0].pk)
    monkeypatch.setattr(PostAdmin, "get_queryset", lambda *_: shown.all())
    client.post(url, sent)
    assert list(Report.objects.filter(state="open").values_list("post", flat=True)) == [posts[0].pk]


@pytest.mark.django_db(transaction=True)
def test_a_dismissal_that_fails_midway_says_what_was_dismissed_and_can_be_undone(
    client: Client, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = make_posts(3)
    monkeypatch.setattr(reports, "POSTS_AT_ONCE", 1)
    with monkeypatch.context() as patch:
        fail_from(3, patch)
        page = dismiss(client, posts, "?reported=yes")
    text = "Dismissed 2 reports about 2 posts; the others could not be dismissed. Try again."
    assert text in page
    url, sent = undo_form(page)
    with monkeypatch.context() as patch:
        fail_from(2, patch)
        page = client.post(url, sent, follow=True).text
    assert "Reopened 1 report about 1 post; the others could not be reopened." in page
    url, sent = undo_form(page)
    assert sent["back"] == QUEUE
    assert "Reopened 1 report about 1 post." in client.post(url, sent, follow=True).text
    assert open_reports() == 3


@pytest.mark.django_db(transaction=True)
def test_a_dismissal_that_fails_on_its_first_page_says_so(
    client: Client, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = make_posts(2)
    fail_from(1, monkeypatch)
    page = dismiss(client, posts)
    assert "The reports could not be dismissed. Try again." in page
    assert "post-undo" not in page
    assert open_reports() == 2


@pytest.mark.parametrize(
    "back", ["https://example.com/", "//example.com", "", "javascript:x", "\0", "foo", "?x"]
)
def test_undo_never_redirects_to_another_site(
    back: str, client: Client, make_posts: MakePosts
) -> None:
    url, sent = undo_form(dismiss(client, make_posts(1)))
    assert client.post(url, {**sent, "back": back})["Location"] == LIST


def test_undo_and_the_button_need_a_token(moderator: User, make_posts: MakePosts) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(moderator)
    (post,) = make_posts(1)
    assert client.post(f"{page_of(post)[:-7]}dismiss-reports/").status_code == 403
    done = dismiss_reports(Post.objects.all(), actor=moderator)
    url = reverse("admin:posts_post_undo_dismissal", args=[done.dismissal])
    assert client.post(url).status_code == 403
    assert open_reports() == 0


def test_two_moderators_dismiss_the_same_reports_once(
    client: Client, make_posts: MakePosts, other: User
) -> None:
    posts = make_posts(2)
    dismiss(client, posts)
    assert "Nothing was dismissed: there are no open reports." in dismiss(browser_of(other), posts)
    assert AuditEvent.objects.count() == 1
    assert set(Report.objects.values_list("decided_by", flat=True)) == {"mod"}


def test_without_the_permission_there_is_neither_action_nor_button(make_posts: MakePosts) -> None:
    (post,) = make_posts(1)
    viewer = browser_of(make_user("viewer", codes=("view_post", "view_report", "delete_post")))
    assert ACTION not in viewer.get(LIST).text
    page = viewer.get(page_of(post)).text
    assert "Report by" in page or "spammer" in page
    assert "Dismiss reports" not in page
    dismiss(viewer, [post])
    assert viewer.post(f"{page_of(post)[:-7]}dismiss-reports/").status_code == 403
    assert open_reports() == 1


def test_the_page_of_a_post_has_a_button_while_it_has_open_reports(
    client: Client, make_posts: MakePosts
) -> None:
    post, other_post = make_posts(2)
    url, sent = dismiss_form(client.get(page_of(post)).text)
    response = client.post(url, sent, follow=True)
    assert response.redirect_chain == [(page_of(post), 302)]
    assert "Dismissed 1 report about 1 post." in response.text
    assert "dismissed by mod, " in response.text
    assert "Dismiss reports" not in response.text
    undo_url, undo = undo_form(response.text)
    undone = client.post(undo_url, undo, follow=True)
    assert undone.redirect_chain == [(page_of(post), 302)]
    assert "Dismiss reports" in undone.text
    assert "Dismiss reports" in client.get(page_of(other_post)).text
    client.get(url, sent)
    assert open_reports() == 2


@pytest.mark.parametrize("key", ["0", "9" * 30])
def test_a_post_that_does_not_exist_is_not_found(key: str, client: Client) -> None:
    assert client.get(f"{LIST}{key}/dismiss-reports/").status_code == 404


def test_removing_stays_the_first_choice_and_dismissing_is_offered(
    client: Client, make_posts: MakePosts
) -> None:
    make_posts(1)
    page = client.get(LIST).text
    options = re.findall(r'<option value="([^"]*)"', page)
    assert options[:2] == ["remove_selected", ACTION]
    assert "Dismiss reports about selected posts" in page


def test_someone_who_may_only_dismiss_chooses_the_action(make_posts: MakePosts) -> None:
    make_posts(1)
    codes = ("view_post", "dismiss_report")
    page = browser_of(make_user("reader", codes=codes)).get(LIST).text
    assert re.findall(r'<option value="([^"]*)"', page)[:2] == ["", ACTION]


def test_a_later_page_of_the_list_leads_back_to_the_first(
    client: Client, make_posts: MakePosts
) -> None:
    posts = make_posts(110, images=0)
    chosen = {"action": ACTION, "_selected_action": [posts[0].pk], "index": 0}
    response = client.post(f"{QUEUE}&p=2", chosen)
    assert response["Location"] == QUEUE


def test_drafts_count_and_show_open_reports_only(
    client: Client, make_posts: MakePosts, moderator: User
) -> None:
    posts = make_posts(2)
    for post in posts:
        Report.objects.filter(post=post).update(reason=f"reason {post.pk}")
    dismiss(client, [posts[0]])
    details = details_of_objects(Post, [post.pk for post in posts])
    assert [details[post.pk].reports for post in posts] == [0, 1]
    assert [details[post.pk].report_texts for post in posts] == [[], [f"reason {posts[1].pk}"]]
