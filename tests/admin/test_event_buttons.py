"""The page of an audit event: which posts a dismissal was about, and the button that undoes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation.models import AuditEvent
from moderation.models.states import EventType
from moderation.permission_groups import AUDITORS, MODERATORS
from posts.admin.post import PostAdmin
from posts.models import Post, Report
from posts.reports import dismiss_reports, undo_dismissal
from tests.admin.conftest import browser_of, make_user
from tests.admin.desk import a_site, said, serving
from tests.admin.drafts import text_of

MakePosts = Callable[..., list[Post]]
BUTTON = "Undo this dismissal"


@pytest.fixture
def chief(db: None) -> User:
    """Someone who may both dismiss reports and read the audit log."""
    return make_user("chief", MODERATORS, AUDITORS)


@pytest.fixture
def event(make_posts: MakePosts, moderator: User) -> AuditEvent:
    """The event of the dismissal of two reports by somebody else."""
    make_posts(2)
    dismiss_reports(Post.objects.all(), actor=moderator)
    return AuditEvent.objects.get()


def page_of(event: AuditEvent, site: str = "admin") -> str:
    return f"/{site}/moderation/auditevent/{event.pk}/change/"


def form_of(page: str) -> tuple[str, dict[str, str]]:
    """Return the URL of the button on an event's page, and what it sends."""
    form = re.search(r'<form class="event-button" method="post" action="([^"]+)">(.*?)</form>',
                     page, re.DOTALL)  # fmt: skip
    assert form
    assert BUTTON in form[2]
    return form[1], dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[2]))


def open_reports() -> int:
    return Report.objects.filter(state="open").count()


def test_a_dismissal_is_undone_on_the_page_of_its_event(chief: User, event: AuditEvent) -> None:
    client = browser_of(chief)
    url, sent = form_of(client.get(page_of(event)).text)
    response: Any = client.post(url, sent)
    assert response.headers["Location"] == page_of(event)
    assert "Reopened 2 reports about 2 posts." in said(response)
    assert open_reports() == 2
    reopened = AuditEvent.objects.get(type=EventType.REOPEN)
    for each in (event, reopened):
        assert BUTTON not in client.get(page_of(each)).text


def test_the_button_returns_to_the_page_with_its_filters(chief: User, event: AuditEvent) -> None:
    client, url = browser_of(chief), f"{page_of(event)}?_changelist_filters=type%3Ddismiss"
    assert form_of(client.get(url).text)[1]["back"] == url


def test_the_button_needs_a_token(chief: User, event: AuditEvent) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(chief)
    url, sent = form_of(client.get(page_of(event)).text)
    assert client.post(url, {"back": sent["back"]}).status_code == 403
    assert client.post(url, sent).status_code == 302
    assert open_reports() == 2


def test_an_auditor_who_may_not_dismiss_has_no_button(auditor: User, event: AuditEvent) -> None:
    page = browser_of(auditor).get(page_of(event))
    assert page.status_code == 200
    assert BUTTON not in page.text


def test_there_is_no_button_for_posts_that_the_site_does_not_show(
    chief: User, event: AuditEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostAdmin, "get_queryset", lambda *_: Post.objects.none())
    assert BUTTON not in browser_of(chief).get(page_of(event)).text


def test_each_site_leads_to_its_own_pages(chief: User, event: AuditEvent) -> None:
    client = browser_of(chief)
    with serving(a_site("desk", Post, User, post=PostAdmin), a_site("other", User)):
        assert form_of(client.get(page_of(event, "desk")).text)[0].startswith("/desk/posts/post/")
        assert BUTTON not in client.get(page_of(event, "other")).text


@pytest.mark.parametrize("model", ["auth.User", "shop.Gone", "", "a.b.c", None, ["x"]])
def test_an_event_about_other_objects_has_no_button(
    chief: User, event: AuditEvent, model: Any
) -> None:
    details = {**event.details, "model": model}
    AuditEvent.record(EventType.DISMISS, actor=chief, details=details)
    page = browser_of(chief).get(page_of(AuditEvent.objects.latest("pk")))
    assert page.status_code == 200
    assert BUTTON not in page.text


def test_the_event_names_the_posts(chief: User, event: AuditEvent) -> None:
    keys = [str(key) for key in Post.objects.order_by("pk").values_list("pk", flat=True)]
    assert event.details["keys"] == keys
    assert f"Keys {', '.join(keys)} " in text_of(browser_of(chief).get(page_of(event)).text)


def test_the_event_names_only_the_first_of_many_posts(
    chief: User, make_posts: MakePosts, moderator: User
) -> None:
    posts = make_posts(25)
    done = dismiss_reports(Post.objects.all(), actor=moderator)
    undo_dismissal(done.dismissal, posts=Post.objects.all(), actor=moderator)
    first = [str(post.pk) for post in posts[:20]]
    for event in AuditEvent.objects.all():
        assert (event.details["objects"], event.details["keys"]) == (25, first)
        page = text_of(browser_of(chief).get(page_of(event)).text)
        assert f"Keys {', '.join(first)} and others" in page
