"""A batch with a database error is retried over some minutes while the others continue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import (
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django.db.models.signals import pre_delete
from django.test import Client, override_settings
from django.utils import timezone

from moderation.jobs.scheduler import run_once
from moderation.lifecycle.removals import retry
from moderation.models import AuditEntry, Removal, RemovalBatch
from moderation.removals import delete
from moderation.removals.delete import LONGEST_PAUSE, delete_next_batch
from moderation.removals.draft import confirm
from posts.models import Post
from tests.helpers import confirmed, drafted
from tests.removals.test_concurrency import Session
from tests.services.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]
TRANSIENT = [OperationalError, InternalError, InterfaceError]
PERMANENT = [IntegrityError, DataError, ProgrammingError, PermissionError, KeyError]


@pytest.fixture
def running(marked: None, moderator: User, make_posts: MakePosts) -> Removal:
    """Return a confirmed removal of three batches with one post each."""
    with override_settings(MODERATION_BATCH_OBJECTS=1):
        return confirmed(drafted(make_posts(3, images=1), moderator), moderator)


@pytest.fixture
def breaks_off() -> Iterator[Callable[[type[Exception]], None]]:
    """Return a function that makes the deletion of the first post fail with an error class."""
    receivers = []

    def connect(error: type[Exception]) -> None:
        first = Post.objects.earliest("pk").pk

        def refuse(instance: Post, **_: Any) -> None:
            if instance.pk == first:
                raise error(13, "the words of it")

        pre_delete.connect(refuse, sender=Post)
        receivers.append(refuse)

    yield connect
    for receiver in receivers:
        pre_delete.disconnect(receiver, sender=Post)


def batch_of(removal: Removal) -> RemovalBatch:
    batch: RemovalBatch = removal.batches.order_by("number")[0]
    return batch


def make_due() -> None:
    RemovalBatch.objects.filter(state="waiting").update(due_at=timezone.now() - timedelta(days=1))


@pytest.mark.parametrize("error", TRANSIENT)
def test_a_batch_waits_while_the_others_continue_and_is_deleted_after_the_error(
    running: Removal, breaks_off: Any, error: type[Error]
) -> None:
    breaks_off(error)
    while run_once(alone=True):
        pass
    batch = batch_of(running)
    assert (batch.state, batch.attempts) == ("waiting", 1)
    assert batch.error == f"{error.__name__}: (13, 'the words of it')"
    assert batch.due_at is not None
    assert Post.objects.count() == 1
    assert running.batches.filter(state="deleted").count() == 2
    pre_delete.receivers.pop()
    pre_delete.sender_receivers_cache.clear()
    while run_once(alone=True):
        pass
    assert Post.objects.count() == 1, "it is not due yet"
    make_due()
    while run_once(alone=True):
        pass
    running.refresh_from_db()
    assert (running.state, Post.objects.count()) == ("done", 0)


def test_a_batch_fails_with_the_reason_after_attempts_over_minutes(
    running: Removal, breaks_off: Any, moderator: User
) -> None:
    breaks_off(OperationalError)
    pauses = []
    while batch_of(running).state == "waiting":
        make_due()
        delete_next_batch(running.pk)
        if (due_at := batch_of(running).due_at) and batch_of(running).state == "waiting":
            pauses.append((due_at - timezone.now()).total_seconds())
    failed = batch_of(running)
    assert (failed.state, failed.error) == ("failed", "OperationalError: (13, 'the words of it')")
    assert pauses == sorted(pauses)
    assert len(pauses) == 7
    assert sum(pauses) > 300
    assert max(pauses) <= LONGEST_PAUSE.total_seconds() + 1
    retry(running, actor=moderator)
    again = batch_of(running)
    assert (again.state, again.attempts, again.due_at, again.error) == ("waiting", 0, None, "")


@pytest.mark.parametrize("error", PERMANENT)
def test_a_permanent_error_fails_the_batch_immediately_with_the_reason(
    running: Removal, breaks_off: Any, error: type[Exception]
) -> None:
    breaks_off(error)
    while delete_next_batch(running.pk):
        pass
    batch = batch_of(running)
    assert batch.state == "failed"
    assert error.__name__ in batch.error
    assert "the words of it" in batch.error
    assert Post.objects.count() == 1


def test_the_page_says_what_waits_and_why(
    running: Removal, breaks_off: Any, client: Client, moderator: User
) -> None:
    breaks_off(OperationalError)
    delete_next_batch(running.pk)
    client.force_login(moderator)
    page = client.get(f"/admin/moderation/removal/{running.pk}/change/").content.decode()
    assert "Posts waiting for another attempt" in page
    assert "OperationalError: (13, &#x27;the words of it&#x27;)" in page


@pytest.mark.parametrize("error", TRANSIENT)
def test_a_confirmation_succeeds_although_the_database_fails_afterwards(
    marked: None, moderator: User, make_posts: MakePosts, monkeypatch: Any, error: type[Error]
) -> None:
    def away(*_: object) -> None:
        raise error("server closed the connection unexpectedly")

    draft = drafted(make_posts(1), moderator)
    monkeypatch.setattr("moderation.removals.delete._claim", away)
    assert not confirm(draft, actor=moderator, seal=draft.seal, reason="spam")
    draft.refresh_from_db()
    assert draft.state == "deleting"
    assert batch_of(draft).attempts == 0, "none was begun"


def ends_idle(pid: int) -> None:
    """Make the server end this session for being idle in its transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 1")
    wait_until_gone(pid)


def is_terminated(pid: int) -> None:
    """End this session as an operator would."""
    Session(lambda: terminate(pid)).result()
    wait_until_gone(pid)


def terminate(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])


def is_gone(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [pid])
        return bool(cursor.fetchone() == (0,))


def wait_until_gone(pid: int) -> None:
    """Wait in another session, so that this one stays idle."""
    wait_until(lambda: Session(lambda: is_gone(pid)).result(), what="the end of the session")


@pytest.mark.skipif(connection.vendor == "sqlite", reason="its sessions are not a server's to end")
@pytest.mark.parametrize("end", [ends_idle, is_terminated])
def test_a_session_that_the_server_ended_takes_one_more_attempt(
    running: Removal, monkeypatch: pytest.MonkeyPatch, end: Callable[[int], None]
) -> None:
    stock, times = delete._delete_locked, []

    def ended(*arguments: Any) -> None:
        times.append(1)
        if len(times) == 1:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                (pid,) = cursor.fetchone()
            end(pid)
        stock(*arguments)

    monkeypatch.setattr(delete, "_delete_locked", ended)
    assert delete_next_batch(running.pk)
    assert batch_of(running).state == "deleted"
    assert len(times) == 2
    assert AuditEntry.objects.filter(removal=running).count() == 2
