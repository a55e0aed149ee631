"""A database error ends no worker: the scheduler finds what is left to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import (
    DatabaseError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django.test import override_settings

from moderation.jobs import tasks
from moderation.models import Heartbeat, QueueingLock, Removal
from posts.models import Post
from tests.helpers import confirmed, drafted
from tests.services.queue import empty_the_queue

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]
WORK = ("delete_next_batch", "purge_due_files")


def fail_with(error: type[DatabaseError | InterfaceError]) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error("the connection is lost")

    return fail


@pytest.fixture
def removal(marked: None, moderator: User, make_posts: MakePosts) -> Removal:
    """A confirmed removal of two batches."""
    with override_settings(MODERATION_BATCH_OBJECTS=1):
        return confirmed(drafted(make_posts(2), moderator), moderator)


@pytest.mark.parametrize("error", [OperationalError, InternalError, InterfaceError])
def test_a_transient_error_ends_no_task(
    error: type[DatabaseError],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in WORK:
        monkeypatch.setattr(tasks, name, fail_with(error))
    tasks.delete_batch.call(1)
    tasks.purge_files.call()
    logged = [each.getMessage() for each in caplog.records if each.name == tasks.__name__]
    assert logged == [f"Transient database error ({work})." for work in ("removal 1", "purge")]


@pytest.mark.parametrize("error", [OperationalError, InternalError, InterfaceError])
def test_a_task_works_although_its_lock_and_heartbeat_failed(
    error: type[DatabaseError], removal: Removal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QueueingLock, "release", fail_with(error))
    monkeypatch.setattr(Heartbeat, "beat", fail_with(error))
    tasks.delete_batch.call(removal.pk)
    assert Post.objects.count() == 1


def test_a_permanent_error_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in WORK:
        monkeypatch.setattr(tasks, name, fail_with(ProgrammingError))
    with pytest.raises(ProgrammingError):
        tasks.delete_batch.call(1)
    with pytest.raises(ProgrammingError):
        tasks.purge_files.call()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no sessions to end")
@pytest.mark.parametrize("work", WORK)
def test_a_worker_continues_after_the_server_has_ended_its_session(
    work: str, removal: Removal, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_the_queue()
    lost: list[str] = []

    def lose_the_session(*_: Any, **__: Any) -> Any:
        lost.append(work)
        with pytest.raises(OperationalError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return Post.objects.count()  # the next query of the task

    with monkeypatch.context() as patch:
        patch.setattr(tasks, work, lose_the_session)
        tasks.delete_batch.call(removal.pk)
        tasks.purge_files.call()
    assert lost == [work]
    tasks.delete_batch.call(removal.pk)
    assert Post.objects.count() < 2
