"""Dismissals beside removals of the same posts and reporters: no report is lost or counted twice.

DISMISSAL_ROUNDS makes it longer: see `make faults`.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.db.models import Sum
from django.test import override_settings

from moderation.models import AuditEvent, Removal, RemovalBatch
from moderation.removals.delete import delete_next_batch
from posts import reports
from posts.models import Post, Report, UpheldReports
from posts.reports import dismiss_reports, file_report, undo_dismissal
from tests.helpers import confirmed, drafted
from tests.posts.reporters import user

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = int(os.environ.get("DISMISSAL_ROUNDS", "40"))
POSTS = 4  # of each author
REPORTERS = ("ann", "bob", "cid", "leaver")
FIRST_KEY = 1_000_000  # of the reports; later ones have smaller keys
AT_ONCE = 3  # posts and reports in a transaction, so that many transactions meet
LATEST_START = 0.02  # seconds; a removal of this size takes a little longer


@dataclass
class Site:
    """Reported posts: some are removed, some are removed with their author, and some stay."""

    moderator: User
    removed: list[Post] = field(default_factory=list)
    with_author: list[Post] = field(default_factory=list)
    staying: list[Post] = field(default_factory=list)
    late: list[Report] = field(default_factory=list)

    def fill(self) -> tuple[Removal, Removal]:
        """Create the posts and their reports; return the drafts of posts, and of users."""
        spammer, author, regular = map(user, ("spammer", "author", "regular"))
        pages = [posts_of(each) for each in (spammer, author, regular)]
        self.removed, self.with_author, self.staying = pages
        every = [post for page in pages for post in page]
        filed = [
            Report(pk=FIRST_KEY + n, post=post, reporter=user(name))
            for n, (name, post) in enumerate(product(REPORTERS, every))
        ]
        # Shuffled, so that a statement without an order does not lock them by their keys.
        random.shuffle(filed)
        Report.objects.bulk_create(filed)
        users = list(User.objects.filter(username__in=("author", "leaver")))
        return drafted(self.removed, self.moderator), drafted(users, self.moderator)

    def remove(self, draft: Removal) -> None:
        removal = confirmed(draft, self.moderator)
        while delete_next_batch(removal.pk):
            pass

    def dismiss(self) -> None:
        dismiss_reports(Post.objects.all(), actor=self.moderator)

    def dismiss_and_undo(self) -> None:
        done = dismiss_reports(Post.objects.all(), actor=self.moderator)
        undo_dismissal(done.dismissal, posts=Post.objects.all(), actor=self.moderator)
        self.dismiss()

    def report(self) -> None:
        """Report posts while they are removed, and reopen reports while they are dismissed."""
        ann, late = User.objects.get(username="ann"), User.objects.get(username="late")
        for post in random.sample([*self.removed, *self.with_author, *self.staying], 6):
            for reporter in (ann, late):
                try:
                    self.late.append(file_report(post, reporter))
                except Post.DoesNotExist:
                    continue


def posts_of(author: User) -> list[Post]:
    return Post.objects.bulk_create(Post(author=author, title=f"{n}") for n in range(POSTS))


def in_parallel(*work: Callable[[], None]) -> None:
    """Call all functions in threads that start at nearly the same time; raise the first error."""
    start = Barrier(len(work))

    def run(do: Callable[[], None], delay: float) -> None:
        try:
            start.wait()
            time.sleep(delay)
            do()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(work)) as pool:
        delays = [random.uniform(0, LATEST_START) for _ in work]  # noqa: S311
        running: list[Future[None]] = [
            pool.submit(run, *each) for each in zip(work, delays, strict=True)
        ]
    for each in running:
        each.result()


def deadlocks() -> int:
    """Return how many deadlocks PostgreSQL has resolved in this database."""
    if connection.vendor == "sqlite":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def expected_upheld(site: Site) -> Counter[str]:
    """Return the upheld reports by users who stay: all about removed posts, filed in time."""
    gone = {post.pk for post in (*site.removed, *site.with_author)}
    expected = Counter(name for _post in gone for name in REPORTERS if name != "leaver")
    late = {report.post_id for report in site.late if report.reporter.username == "late"}
    return expected + Counter({"late": len(late & gone)})


def check(site: Site) -> None:
    assert set(Post.objects.all()) == set(site.staying)
    found = UpheldReports.objects.values_list("reporter__username").annotate(Sum("number"))
    assert Counter(dict(found)) == expected_upheld(site)
    rows = Report.objects.select_related("reporter")
    late = {(report.post_id, report.reporter_id) for report in site.late}
    kept = {(report.post_id, report.reporter.username) for report in rows}
    assert {name for _post, name in kept} <= {"ann", "bob", "cid", "late"}
    assert len([name for _post, name in kept if name != "late"]) == 3 * POSTS
    for report in rows:
        if (report.post_id, report.reporter_id) not in late:
            assert report.state == "dismissed", "each other report is dismissed, and once"
        assert (report.state == "dismissed") == (report.dismissal is not None)
        if report.decided_at and report.reopened_at:
            assert report.reopened_at <= report.decided_at, "what is reopened later stays open"


def check_events(site: Site) -> None:
    """Check that the events account for all reports that are dismissed now."""
    numbers: Counter[str] = Counter()
    for event_type, details in AuditEvent.objects.values_list("type", "details"):
        if event_type in ("dismiss", "reopen"):
            numbers[event_type] += details["reports"]
    most = numbers["dismiss"] - numbers["reopen"]
    assert most >= Report.objects.filter(state="dismissed").count()


@pytest.mark.parametrize("number", range(ROUNDS))
def test_each_report_is_either_upheld_or_dismissed(
    number: int, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    random.seed(number)
    monkeypatch.setattr(reports, "POSTS_AT_ONCE", AT_ONCE)
    monkeypatch.setattr(reports, "REPORTS_AT_ONCE", AT_ONCE)
    moderator.is_superuser = True
    moderator.save()
    user("late")
    before = deadlocks()
    with override_settings(MODERATION_BATCH_OBJECTS=AT_ONCE):
        site = Site(moderator)
        of_posts, of_users = site.fill()
        in_parallel(
            lambda: site.remove(of_posts),
            lambda: site.remove(of_users),
            site.dismiss,
            site.dismiss_and_undo,
            site.report,
        )
    errors = RemovalBatch.objects.exclude(state="deleted").values_list("state", "error")
    assert list(errors) == []
    assert deadlocks() == before
    check(site)
    check_events(site)
