"""Every transition of a batch and of an audit entry from every state, and those that are refused.

The tables are the whole matrix. A new state or a new transition fails until it is in them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.utils import timezone

from moderation.lifecycle import batches, entries
from moderation.models import AuditEntry, AuditEvent, Removal, RemovalBatch
from moderation.models.states import (
    FINAL_STATES,
    OPEN_STATES,
    BatchState,
    EntryState,
    RemovalState,
)
from tests.lifecycle.rows import (
    REFUSED,
    batch_in,
    entry_in,
    error_of,
    public_functions,
    removal_in,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor(db: None) -> User:
    return User.objects.create_user("mod")


# Transitions of batches: the state that each state becomes, and whether the function reports it.
BATCHES: dict[str, dict[str, str]] = {
    "mark_deleted": {"waiting": "deleted"},  # the caller has locked a waiting batch
    "mark_failed": {"waiting": "failed", "deleted": "deleted", "failed": "failed"},
    "reschedule": {"waiting": "waiting", "deleted": "deleted", "failed": "failed"},
    "retry": {"waiting": "waiting", "deleted": "deleted", "failed": "waiting"},
}
CALL_BATCH: dict[str, Callable[[RemovalBatch], Any]] = {
    "mark_deleted": lambda batch: batches.mark_deleted(batch, deleted=3),
    "mark_failed": lambda batch: batches.mark_failed(batch, error="why"),
    "reschedule": lambda batch: batches.reschedule(batch, pause=timedelta(hours=1), error="why"),
    "retry": lambda batch: batches.retry(batch.removal),
}
BATCH_CASES = [(name, *pair) for name, table in BATCHES.items() for pair in table.items()]


@pytest.mark.parametrize(("transition", "state", "becomes"), BATCH_CASES)
def test_a_batch_changes_its_state_only_as_the_table_says(
    transition: str, state: str, becomes: str, actor: User
) -> None:
    batch = batch_in(state, actor)
    returned = CALL_BATCH[transition](batch)
    batch.refresh_from_db()
    assert batch.state == becomes
    if transition in ("mark_failed", "retry"):
        assert bool(returned) is (state != becomes)
    if transition != "retry":  # the event of a retry is the removal's
        assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("state", BatchState.values)
def test_failed_attempt_is_counted_once_and_only_while_the_batch_waits(
    state: str, actor: User
) -> None:
    batch = batch_in(state, actor)
    for _ in range(2):  # the second call comes from a worker that read the batch before the first
        batches.reschedule(batch, pause=timedelta(hours=1), error="deadlock")
    batch.refresh_from_db()
    assert batch.attempts == (1 if state == "waiting" else 0)
    assert (batch.due_at is not None) is (state == "waiting")
    assert batch.error == ("deadlock" if state == "waiting" else "")


def test_retried_batch_begins_from_scratch(actor: User) -> None:
    failed = batch_in(
        "failed", actor, error="why", attempts=8, due_at=timezone.now(), finished_at=timezone.now()
    )
    assert batches.retry(failed.removal) == 1
    failed.refresh_from_db()
    assert (failed.error, failed.attempts, failed.due_at, failed.finished_at) == ("", 0, None, None)


# Transitions of entries. The functions that mark entries rely on the caller's lock, but a trigger
# refuses to leave a final state whoever calls them.
MARKS = {
    "mark_erased": EntryState.ERASED,
    "mark_failed": EntryState.FAILED,
    "mark_in_use": EntryState.IN_USE,
    "mark_each_in_use": EntryState.IN_USE,
    "reopen": EntryState.PENDING,
}
ENTRIES = {
    **{
        name: {
            str(state): REFUSED if state in FINAL_STATES else str(becomes) for state in EntryState
        }
        for name, becomes in MARKS.items()
    },
    "retry": {str(state): "pending" if state == "failed" else str(state) for state in EntryState},
}
CALL_ENTRY: dict[str, Callable[[AuditEntry], Any]] = {
    "mark_erased": lambda entry: entries.mark_erased(rows(entry), detail="was missing already"),
    "mark_failed": lambda entry: entries.mark_failed(rows(entry), error="why"),
    "mark_in_use": lambda entry: entries.mark_in_use(rows(entry), reason="because " * 100),
    "mark_each_in_use": lambda entry: entries.mark_each_in_use(
        {entry.pk: "because " * 100}, recheck_after=timedelta(hours=1)
    ),
    "reopen": lambda entry: entries.reopen({entry.pk: entry.removal_id}),
    "retry": lambda entry: entries.retry(rows(entry)),
}
ENTRY_CASES = [(name, *pair) for name, table in ENTRIES.items() for pair in table.items()]


def rows(entry: AuditEntry) -> Any:
    return AuditEntry.objects.filter(pk=entry.pk)


@pytest.mark.parametrize(("transition", "state", "becomes"), ENTRY_CASES)
def test_an_entry_changes_its_state_only_as_the_table_says(
    transition: str, state: str, becomes: str
) -> None:
    entry = entry_in(state)
    error = error_of(DatabaseError, lambda: CALL_ENTRY[transition](entry))
    entry.refresh_from_db()
    if becomes == REFUSED:
        assert "an audit entry in a final state cannot be changed" in error
        assert entry.state == state
    else:
        assert (error, entry.state) == ("", becomes)


@pytest.mark.parametrize("transition", MARKS)
@pytest.mark.parametrize("state", [str(state) for state in EntryState if state not in FINAL_STATES])
def test_each_step_of_an_entry_has_its_own_time(transition: str, state: str) -> None:
    entry = entry_in(state)
    CALL_ENTRY[transition](entry)
    entry.refresh_from_db()
    column = {"erased": "erased_at", "failed": "failed_at", "in_use": "in_use_at"}.get(entry.state)
    written = {name for name in ("erased_at", "failed_at", "in_use_at") if getattr(entry, name)}
    assert written == ({column} if column else set())
    assert len(entry.in_use_reason) <= 300


@pytest.mark.parametrize("state", RemovalState.values)
@pytest.mark.parametrize("transition", ["reopen", "retry"])
def test_only_a_removal_that_was_done_returns_to_purging_with_its_file(
    transition: str, state: str, actor: User
) -> None:
    removal = removal_in(state, actor)
    Removal.objects.filter(pk=removal.pk).update(finished_at=timezone.now())
    entry = entry_in("failed" if transition == "retry" else "in_use", key="b", removal=removal)
    CALL_ENTRY[transition](entry)
    removal.refresh_from_db()
    assert removal.state == ("purging" if state == "done" else state)
    assert (removal.finished_at is None) is (state == "done")


def test_reopened_entry_forgets_what_it_waited_for() -> None:
    past = timezone.now() - timedelta(days=1)
    entry = entry_in(
        "in_use", in_use_reason="a row", recheck_at=past, unused_at=past, leased_until=past
    )
    entries.reopen({entry.pk: None})
    entry.refresh_from_db()
    assert (entry.in_use_reason, entry.recheck_at, entry.unused_at, entry.leased_until) == (
        "", None, None, None,
    )  # fmt: skip
    assert list(AuditEntry.objects.due()) == [entry]


def test_name_that_no_storage_accepts_stays_failed() -> None:
    refused, other = entry_in("failed", error_code="BadName"), entry_in("failed", key="b")
    assert entries.retry(AuditEntry.objects.all()) == 1
    for entry in (refused, other):
        entry.refresh_from_db()
    assert (refused.state, other.state) == ("failed", "pending")
    assert other.attempts == 0


def test_nothing_to_reopen_needs_no_query(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        entries.reopen({})


@pytest.mark.parametrize(("module", "table"), [(batches, BATCHES), (entries, ENTRIES)])
def test_every_transition_is_in_a_table(module: Any, table: dict[str, object]) -> None:
    assert public_functions(module) == set(table), "add the new transition, from every state"


def test_every_state_is_in_the_tables() -> None:
    for name, table in BATCHES.items():
        if name != "mark_deleted":
            assert set(table) == set(BatchState.values), name
    for name, entry_table in ENTRIES.items():
        assert set(entry_table) == set(EntryState.values), name
    assert {*OPEN_STATES, *FINAL_STATES, EntryState.IN_USE} == set(EntryState)
    assert not set(OPEN_STATES) & set(FINAL_STATES)
