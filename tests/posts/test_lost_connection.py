"""Dismissing continues on a new connection if the database has ended the session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from posts import reports
from posts.models import Post, Report
from posts.reports import dismiss_reports
from tests.removals.test_retries import is_terminated

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="it has no sessions"),
]


@pytest.mark.parametrize("call", [1, 2], ids=["while reading", "before changing"])
def test_a_session_that_the_server_ended_is_replaced(
    make_posts: Callable[..., list[Post]],
    moderator: User,
    monkeypatch: pytest.MonkeyPatch,
    call: int,
) -> None:
    for post in make_posts(2):
        Report.objects.create(post=post, reporter=moderator)
    stock, calls = reports._with_retries, []

    def after_the_end(change: Callable[[], Any]) -> Any:
        calls.append(1)
        if len(calls) == call:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                (pid,) = cursor.fetchone()
            is_terminated(pid)
        return stock(change)

    monkeypatch.setattr(reports, "_with_retries", after_the_end)
    done = dismiss_reports(Post.objects.all(), actor=moderator)
    assert (done.reports, done.is_complete) == (2, True)
