"""The page of a confirmed removal: its texts, and the actions on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from moderation.models import AuditEntry, AuditEvent, Heartbeat, Removal, StorageIdentity
from moderation.models.states import WAS_MISSING, BatchState, EntryState, RemovalState
from moderation.removals.delete import delete_next_batch
from moderation.removals.draft import confirm
from posts.models import Post, PostImage
from tests.admin.conftest import browser_of, drafted, make_user, page_of, words
from tests.services.audit_log import unguarded

MakePosts = Callable[..., list[Post]]


@pytest.fixture
def running(moderator: User, make_posts: MakePosts, settings: Any) -> Removal:
    """A removal of three batches, of which one is deleted."""
    settings.MODERATION_BATCH_OBJECTS = 2
    removal = drafted(make_posts(6), moderator)
    assert not confirm(removal, actor=moderator, seal=removal.seal, reason="abuse")
    delete_next_batch(removal.pk)
    return removal


def html(client: Client, removal: Removal, page: str = "change") -> str:
    response = client.get(page_of(removal, page))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def state(removal: Removal) -> str:
    removal.refresh_from_db()
    return removal.state


def finish(removal: Removal) -> None:
    while delete_next_batch(removal.pk):
        pass


def end(removal: Removal, **changes: Any) -> None:
    """Bring a removal's entries to an end, as a purge does, and close it."""
    AuditEntry.objects.filter(removal=removal).update(**changes)
    Removal.objects.filter(pk=removal.pk).update(
        state=RemovalState.DONE, finished_at=timezone.now()
    )


def test_a_running_removal_shows_its_progress_and_polls(client: Client, running: Removal) -> None:
    for page in ("change", "progress"):
        content = html(client, running, page)
        assert "2 of 6 posts deleted" in content
        assert "0 of 12 files erased" in content
        assert "data-running" in content
    assert 'http-equiv="refresh"' in html(client, running)


def test_a_finished_removal_does_not_poll(client: Client, running: Removal) -> None:
    finish(running)
    end(running, state=EntryState.ERASED)
    content = html(client, running)
    assert "Everything that was confirmed has been removed" in content
    assert "12 of 12 files erased" in content
    assert "data-running" not in content
    assert 'http-equiv="refresh"' not in content


def test_the_page_links_to_its_audit_entries(client: Client, running: Removal) -> None:
    link = f"/admin/moderation/auditentry/?removal={running.pk}"
    assert link in html(client, running)
    assert client.get(link).status_code == 200


def test_changed_and_already_deleted_objects_are_named(client: Client, running: Removal) -> None:
    changed, gone = Post.objects.order_by("pk")[:2]
    PostImage.objects.create(
        post=changed, image="new.jpg", thumbnail="new.webp", size=1, width=1, height=1
    )
    gone_key = gone.pk
    gone.delete()
    finish(running)
    content = html(client, running)
    assert "Not deleted, because they changed after the confirmation" in content
    assert changed.title in content
    assert f"Posts already removed by someone else </h2> <p> {gone_key}" in content


def test_files_in_use_are_listed_with_the_reason(client: Client, running: Removal) -> None:
    finish(running)
    end(running, state=EntryState.IN_USE, in_use_reason="used by posts.PostImage 7")
    content = html(client, running)
    assert "files stay because they are still in use. See below." in content
    assert "used by posts.PostImage 7" in content


def test_failed_files_are_listed_with_the_storages_error_and_retried(
    client: Client, running: Removal
) -> None:
    finish(running)
    end(running, state=EntryState.FAILED, error_code="AccessDenied", error="No delete for you")
    content = html(client, running)
    assert "No delete for you (AccessDenied)." in content
    client.post(page_of(running, "retry"))
    assert state(running) == RemovalState.PURGING
    assert set(AuditEntry.objects.values_list("state", flat=True)) == {EntryState.PENDING}
    assert AuditEvent.objects.filter(type="retry", actor=running.actor).count() == 1


def test_failed_batches_are_listed_with_the_error_and_retried(
    client: Client, running: Removal
) -> None:
    running.batches.filter(state=BatchState.WAITING).update(
        state=BatchState.FAILED, error="A trigger said no <b>"
    )
    content = html(client, running)
    assert "2 posts: A trigger said no &lt;b&gt;" in content
    client.post(page_of(running, "retry"))
    assert running.batches.filter(state=BatchState.WAITING).count() == 2


def test_the_summary_names_failed_batches_and_files_in_one_sentence_each(
    client: Client, running: Removal
) -> None:
    running.batches.filter(state=BatchState.WAITING).update(state=BatchState.FAILED)
    end(running, state=EntryState.FAILED)
    text = "Finished, but 2 batches could not be deleted. 4 files could not be erased. See below."
    assert text in html(client, running)


def test_one_post_and_one_file_are_in_the_singular(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    removal = drafted(make_posts(1), moderator)
    removal.batches.update(state=BatchState.DELETED, deleted_total=1)
    Removal.objects.filter(pk=removal.pk).update(
        state=RemovalState.PURGING, confirmed_at=timezone.now(), files_total=1
    )
    content = html(client, removal)
    assert "1 of 1 post deleted" in content
    assert "0 of 1 file erased" in content
    assert "The post is deleted. Its files are being erased. You may leave" in content


def test_stop_and_continue(client: Client, moderator: User, running: Removal) -> None:
    client.post(page_of(running, "stop"))
    assert state(running) == RemovalState.STOPPED
    assert "Stopped by mod." in html(client, running)
    client.post(page_of(running, "resume"))
    assert state(running) == RemovalState.DELETING


def test_an_action_that_is_not_possible_shows_a_message(client: Client, running: Removal) -> None:
    response = client.post(page_of(running, "resume"), follow=True)
    assert "The removal is no longer stopped." in response.content.decode()


def test_who_manages_removals_may_stop_those_of_others(running: Removal) -> None:
    manager = make_user("manager", codes=("manage_removal",))
    assert page_of(running, "stop") in html(browser_of(manager), running)
    browser_of(manager).post(page_of(running, "stop"))
    assert state(running) == RemovalState.STOPPED


def test_who_only_reads_has_no_buttons_and_may_not_use_them(
    auditor: User, other: User, running: Removal
) -> None:
    assert page_of(running, "stop") not in html(browser_of(auditor), running)
    assert browser_of(auditor).post(page_of(running, "stop")).status_code == 403
    assert browser_of(other).post(page_of(running, "stop")).status_code == 404
    assert state(running) == RemovalState.DELETING


def test_a_draft_has_no_progress(client: Client, moderator: User, make_posts: MakePosts) -> None:
    removal = drafted(make_posts(1), moderator)
    assert client.get(page_of(removal, "progress")).status_code == 404


def test_a_confirmed_draft_cannot_be_changed_any_more(client: Client, running: Removal) -> None:
    for action in ("confirm", "exclude", "cancel"):
        response = client.post(page_of(running, action), words(running))
        assert response.status_code == 302
    assert state(running) == RemovalState.DELETING
    assert Post.objects.count() == 4


def test_the_page_says_when_no_worker_runs(client: Client, running: Removal) -> None:
    assert "The background worker is not running" in html(client, running)
    Heartbeat.beat("worker")
    assert "The background worker is not running" not in html(client, running)


def test_the_list_shows_ones_own_and_to_some_those_of_others(
    client: Client, moderator: User, other: User, auditor: User, make_posts: MakePosts
) -> None:
    address = "/admin/moderation/removal/"
    assert "No removals yet" in client.get(address).content.decode()
    draft = drafted(make_posts(1), moderator)
    assert f">{draft}<" in client.get(address).content.decode()
    for user in (other, auditor):
        assert f">{draft}<" not in browser_of(user).get(address).content.decode()
    client.post(page_of(draft, "confirm"), words(draft))
    assert f">{draft}<" in browser_of(auditor).get(address).content.decode()
    assert f">{draft}<" not in browser_of(other).get(address).content.decode()


def test_waiting_files_are_listed_with_the_reason(client: Client, running: Removal) -> None:
    assert "Why files are waiting" not in html(client, running)
    AuditEntry.objects.filter(removal=running).update(
        attempts=2, error_code="SlowDown", error="<b>later</b>"
    )
    StorageIdentity.objects.create(
        alias="default", environment="test", problem="Storage default holds no marker"
    )
    page = html(client, running)
    assert "The storage reported: &lt;b&gt;later&lt;/b&gt; (SlowDown)." in page
    assert "Storage default holds no marker" in page


def test_files_that_were_missing_are_counted(client: Client, running: Removal) -> None:
    finish(running)
    end(running, state=EntryState.ERASED, erased_at=timezone.now())
    assert "already missing" not in html(client, running)
    some = AuditEntry.objects.filter(removal=running).order_by("pk").values("pk")[:3]
    with unguarded():
        AuditEntry.objects.filter(pk__in=list(some.values_list("pk", flat=True))).update(
            detail=WAS_MISSING
        )
    assert "3 were already missing" in html(client, running)
    assert "3 were already missing" in html(client, running, "progress")


def test_keys_of_a_failed_request_say_why_they_wait(client: Client, running: Removal) -> None:
    finish(running)
    AuditEntry.objects.update(error_code="AccessDenied", error="Not this bucket.")
    assert "Not this bucket (AccessDenied)." in html(client, running)
