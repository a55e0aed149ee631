"""Users file reports, moderators dismiss them, and removals uphold them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from moderation.db.bulk_insert import insert
from moderation.models import AuditEvent
from posts import reported_posts, reports
from posts.models import Post, PostImage, Report, ReportState
from posts.reported_posts import posts_sharing_reported_pictures
from posts.reports import dismiss_reports, file_report, undo_dismissal
from tests.posts.reporters import report_all, states, user

MakePosts = Callable[..., list[Post]]

pytestmark = pytest.mark.django_db


def undo(dismissal: UUID, actor: User) -> reports.Decision:
    return undo_dismissal(dismissal, posts=Post.objects.all(), actor=actor)


def test_the_database_generates_columns_of_rows_that_are_inserted_in_bulk(
    make_posts: MakePosts,
) -> None:
    (post,) = make_posts(1, images=0)
    row = {"post_id": post.pk, "reporter_id": user("ann").pk, "reason": "spam"}
    insert(Report, [row], using="default")
    assert Report.objects.get().open_reason == "spam"


def test_a_new_report_is_open_and_a_second_one_of_the_user_changes_nothing(
    make_posts: MakePosts,
) -> None:
    (post,) = make_posts(1)
    first = file_report(post, user("ann"), "spam")
    again = file_report(post, user("ann"), "really")
    assert first.pk == again.pk
    first.refresh_from_db()
    assert (first.state, first.reason, first.open_reason) == ("open", "spam", "spam")
    assert file_report(post, user("bob")).pk != first.pk


def test_a_report_needs_a_post_a_reporter_and_a_reason_that_fits(make_posts: MakePosts) -> None:
    (post,) = make_posts(1)
    with pytest.raises(ValidationError):
        file_report(post, user("ann"), "x" * 501)
    gone = User(pk=10**9)
    with pytest.raises(User.DoesNotExist):
        file_report(post, gone)
    Post.objects.all().delete()
    with pytest.raises(Post.DoesNotExist):
        file_report(post, user("ann"))
    assert not Report.objects.exists()


def test_open_reports_of_the_selected_posts_are_dismissed_with_who_and_when(
    make_posts: MakePosts, moderator: User
) -> None:
    posts = make_posts(3)
    report_all(posts, "ann", "bob")
    done = dismiss_reports(Post.objects.filter(pk__in=[posts[0].pk, posts[1].pk]), actor=moderator)
    assert (done.posts, done.reports) == (2, 4)
    for report in Report.objects.exclude(post=posts[2]):
        assert (report.state, report.decided_by, report.dismissal) == (
            ReportState.DISMISSED, "mod", done.dismissal,
        )  # fmt: skip
        assert report.decided_at is not None
        assert report.open_reason is None
    assert set(Report.objects.filter(post=posts[2]).values_list("state", flat=True)) == {"open"}
    event = AuditEvent.objects.get()
    assert (event.type, event.actor_name) == ("dismiss", "mod")
    assert event.details == {
        "model": "posts.Post", "objects": 2, "reports": 4, "dismissal": str(done.dismissal),
        "keys": [str(posts[0].pk), str(posts[1].pk)],
    }  # fmt: skip


def test_nothing_to_dismiss_records_no_event(make_posts: MakePosts, moderator: User) -> None:
    make_posts(1)
    done = dismiss_reports(Post.objects.all(), actor=moderator)
    assert (done.posts, done.reports) == (0, 0)
    assert not AuditEvent.objects.exists()


def test_the_reporter_of_a_dismissed_report_reopens_it_and_another_user_does_not(
    make_posts: MakePosts, moderator: User
) -> None:
    (post,) = make_posts(1)
    old = file_report(post, user("ann"), "spam")
    dismiss_reports(Post.objects.all(), actor=moderator)
    file_report(post, user("bob"), "abuse")
    assert states() == ["dismissed", "open"]
    file_report(post, user("ann"), "still spam")
    report = Report.objects.get(pk=old.pk)
    assert states() == ["open", "open"]
    assert (report.reason, report.decided_by, report.decided_at) == ("still spam", "", None)
    assert report.dismissal is None
    assert report.created_at > old.created_at
    assert report.reopened_at is not None


def test_a_reopened_report_is_returned_as_it_is_stored(
    make_posts: MakePosts, moderator: User
) -> None:
    (post,) = make_posts(1)
    file_report(post, user("ann"), "spam")
    dismiss_reports(Post.objects.all(), actor=moderator)
    report = file_report(post, user("ann"), "still spam")
    assert (report.state, report.open_reason) == ("open", "still spam")
    stored = Report.objects.get(pk=report.pk)
    assert (report.reopened_at, report.created_at) == (stored.reopened_at, stored.created_at)


def test_undo_reopens_exactly_what_is_still_as_the_dismissal_left_it(
    make_posts: MakePosts, moderator: User
) -> None:
    posts = make_posts(4)
    report_all(posts, "ann")
    first = dismiss_reports(Post.objects.filter(pk=posts[0].pk), actor=moderator)
    second = dismiss_reports(Post.objects.all(), actor=moderator)
    assert second.reports == 3
    file_report(posts[1], user("ann"), "again")  # reopened, then dismissed by another dismissal
    third = dismiss_reports(Post.objects.filter(pk=posts[1].pk), actor=moderator)
    posts[2].delete()
    undone = undo(second.dismissal, moderator)
    assert (undone.posts, undone.reports) == (1, 1)
    dismissals = list(Report.objects.order_by("pk").values_list("dismissal", flat=True))
    assert dismissals == [first.dismissal, third.dismissal, None]
    event = AuditEvent.objects.latest("pk")
    assert (event.type, event.details["reports"]) == ("reopen", 1)
    assert undo(second.dismissal, moderator).reports == 0
    assert undo(uuid4(), moderator).reports == 0
    assert AuditEvent.objects.filter(type="reopen").count() == 1


def test_each_transaction_changes_a_bounded_number_of_posts_and_reports(
    make_posts: MakePosts, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "POSTS_AT_ONCE", 3)
    monkeypatch.setattr(reports, "REPORTS_AT_ONCE", 4)
    posts = make_posts(7)
    report_all(posts, "ann", "bob")
    report_all(posts[:1], *(f"user_{n}" for n in range(8)))
    done = dismiss_reports(Post.objects.all(), actor=moderator)
    assert (done.posts, done.reports) == (7, 22)
    details = AuditEvent.objects.order_by("pk").values_list("details", flat=True)
    assert [each["reports"] for each in details] == [4, 4, 4, 2, 4, 2, 2]
    assert all(each["objects"] <= 3 for each in details)
    undone = undo(done.dismissal, moderator)
    assert (undone.posts, undone.reports) == (7, 22)
    assert set(states()) == {"open"}


def test_a_report_that_is_filed_while_others_are_dismissed_stays_open(
    make_posts: MakePosts, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = make_posts(2)
    report_all(posts, "ann")
    monkeypatch.setattr(reports, "POSTS_AT_ONCE", 1)
    lock_rows = reports.lock_rows

    def file_and_lock(rows: Any) -> list[Any]:
        for post in posts:
            file_report(post, user("late"))
        return lock_rows(rows)

    monkeypatch.setattr(reports, "lock_rows", file_and_lock)
    assert dismiss_reports(Post.objects.all(), actor=moderator).reports == 2
    late = Report.objects.filter(reporter=user("late"))
    assert set(late.values_list("state", flat=True)) == {"open"}


def test_a_report_that_is_reopened_while_others_are_dismissed_stays_open(
    make_posts: MakePosts, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = make_posts(2)
    report_all(posts, "ann", "bob")
    dismiss_reports(Post.objects.all(), actor=moderator)
    file_report(posts[0], user("bob"))
    file_report(posts[1], user("bob"))
    monkeypatch.setattr(reports, "POSTS_AT_ONCE", 1)
    lock_rows = reports.lock_rows

    def reopen_and_lock(rows: Any) -> list[Any]:
        for post in posts:
            file_report(post, user("ann"), "again")
        return lock_rows(rows)

    monkeypatch.setattr(reports, "lock_rows", reopen_and_lock)
    assert dismiss_reports(Post.objects.all(), actor=moderator).reports == 2
    reopened = Report.objects.filter(reporter=user("ann"))
    assert set(reopened.values_list("state", "reason")) == {("open", "again")}
    monkeypatch.setattr(reports, "lock_rows", lock_rows)
    assert dismiss_reports(Post.objects.all(), actor=moderator).reports == 2


def test_what_is_dismissed_first_does_not_change_which_posts_are_selected(
    make_posts: MakePosts, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The filter by shared pictures finds the second post through the reports of the first."""
    posts = make_posts(2)
    PostImage.objects.update(sha256="a" * 64)
    report_all(posts[:1], "ann", "bob")
    report_all(posts[1:], "ann")
    monkeypatch.setattr(reported_posts, "MOST_KEYS", 0)
    monkeypatch.setattr(reports, "POSTS_AT_ONCE", 1)
    found = Post.objects.filter(pk__in=posts_sharing_reported_pictures())
    done = dismiss_reports(found, actor=moderator)
    assert (done.posts, done.reports) == (2, 3)
    assert set(states()) == {"dismissed"}


def fail_from(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the database fail from this event on, counted from 1."""
    record, calls = AuditEvent.record, []

    def record_or_fail(*args: Any, **kwargs: Any) -> None:
        calls.append(args)
        if len(calls) >= number:
            raise OperationalError
        record(*args, **kwargs)

    monkeypatch.setattr(AuditEvent, "record", record_or_fail)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [1, 3])
def test_a_change_that_fails_midway_says_what_was_done_and_can_be_repeated(
    number: int, make_posts: MakePosts, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    report_all(make_posts(5), "ann", "bob")
    monkeypatch.setattr(reports, "POSTS_AT_ONCE", 1)
    with monkeypatch.context() as patch:
        fail_from(number, patch)
        done = dismiss_reports(Post.objects.all(), actor=moderator)
    assert (done.posts, done.reports, done.is_complete) == (number - 1, 2 * (number - 1), False)
    assert states().count("dismissed") == done.reports
    assert AuditEvent.objects.count() == done.posts
    rest = dismiss_reports(Post.objects.all(), actor=moderator)
    assert (rest.reports, rest.is_complete) == (10 - done.reports, True)
    with monkeypatch.context() as patch:
        fail_from(2, patch)
        undone = undo(rest.dismissal, moderator)
    assert (undone.posts, undone.reports, undone.is_complete) == (1, 2, False)
    assert undo(rest.dismissal, moderator).reports == rest.reports - 2


def test_a_database_error_in_a_transaction_of_the_caller_is_raised(
    make_posts: MakePosts, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    report_all(make_posts(1), "ann")
    fail_from(1, monkeypatch)
    with pytest.raises(OperationalError):
        dismiss_reports(Post.objects.all(), actor=moderator)


def queries_of(do: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        do()
    return len(captured)


def test_number_of_queries_does_not_depend_on_the_number_of_reports(
    make_posts: MakePosts, moderator: User
) -> None:
    numbers = set()
    for size in (2, 20):
        report_all(make_posts(size), "ann", "bob")
        done: list[reports.Decision] = []
        numbers.add((
            queries_of(lambda: done.append(dismiss_reports(Post.objects.all(), actor=moderator))),  # noqa: B023
            queries_of(lambda: undo(done[0].dismissal, moderator)),  # noqa: B023
        ))  # fmt: skip
        Post.objects.all().delete()
    assert len(numbers) == 1
