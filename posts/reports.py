"""What happens to reports: users file them, moderators dismiss them, and removals uphold them.

Rows are locked in one order everywhere, so that none of these deadlocks with another: users, then
posts, then reports, each in the order of their keys. A removal has locked its users and posts
before it calls `uphold`.

A report about a removed post is upheld, even if it was dismissed before: the later decision counts.
"""

from __future__ import annotations

import logging
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from tempfile import TemporaryFile
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AbstractUser
from django.db import Error, close_old_connections, connections, router, transaction
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.utils import timezone

from moderation.db import server_time
from moderation.db.bulk_insert import insert
from moderation.db.errors import TRANSIENT
from moderation.db.rows import all_rows
from moderation.db.server_time import DatabaseNow
from moderation.models import AuditEvent, Removal
from moderation.models.states import EventType
from moderation.removals.selection import selected_keys
from posts.models import Post, Report, ReportState, UpheldReports
from posts.reported_posts import open_reports
from posts.seen_reports import SeenReports

T = TypeVar("T")
logger = logging.getLogger(__name__)

# The most posts and reports that one transaction locks.
POSTS_AT_ONCE = REPORTS_AT_ONCE = 2_000
MOST_KEYS = 20  # of posts, recorded in an event
KEY_BYTES = 8  # size of a post's key in the temporary file
TRIES = 3  # attempts at a transaction that fails with a transient error, such as a deadlock
REOPENED: dict[str, Any] = {
    "state": ReportState.OPEN,
    "decided_by": "",
    "decided_at": None,
    "dismissal": None,
    "reopened_at": DatabaseNow(),
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What a dismissal changed, or undoing it. `dismissal` identifies the dismissal.

    If `is_complete` is false, a database error stopped it before the last report. `unseen` is the
    number of reports that stay open because the user had not seen them.
    """

    dismissal: UUID
    posts: int = 0
    reports: int = 0
    is_complete: bool = True
    unseen: int = 0


def file_report(post: Post, reporter: AbstractBaseUser, reason: str = "") -> Report:
    """Report a post, and return the report. The site's own page calls this.

    If the reporter's earlier report was dismissed, it is reopened with the new reason and time; if
    it is still open, it stays as it is. Raises ValidationError for a reason that is too long, and
    DoesNotExist if the post or the reporter has been removed.
    """
    reason = Report._meta.get_field("reason").clean(reason, None)
    with transaction.atomic():
        # Locked first, because the row that is inserted refers to them.
        all_rows(get_user_model()).select_for_update(no_key=True).get(pk=reporter.pk)
        all_rows(Post).select_for_update(no_key=True).get(pk=post.pk)
        reports = Report.objects.select_for_update()
        report, is_new = reports.get_or_create(
            post_id=post.pk, reporter_id=reporter.pk, defaults={"reason": reason}
        )
        if not is_new and report.state == ReportState.DISMISSED:
            changes = {**REOPENED, "reason": reason, "created_at": timezone.now()}
            Report.objects.filter(pk=report.pk).update(**changes)
            report.refresh_from_db()  # the database has set the time, and generates a column
    return report


def dismiss_reports(
    posts: QuerySet[Post], *, actor: AbstractUser, seen: SeenReports | None = None
) -> Decision:
    """Dismiss the open reports of posts, a bounded number in each transaction.

    Each transaction records an event. Only the reports that the actor has `seen` are dismissed; if
    it is None, those that exist now. Reports that are filed or reopened later stay open. Raises
    CannotFreeze for posts in another database than that of the audit log.
    """
    arrived_since = (seen or SeenReports.now()).arrived_since
    dismissal, keys = uuid4(), selected_keys(posts)
    unseen = open_reports().filter(arrived_since, post__in=keys).count() if seen else 0
    reports = open_reports().exclude(arrived_since)
    changes = {
        "state": ReportState.DISMISSED,
        "decided_by": actor.get_username(),
        "decided_at": server_time.now(),
        "dismissal": dismissal,
    }
    change = _Change(EventType.DISMISS, actor, dismissal, reports, changes)
    done = change.apply(keys.filter(Exists(reports.filter(post=OuterRef("pk")))))
    return replace(done, unseen=unseen)


def undo_dismissal(dismissal: UUID, *, posts: QuerySet[Post], actor: AbstractUser) -> Decision:
    """Reopen the reports of a dismissal that have not changed since and are about these posts.

    Each transaction changes a bounded number and records an event, as in `dismiss_reports`.
    """
    reports = Report.objects.filter(dismissal=dismissal)
    keys = posts.filter(pk__in=reports.values("post")).order_by("pk")
    change = _Change(EventType.REOPEN, actor, dismissal, reports, REOPENED)
    return change.apply(keys.values_list("pk", flat=True))


def uphold(reports: QuerySet[Report], *, removal: Removal, using: str) -> None:
    """Add reports that a removal is about to delete with their posts to the reporters' records.

    Call this in the transaction that has locked the posts, after locking the reports.
    """
    numbers = reports.order_by().values_list("reporter").annotate(number=Count("pk"))
    rows = [{"reporter_id": reporter, "number": number} for reporter, number in numbers]
    if rows:
        insert(UpheldReports, rows, same={"removal_number": removal.pk}, using=using)


def lock_rows(rows: QuerySet[Any]) -> list[Any]:
    """Lock rows in the order of their keys, but let other rows refer to them; return the keys."""
    locked = rows.order_by("pk").select_for_update(of=("self",), no_key=True)
    return list(locked.values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of reports by a moderator, and the event that it is recorded as."""

    event: EventType
    actor: AbstractUser
    dismissal: UUID
    reports: QuerySet[Report]
    values: dict[str, Any]

    def apply(self, keys: QuerySet[Any, Any]) -> Decision:
        """Change the reports of posts with these keys, which are ordered; return the numbers.

        A database error that persists is logged, and ends the change early. Inside the caller's
        transaction, it is raised instead.
        """
        numbers: Counter[str] = Counter()
        connection, is_complete = connections[router.db_for_write(Report)], True
        try:
            for page in _pages(keys):
                self._apply_to_page(page, numbers)
        except Error:
            if connection.in_atomic_block:
                raise
            connection.close_if_unusable_or_obsolete()
            logger.exception("The event %s of dismissal %s failed.", self.event, self.dismissal)
            is_complete = False
        return Decision(self.dismissal, numbers["posts"], numbers["reports"], is_complete)

    def _apply_to_page(self, page: set[int], numbers: Counter[str]) -> None:
        """Change the reports of a page of posts; add the numbers of changed reports and posts."""
        posts: set[int] = set()
        changed = None
        while changed is None or len(changed) == REPORTS_AT_ONCE:
            changed = _with_retries(partial(self._apply_once, page))
            numbers["reports"] += len(changed)
            numbers["posts"] += len(set(changed) - posts)
            posts |= set(changed)

    def _apply_once(self, keys: set[int]) -> list[int]:
        """Change as many reports as one transaction may; return the post of each."""
        with transaction.atomic():
            posts = set(lock_rows(all_rows(Post).filter(pk__any_of=keys)))
            found = self.reports.filter(post__any_of=posts).order_by("pk").select_for_update()
            rows = dict(found.values_list("pk", "post")[:REPORTS_AT_ONCE])
            if rows:
                Report.objects.filter(pk__any_of=set(rows)).update(**self.values)
                self._record(rows)
        return list(rows.values())

    def _record(self, rows: dict[int, int]) -> None:
        """Record the event about these reports: {key of the report: key of its post}."""
        posts = sorted(set(rows.values()))
        details = {
            "model": Post._meta.label,
            "objects": len(posts),
            "keys": [str(key) for key in posts[:MOST_KEYS]],
            "reports": len(rows),
            "dismissal": str(self.dismissal),
        }
        AuditEvent.record(self.event, actor=self.actor, details=details)


def _pages(keys: QuerySet[Any, Any]) -> Iterator[set[int]]:
    """Yield keys of posts in their order, a page at a time. Reads them all before the first page.

    They are kept in a file: a filter may depend on reports, so changing the reports of one page
    could change which posts the next query finds.
    """
    page: list[int]
    with TemporaryFile() as file:
        last = 0
        while page := _with_retries(partial(list, keys.filter(pk__gt=last)[:POSTS_AT_ONCE])):
            last = page[-1]
            file.write(array("q", page))
        file.seek(0)
        while content := file.read(POSTS_AT_ONCE * KEY_BYTES):
            yield set(array("q", content))


def _with_retries(change: Callable[[], T]) -> T:
    """Run a transaction and return its result. Retry it after a transient error.

    Inside the caller's transaction, the error is raised, because that cannot be retried here.
    """
    for _ in range(TRIES - 1):
        try:
            return change()
        except TRANSIENT:
            if connections[router.db_for_write(Report)].in_atomic_block:
                raise
            close_old_connections()  # closes a broken one; the next query opens a new one
    return change()
