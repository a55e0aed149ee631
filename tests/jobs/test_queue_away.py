"""A queue that is down, or runs tasks immediately, does not affect what was committed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings

from moderation.jobs.scheduler import run_once
from moderation.models import AuditEntry, QueueingLock, Removal
from moderation.removals import delete
from posts.models import Post
from tests.helpers import confirmed, drafted
from tests.services.processes import free_port
from tests.services.queue import IMMEDIATE

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


@pytest.fixture
def queue_is_away() -> Iterator[None]:
    """Send jobs to a Redis that is not running."""
    address = f"redis://127.0.0.1:{free_port()}/0"
    backend = {"default": {"BACKEND": "django_tasks_rq.RQBackend"}}
    with override_settings(TASKS=backend, RQ_QUEUES={"default": {"URL": address}}):
        yield


@pytest.mark.usefixtures("queue_is_away")
def test_a_confirmation_is_answered_as_it_was_committed(
    marked: None, moderator: User, make_posts: MakePosts, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client()
    client.force_login(moderator)
    with override_settings(MODERATION_BATCH_OBJECTS=1):
        draft = drafted(make_posts(3), moderator)
    address = f"/admin/moderation/removal/{draft.pk}/confirm/"
    answer = client.post(address, {"seal": draft.seal, "reason": "spam"})
    assert answer.status_code == 302
    draft.refresh_from_db()
    assert draft.state == "deleting"
    assert "enqueue_deletion" in caplog.text, "the log names what could not be done"
    assert not QueueingLock.objects.exists(), "nothing is queued"


@pytest.mark.usefixtures("queue_is_away")
def test_a_deletion_from_the_shell_is_committed(marked: None, make_posts: MakePosts) -> None:
    (post,) = make_posts(1)
    post.delete()
    assert AuditEntry.objects.count() == 4


@pytest.mark.usefixtures("queue_is_away")
def test_the_scheduler_then_does_the_work(
    marked: None, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    monkeypatch.setattr("moderation.jobs.scheduler.MAX_START_DELAY", timedelta(0))
    with override_settings(MODERATION_BATCH_OBJECTS=1):
        removal = confirmed(drafted(make_posts(3), moderator), moderator)
    while run_once():
        pass
    removal.refresh_from_db()
    assert removal.state == "done"


def test_a_queue_that_runs_tasks_immediately_runs_none_inside_another(
    marked: None, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock, depths = delete._claim, []

    def noting(removal: int) -> Any:
        depths.append(len(inspect.stack(0)))
        return stock(removal)

    monkeypatch.setattr(delete, "_claim", noting)
    backend = {"default": {"BACKEND": IMMEDIATE}}
    with override_settings(TASKS=backend, MODERATION_BATCH_OBJECTS=1):
        removal = confirmed(drafted(make_posts(8), moderator), moderator)
    assert Removal.objects.get(pk=removal.pk).state == "done"
    assert len(depths) == 8
    assert len(set(depths)) == 1
