"""A file was missing only if no worker had erased it before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone

from moderation.jobs.scheduler import missing_problems, overdue
from moderation.models import AuditEntry
from moderation.purge import run as batch_module
from moderation.purge.run import purge_due_files
from moderation.storage import FileToErase, Outcome, Result
from moderation.storage.base import ERASED_EARLIER, WAS_MISSING, OnVersions, not_sent
from posts.models import Post
from tests.helpers import confirmed, drafted
from tests.purge.erasing import ends, erase_with
from tests.services.audit_log import unguarded

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]

MakePosts = Callable[..., list[Post]]
REFUSED = Outcome("", Result.FAILED, "AccessDenied", "No.")


def erase_and_die(patch: pytest.MonkeyPatch) -> None:
    """Erase the due files as a worker does that dies before it writes the outcomes."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with patch.context() as inner:
        inner.setattr(batch_module, "write_outcomes", die)
        with pytest.raises(KeyboardInterrupt):
            purge_due_files()
    AuditEntry.objects.update(leased_until=timezone.now() - timedelta(seconds=1))


class Failing:
    """An adapter with the same failure for every name."""

    claim_size = 1000

    def __init__(self, failure: Outcome) -> None:
        self.failure = failure

    def erase(self, files: Iterable[FileToErase], _: OnVersions) -> Iterator[Outcome]:
        for file in files:
            yield replace(self.failure, name=file.name)


def fail_once(patch: pytest.MonkeyPatch, failure: Outcome) -> None:
    with patch.context() as inner:
        erase_with(inner, Failing(failure))
        purge_due_files()
    AuditEntry.objects.update(due_at=timezone.now())


def test_what_a_dead_worker_erased_was_not_missing(
    moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)
    erase_and_die(monkeypatch)
    purge_due_files()
    assert ends() == {("erased", ERASED_EARLIER)}


@pytest.mark.parametrize("failure", [not_sent(""), REFUSED], ids=["not sent", "refused"])
def test_what_a_dead_worker_erased_was_not_missing_even_if_the_next_one_failed(
    moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch, failure: Outcome
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)
    erase_and_die(monkeypatch)
    fail_once(monkeypatch, failure)
    purge_due_files()
    assert ends() == {("erased", ERASED_EARLIER)}


@pytest.mark.parametrize("failure", [not_sent(""), REFUSED], ids=["not sent", "refused"])
def test_a_file_that_vanished_after_a_failure_was_missing(
    moderator: User,
    make_posts: MakePosts,
    monkeypatch: pytest.MonkeyPatch,
    failure: Outcome,
    fresh_storage: Path,
) -> None:
    confirmed(drafted(make_posts(1), moderator), moderator)
    fail_once(monkeypatch, failure)
    for entry in AuditEntry.objects.all():
        (fresh_storage / entry.name).unlink()
    purge_due_files()
    assert ends() == {("erased", WAS_MISSING)}


@override_settings(MODERATION_MISSING_ALARM=4)
def test_many_missing_files_at_once_are_an_alarm_and_on_the_page_s_count(
    moderator: User, make_posts: MakePosts, fresh_storage: Path
) -> None:
    posts = make_posts(2)
    removal = confirmed(drafted(posts, moderator), moderator)
    below = [name for name in fresh_storage.iterdir() if name.suffix != ".json"]
    for path in below[:3]:
        path.unlink()
    purge_due_files()
    assert removal.entries.filter(detail=WAS_MISSING).count() == 3
    assert missing_problems() == []
    with unguarded():
        AuditEntry.objects.filter(detail="").update(detail=WAS_MISSING)
    (problem,) = overdue().problems
    assert "8 files" in problem
    assert "default" in problem
    with unguarded():
        AuditEntry.objects.update(erased_at=timezone.now() - timedelta(days=2))
    assert missing_problems() == []
