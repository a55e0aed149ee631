"""Only reports that a page showed are dismissed from it; those that arrive later stay open."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from posts.admin.inlines import ReportInline
from posts.models import Post, Report
from posts.reports import dismiss_reports, file_report
from tests.admin.conftest import LIST, browser_of, make_user
from tests.admin.test_dismiss_reports import QUEUE, dismiss_form, page_of, seen_in, send

MakePosts = Callable[..., list[Post]]

pytestmark = pytest.mark.django_db


def open_reporters() -> set[str]:
    """Return the names of those whose reports are open."""
    return set(Report.objects.filter(state="open").values_list("reporter__username", flat=True))


def report(post: Post, name: str) -> None:
    file_report(post, User.objects.get_or_create(username=name)[0])


def test_a_report_that_arrived_since_the_page_of_a_post_was_loaded_stays_open(
    client: Client, make_posts: MakePosts
) -> None:
    (post,) = make_posts(1)
    url, sent = dismiss_form(client.get(page_of(post)).text)
    report(post, "late")
    page = client.post(url, sent, follow=True).text
    text = "Dismissed 1 report about 1 post. 1 report that arrived in the meantime stays open."
    assert text in page
    assert open_reporters() == {"late"}
    url, sent = dismiss_form(page)
    assert "Dismissed 1 report about 1 post." in client.post(url, sent, follow=True).text
    assert open_reporters() == set()


def test_a_report_that_arrives_while_the_page_is_rendered_stays_open(
    client: Client, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    (post,) = make_posts(1)
    decision = ReportInline.decision

    def decide_late(self: ReportInline, shown: Report) -> str:
        report(post, "late")
        return decision(self, shown)

    with monkeypatch.context() as patch:
        patch.setattr(ReportInline, "decision", decide_late)
        url, sent = dismiss_form(client.get(page_of(post)).text)
    client.post(url, sent)
    assert open_reporters() == {"late"}


def test_a_report_that_was_reopened_since_the_page_was_loaded_stays_open(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    (post,) = make_posts(1)
    report(post, "ann")
    report(post, "bob")
    dismiss_reports(Post.objects.all(), actor=moderator)
    report(post, "bob")
    (url, sent), seen = dismiss_form(client.get(page_of(post)).text), seen_in(client.get(LIST).text)
    report(post, "ann")
    for _ in range(2):
        page = client.post(url, sent, follow=True).text
        assert "1 report that arrived in the meantime stays open." in page
        assert open_reporters() == {"ann"}
    assert "Nothing was dismissed. 1 report that" in send(client, [post], **seen)
    assert open_reporters() == {"ann"}


def test_reports_that_arrived_since_the_list_was_loaded_stay_open(
    client: Client, make_posts: MakePosts
) -> None:
    posts = make_posts(3)
    Report.objects.filter(post=posts[2]).delete()
    seen = seen_in(client.get(QUEUE).text)
    report(posts[0], "late")
    report(posts[2], "late")  # its first report: the filter finds it now
    report(make_posts(1)[0], "late")
    page = send(client, posts[:1], "?reported=yes", select_across=1, **seen)
    text = "Dismissed 2 reports about 2 posts. 4 reports that arrived in the meantime stay open."
    assert text in page
    assert open_reporters() == {"late", "spammer"}


@pytest.mark.parametrize("seen", [None, "", "5", "-", "5-", "x-1", "٥-٥", "9" * 30 + "-0", "5-5\n"])
def test_without_what_the_page_showed_nothing_is_dismissed(
    seen: str | None, client: Client, make_posts: MakePosts
) -> None:
    (post,) = make_posts(1)
    sent = {} if seen is None else {"seen_reports": seen}
    url, _sent = dismiss_form(client.get(page_of(post)).text)
    for page in (client.post(url, sent, follow=True).text, send(client, [post], **sent)):
        assert "your browser did not say which reports it showed" in page
    assert open_reporters() == {"spammer"}


@pytest.mark.parametrize("seen", ["999999999999999999-99999999999999999", "0-0"])
def test_a_changed_value_never_widens_what_is_dismissed_beyond_the_selection(
    seen: str, client: Client, make_posts: MakePosts
) -> None:
    posts = make_posts(2)
    send(client, posts[:1], seen_reports=seen)
    assert Report.objects.filter(state="open", post=posts[1]).exists()
    assert Report.objects.filter(state="open").count() == (2 if seen == "0-0" else 1)


def test_someone_who_may_not_view_reports_dismisses_those_that_existed(
    make_posts: MakePosts,
) -> None:
    (post,) = make_posts(1)
    client = browser_of(make_user("reader", codes=("view_post", "dismiss_report")))
    url, sent = dismiss_form(client.get(page_of(post)).text)
    report(post, "late")
    client.post(url, sent)
    assert open_reporters() == {"late"}


def test_pages_of_those_who_may_not_dismiss_do_not_name_the_reports(make_posts: MakePosts) -> None:
    (post,) = make_posts(1)
    client = browser_of(make_user("viewer", codes=("view_post", "view_report")))
    assert seen_in(client.get(LIST).text) == seen_in(client.get(page_of(post)).text) == {}


def test_a_list_without_reports_says_so_as_well(client: Client, make_posts: MakePosts) -> None:
    (post,) = make_posts(1)
    Report.objects.all().delete()
    seen = seen_in(client.get(LIST).text)
    report(post, "late")
    assert "Nothing was dismissed. 1 report that" in send(client, [post], **seen)
    assert open_reporters() == {"late"}
