"""Every transition of a removal from every state: where it leads, and that others are refused.

The table is the whole matrix. A new state or a new transition fails until it is in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User

from moderation import signals
from moderation.db import server_time
from moderation.exceptions import RemovalError
from moderation.lifecycle import removals
from moderation.lifecycle.entries import UNDECIDED
from moderation.models import AuditEvent, Removal
from moderation.models.states import EventType, RemovalState
from tests.lifecycle.rows import (
    REFUSED,
    WORK,
    entry_in,
    error_of,
    public_functions,
    removal_in,
)

pytestmark = pytest.mark.django_db

STATES = ["draft", "deleting", "stopped", "purging", "done", "cancelled", "expired", "undone"]
# (transition, what the removal still has), then the state that each state of STATES becomes. "=":
# it stays as it is. "refused": RemovalError, and it stays as it is.
REMOVALS = """
cancel              a waiting batch  cancelled refused refused refused refused refused refused refused
expire              a waiting batch  expired =         =       =       =       =       =       =
stop                a waiting batch  refused stopped   refused refused refused refused refused refused
stop                a pending file   refused refused   refused refused refused refused refused refused
stop_automatically  a waiting batch  =       stopped   =       =       =       =       =       =
stop_automatically  nothing left     =       stopped   =       =       =       =       =       =
resume              a waiting batch  refused refused   deleting refused refused refused refused refused
retry               a failed batch   =       =         =       deleting deleting =      =       =
retry               a failed file    =       =         =       =       purging =       =       =
retry               a pending file   refused refused   refused refused refused refused refused refused
retry               nothing left     refused refused   refused refused refused refused refused refused
advance             a waiting batch  =       =         =       =       =       =       =       =
advance             a failed batch   =       done      =       done    =       =       =       =
advance             a pending file   =       purging   =       =       =       =       =       =
advance             a failed file    =       done      =       done    =       =       =       =
advance             nothing left     =       done      =       done    =       =       =       =
confirm             nothing left     deleting
"""  # noqa: E501 - a row of the table
# The event that a transition records, and the details in it. The others record none: nobody acted.
EVENTS: dict[str, set[str]] = {
    "confirm": {"reason", "note", "seal", "objects", "files"},
    "stop": set(),
    "resume": set(),
    "retry": {"batches", "entries"},
}
# What starts background jobs.
SENDS = {
    "resume": ["batches_waiting"],
    "retry": ["batches_waiting", "files_due"],
}


def call_removal(transition: str, removal: Removal, actor: User) -> None:
    """Call a transition with what it takes."""
    function: Any = getattr(removals, transition)
    match transition:
        case "cancel":
            function(removal)
        case "expire":
            function([removal.pk])
        case "stop_automatically":
            function(removal.pk, reason="The account is disabled.")
        case "advance":
            function(removal.pk)
        case "confirm":
            function(removal, actor=actor, reason="spam", note="a wave")
        case _:
            function(removal, actor=actor)


class Case(NamedTuple):
    """A transition of a removal that still has some work, and the state that it should have."""

    transition: str
    work: str
    state: str
    becomes: str


def removal_cases() -> list[Any]:
    cases = []
    for line in REMOVALS.strip().splitlines():
        transition, rest = line.split(maxsplit=1)
        work = next(name for name in WORK if rest.startswith(name))
        for state, becomes in zip(STATES, rest.removeprefix(work).split(), strict=False):
            name = f"{transition}-{state}-{work.replace(' ', '-')}"
            cases.append(pytest.param(Case(transition, work, state, becomes), id=name))
    return cases


@pytest.fixture
def actor(db: None) -> User:
    return User.objects.create_user("mod")


@pytest.fixture
def sent() -> Iterator[list[str]]:
    """Return the names of the signals that are sent from now on."""
    names: list[str] = []

    def receive(signal: Any, **_: Any) -> None:
        names.extend(name for name, each in vars(signals).items() if each is signal)

    both = (signals.batches_waiting, signals.files_due)
    for signal in both:
        signal.connect(receive)
    yield names
    for signal in both:
        signal.disconnect(receive)


@pytest.mark.parametrize("case", removal_cases())
def test_a_removal_changes_its_state_only_as_the_table_says(
    case: Case, actor: User, sent: list[str]
) -> None:
    removal = removal_in(case.state, actor, work=case.work)
    error = error_of(RemovalError, lambda: call_removal(case.transition, removal, actor))
    removal.refresh_from_db()
    assert bool(error) is (case.becomes == REFUSED)
    assert removal.state == (case.state if case.becomes in ("=", REFUSED) else case.becomes)
    events = AuditEvent.objects.filter(removal=removal)
    if error:
        assert error.endswith("."), "a sentence for the moderator"
        assert not events.exists()
        assert sent == []
    elif case.transition in EVENTS:
        event = events.get()
        assert (event.type, event.actor_id, event.actor_name) == (case.transition, actor.pk, "mod")
        assert set(event.details) == EVENTS[case.transition]
        assert sent == SENDS.get(case.transition, [])
    else:
        assert not events.exists()
        assert "batches_waiting" not in sent


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("state", RemovalState.values)
@pytest.mark.parametrize("transition", ["cancel", "expire", "stop", "resume", "retry", "advance"])
def test_removal_has_a_time_of_its_end_only_after_its_end(
    transition: str, state: str, work: str, actor: User
) -> None:
    removal = removal_in(state, actor, work=work)
    error_of(RemovalError, lambda: call_removal(transition, removal, actor))
    removal.refresh_from_db()
    has_ended = removal.state != state and removal.state in ("done", "cancelled", "expired")
    assert (removal.finished_at is not None) is has_ended


@pytest.mark.parametrize("transition", ["cancel", "expire"])
@pytest.mark.parametrize("state", RemovalState.values)
def test_only_a_closed_draft_loses_its_batches(transition: str, state: str, actor: User) -> None:
    removal = removal_in(state, actor, work="a waiting batch")
    error_of(RemovalError, lambda: call_removal(transition, removal, actor))
    has_batches = removal.batches.exists()
    # A batch of an expired removal is left over from an `expire` that was interrupted.
    assert has_batches is not (state == "draft" or (transition, state) == ("expire", "expired"))


def test_of_many_removals_only_the_drafts_expire(actor: User) -> None:
    made = [removal_in(state, actor) for state in RemovalState.values]
    assert removals.expire([removal.pk for removal in made]) == 1
    assert removals.expire([removal.pk for removal in made]) == 0
    assert removals.expire([]) == 0


def test_resume_forgets_why_the_removal_was_stopped(actor: User) -> None:
    removal = removal_in("deleting", actor, work="a waiting batch")
    removals.stop(removal, actor=actor)
    removal.refresh_from_db()
    assert removal.stop_reason == "Stopped by mod."
    removals.resume(removal, actor=actor)
    removal.refresh_from_db()
    assert removal.stop_reason == ""


@pytest.mark.parametrize("reason", ["", "short", "long " * 200])
def test_reason_for_stopping_fits_its_column(reason: str, actor: User) -> None:
    removal = removal_in("deleting", actor)
    removals.stop_automatically(removal.pk, reason=reason)
    removal.refresh_from_db()
    assert removal.stop_reason == reason[:300]


@pytest.mark.parametrize("state", ["pending", "in_use"])
def test_only_files_that_waited_for_a_batch_are_due_when_the_last_batch_is_deleted(
    state: str, actor: User, sent: list[str]
) -> None:
    removal = removal_in("deleting", actor)
    soon = server_time.now() + UNDECIDED
    later = soon + timedelta(seconds=50)
    waited = entry_in(state, key="b.jpg", removal=removal, due_at=soon)
    failed_before = entry_in(state, key="c.jpg", removal=removal, due_at=soon, attempts=1)
    reserved = entry_in(state, key="d.jpg", removal=removal, due_at=later)
    removals.advance(removal.pk)
    for entry in (waited, failed_before, reserved):
        entry.refresh_from_db()
    assert (waited.due_at < soon) is (state == "pending")
    assert failed_before.due_at == soon
    assert reserved.due_at == later
    assert sent == (["files_due"] if state == "pending" else [])


def test_every_transition_is_in_the_table() -> None:
    tables = {line.split()[0] for line in REMOVALS.strip().splitlines()}
    assert public_functions(removals) == tables, "add a row for the new transition to REMOVALS"
    assert set(STATES) == set(RemovalState.values), "add a column for the new state to REMOVALS"


def test_every_event_comes_from_a_transition_or_is_recorded_elsewhere() -> None:
    elsewhere = {
        EventType.EXPORT: "moderation.admin.audit.export, and the command export_audit",
        EventType.MARK: "the command mark_storage",
        EventType.UNDO: "there is no undo yet",
        EventType.REFUSE: "moderation.lifecycle.refused_pictures",
        EventType.LIFT: "moderation.lifecycle.refused_pictures",
        EventType.DISMISS: "posts.reports",
        EventType.REOPEN: "posts.reports",
        EventType.DISABLE: "posts.removed_authors",
        EventType.ENABLE: "posts.removed_authors",
    }
    assert set(EVENTS) | {str(event) for event in elsewhere} == set(EventType.values)
