"""The reports on a post's page: the records of their reporters, and buttons that reopen them."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from posts.admin.post import PostAdmin
from posts.models import Post, Report, UpheldReports
from posts.reports import dismiss_reports
from tests.admin.conftest import LIST, browser_of, make_user
from tests.admin.test_dismiss_reports import open_reports, page_of

MakePosts = Callable[..., list[Post]]
Button = tuple[str, dict[str, str]]

pytestmark = pytest.mark.django_db


def reopen_buttons(page: str) -> dict[str, Button]:
    """Return the buttons that reopen reports: {text: (URL, what it sends)}."""
    buttons = {}
    for attributes, text in re.findall(r"<button([^>]*)>(.*?)</button>", page, re.DOTALL):
        names = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
        if names.get("form", "").startswith("reopen-form-"):
            opening = rf'<form id="{names["form"]}" method="post" action="([^"]+)">'
            form = re.search(rf"{opening}(.*?)</form>", page, re.DOTALL)
            assert form
            assert page.index(form[0]) < page.index('id="post_form"')  # not inside that form
            fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[2]))
            own = {names["name"]: names["value"]} if "name" in names else {}
            assert f'id="{names["aria-describedby"]}"' in page
            sent = {name: unescape(value) for name, value in {**fields, **own}.items()}
            buttons[" ".join(text.split())] = (form[1], sent)
    return buttons


def test_reports_of_a_post_are_reopened_long_after_the_message_is_gone(
    client: Client, other: User, make_posts: MakePosts
) -> None:
    (post,) = make_posts(1)
    Report.objects.create(post=post, reporter=make_user("ann"))
    dismiss_reports(Post.objects.all(), actor=other)
    url = f"{page_of(post)}?_changelist_filters=reported%3Dno"
    page = client.get(url).text
    assert re.search(r"2 reports dismissed by other, \d+ \w+ \d{4}, \d\d:\d\d", page)
    buttons = reopen_buttons(page)
    assert list(buttons) == ["Reopen these reports"]
    response = client.post(*buttons["Reopen these reports"], follow=True)
    assert response.redirect_chain == [(url, 302)]
    assert "Reopened 2 reports about 1 post." in response.text
    assert reopen_buttons(response.text) == {}
    assert open_reports() == 2


def test_reports_about_other_posts_are_reopened_only_with_the_whole_dismissal(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    posts = make_posts(3)
    dismiss_reports(Post.objects.all(), actor=moderator)
    buttons = reopen_buttons(client.get(page_of(posts[0])).text)
    client.post(*buttons["Reopen these reports"])
    assert list(Report.objects.filter(state="open").values_list("post", flat=True)) == [posts[0].pk]
    buttons = reopen_buttons(client.get(page_of(posts[1])).text)
    assert list(buttons) == ["Reopen these reports", "Undo the whole dismissal (2 reports)"]
    page = client.post(*buttons["Undo the whole dismissal (2 reports)"], follow=True).text
    assert "Reopened 2 reports about 2 posts." in page
    assert open_reports() == 3


def test_each_dismissal_has_its_buttons(
    client: Client, moderator: User, other: User, make_posts: MakePosts
) -> None:
    (post,) = make_posts(1)
    for actor in (moderator, other):
        Report.objects.get_or_create(post=post, reporter=actor)
        dismiss_reports(Post.objects.all(), actor=actor)
    page = client.get(page_of(post)).text
    assert page.count("Reopen these reports") == 2
    assert page.index("2 reports dismissed by mod, ") > 0
    assert page.index("1 report dismissed by other, ") > 0


def test_without_the_permission_there_are_no_buttons(
    moderator: User, make_posts: MakePosts
) -> None:
    (post,) = make_posts(1)
    done = dismiss_reports(Post.objects.all(), actor=moderator)
    viewer = browser_of(make_user("viewer", codes=("view_post", "view_report")))
    assert reopen_buttons(viewer.get(page_of(post)).text) == {}
    url, sent = f"{LIST}dismissals/{done.dismissal}/undo/", {"post": post.pk}
    assert viewer.post(url, sent).status_code == 403
    assert open_reports() == 0


@pytest.mark.parametrize("key", ["0", "x", "9" * 30, "1\0", "hidden"])
def test_reports_of_a_post_that_the_list_does_not_show_are_not_reopened(
    key: str,
    client: Client,
    moderator: User,
    make_posts: MakePosts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (post,) = make_posts(1)
    done = dismiss_reports(Post.objects.all(), actor=moderator)
    monkeypatch.setattr(PostAdmin, "get_queryset", lambda *_: Post.objects.exclude(pk=post.pk))
    sent = {"post": str(post.pk) if key == "hidden" else key}
    page = client.post(f"{LIST}dismissals/{done.dismissal}/undo/", sent, follow=True).text
    assert "Nothing was undone" in page
    assert open_reports() == 0


def test_each_report_shows_the_record_of_its_reporter(
    client: Client, make_posts: MakePosts, moderator: User
) -> None:
    posts = make_posts(6)
    ann = make_user("ann")
    Report.objects.bulk_create(Report(post=post, reporter=ann) for post in posts)
    UpheldReports.objects.bulk_create(
        UpheldReports(reporter=ann, number=n, removal_number=n) for n in (1, 1_200)
    )
    dismiss_reports(Post.objects.exclude(pk=posts[0].pk), actor=moderator)
    page = client.get(page_of(posts[0])).text
    assert "1,201 upheld, 5 dismissed" in page
    assert "0 upheld, 5 dismissed" in page  # the author's own


def test_number_of_queries_of_a_page_does_not_depend_on_the_number_of_reports(
    client: Client, make_posts: MakePosts, moderator: User
) -> None:
    posts, numbers = make_posts(2), []
    Report.objects.all().delete()
    for post, size in zip(posts, (2, 12), strict=True):
        for n in range(size):
            user = User.objects.create(username=f"user_{size}_{n}")
            Report.objects.create(post=post, reporter=user)
            UpheldReports.objects.create(reporter=user, number=n, removal_number=n)
        client.get(page_of(post))  # caches the theme, for instance
        with CaptureQueriesContext(connection) as captured:
            client.get(page_of(post))
        numbers.append(len(captured))
    assert numbers[0] == numbers[1]
