"""Each filter of a queryset selects the rows that its sentence says, whatever else a row holds.

Each is compared with the same sentence in Python, over rows with every combination of what filters
look at. A new filter needs a sentence here.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, models
from django.utils import timezone

from moderation.db import server_time
from moderation.models import AuditEntry, RefusedPicture, Removal, RemovalBatch
from moderation.models.querysets import (
    AuditEntryQuerySet,
    RefusedPictureQuerySet,
    RemovalBatchQuerySet,
    RemovalQuerySet,
)
from moderation.models.states import (
    FOUND_AGAIN,
    WAS_MISSING,
    BatchState,
    EntryState,
    RemovalState,
)

pytestmark = pytest.mark.django_db

Predicate = Callable[[Any, datetime], bool]

# Far enough from now, for a slow machine.
HOUR = timedelta(hours=1)
LEASE = datetime.fromisoformat("2027-01-01T00:00:00+00:00")
IDENTITIES = (None, UUID(int=1), UUID(int=2))
MORE_ENTRIES = 150


def is_free(entry: AuditEntry, now: datetime) -> bool:
    is_leased = entry.leased_until is not None and entry.leased_until >= now
    return entry.state == "pending" and not is_leased


REMOVALS: dict[str, Predicate] = {
    "drafts": lambda removal, _now: removal.state == "draft",
    "deleting": lambda removal, _now: removal.state == "deleting",
    "purging": lambda removal, _now: removal.state == "purging",
    "running": lambda removal, _now: removal.state in ("deleting", "purging"),
}
BATCHES: dict[str, Predicate] = {
    "waiting": lambda batch, _now: batch.state == "waiting",
    "due": lambda batch, now: (
        batch.state == "waiting" and (batch.due_at is None or batch.due_at <= now)
    ),
    "rescheduled": lambda batch, _now: batch.state == "waiting" and batch.attempts > 0,
    "deleted": lambda batch, _now: batch.state == "deleted",
    "failed": lambda batch, _now: batch.state == "failed",
}
ENTRIES: dict[str, Predicate] = {
    "in_storage": lambda entry, _now: (
        entry.storage == "attachments" and entry.identity == IDENTITIES[1]
    ),
    "pending": lambda entry, _now: entry.state == "pending",
    "free": is_free,
    "due": lambda entry, now: is_free(entry, now) and entry.due_at <= now,
    "with_lease": lambda entry, _now: entry.state == "pending" and entry.leased_until == LEASE,
    "in_use": lambda entry, _now: entry.state == "in_use",
    "in_use_by_rows": lambda entry, _now: (
        entry.state == "in_use" and entry.in_use_reason != entry.detail
    ),
    "failed": lambda entry, _now: entry.state == "failed",
    "erased": lambda entry, _now: entry.state == "erased",
    "unverified": lambda entry, _now: entry.state == "erased" and entry.verified_at is None,
    "found_again": lambda entry, _now: entry.state == "erased" and entry.detail == FOUND_AGAIN,
    "missing": lambda entry, _now: entry.detail == WAS_MISSING,
    "not_final": lambda entry, _now: entry.state not in ("erased", "restored"),
    "not_restored": lambda entry, _now: entry.state != "restored",
}
PICTURES: dict[str, Predicate] = {
    "active": lambda picture, now: (
        picture.lifted_at is None and (picture.refused_until is None or picture.refused_until > now)
    ),
    "expired": lambda picture, now: (
        picture.lifted_at is None
        and picture.refused_until is not None
        and picture.refused_until <= now
    ),
    "lifted": lambda picture, _now: picture.lifted_at is not None,
}
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "in_storage": ("attachments", IDENTITIES[1]),
    "with_lease": ([LEASE],),
}
QUERYSETS: dict[type[models.QuerySet], tuple[type[models.Model], dict[str, Predicate]]] = {
    RemovalQuerySet: (Removal, REMOVALS),
    RemovalBatchQuerySet: (RemovalBatch, BATCHES),
    AuditEntryQuerySet: (AuditEntry, ENTRIES),
    RefusedPictureQuerySet: (RefusedPicture, PICTURES),
}


@pytest.mark.parametrize("queryset", QUERYSETS)
def test_each_filter_has_a_sentence_here(queryset: type[models.QuerySet]) -> None:
    model, sentences = QUERYSETS[queryset]
    defined = {name for name in vars(queryset) if not name.startswith("_")}
    assert defined == set(sentences), f"add the filter to the sentences of {model.__name__}"
    assert isinstance(model._default_manager.all(), queryset)


@pytest.mark.parametrize("queryset", QUERYSETS)
def test_each_filter_says_what_it_returns(queryset: type[models.QuerySet]) -> None:
    for name in QUERYSETS[queryset][1]:
        function = getattr(queryset, name)
        assert (function.__doc__ or "").startswith("Return the "), name
        returned = inspect.signature(function).return_annotation
        assert returned == queryset.__name__, f"{name}: a filter can be followed by another"


def make_removals() -> None:
    Removal.objects.bulk_create(
        Removal(model_label="posts.Post", actor_name="a", state=state)
        for state in RemovalState.values * 2
    )


def make_batches(now: datetime) -> None:
    removal = Removal.objects.create(model_label="posts.Post", actor_name="a")
    each = product(BatchState.values, (None, now - HOUR, now + HOUR), (0, 1, 7))
    RemovalBatch.objects.bulk_create(
        RemovalBatch(removal=removal, number=n, state=state, due_at=due_at, attempts=attempts)
        for n, (state, due_at, attempts) in enumerate(each)
    )


def make_entries(now: datetime) -> None:
    """Every state with every lease and due date, and more with random values of all columns."""
    times = (now - HOUR, now + HOUR)
    leases = (None, *times, LEASE)
    made = [
        entry(number, now, state=state, leased_until=lease, due_at=due_at)
        for number, (state, lease, due_at) in enumerate(product(EntryState.values, leases, times))
    ]
    chance = random.Random(7)  # noqa: S311 - the same rows in each run
    made += [
        entry(
            1_000 + number,
            now,
            state=chance.choice(EntryState.values),
            leased_until=chance.choice(leases),
            due_at=chance.choice(times),
            storage=chance.choice(["default", "attachments"]),
            identity=chance.choice(IDENTITIES),
            detail=chance.choice(["", "newer", WAS_MISSING, FOUND_AGAIN]),
            in_use_reason=chance.choice(["", "newer", "a row"]),
            verified_at=chance.choice([None, now]),
        )
        for number in range(MORE_ENTRIES)
    ]
    AuditEntry.objects.bulk_create(made)


def entry(number: int, now: datetime, **given: Any) -> AuditEntry:
    names = {"key": f"key-{number}", "name": f"key-{number}", "storage": "default"}
    owner = {"object_label": "posts.PostImage", "object_key": str(number)}
    return AuditEntry(**{**names, **owner, "recorded_at": now, **given})


def make_refused_pictures(now: datetime) -> None:
    each = product((None, now - HOUR, now + HOUR), (None, now - HOUR))
    RefusedPicture.objects.bulk_create(
        RefusedPicture(sha256=f"{n:064x}", refused_at=now, refused_until=until, lifted_at=lifted_at)
        for n, (until, lifted_at) in enumerate(each)
    )


def make_rows(now: datetime) -> None:
    make_removals()
    make_batches(now)
    make_entries(now)
    make_refused_pictures(now)


@pytest.mark.parametrize(
    ("queryset", "name"),
    [(queryset, name) for queryset, (_model, table) in QUERYSETS.items() for name in table],
)
def test_filter_selects_the_rows_of_its_sentence(
    queryset: type[models.QuerySet], name: str
) -> None:
    now = server_time.now()
    make_rows(now)
    model, sentences = QUERYSETS[queryset]
    rows = model._default_manager.all()
    selected = getattr(rows, name)(*ARGUMENTS.get(name, ()))
    expected = {row.pk for row in rows if sentences[name](row, now)}
    assert {row.pk for row in selected} == expected
    assert 0 < len(expected) < len(rows), "the rows must include some that it selects and others"


@pytest.mark.parametrize(
    ("wider", "narrower"),
    [
        ("pending", "free"), ("free", "due"), ("pending", "with_lease"), ("in_use",
        "in_use_by_rows"), ("erased", "unverified"), ("erased", "found_again"),
    ],
)  # fmt: skip
def test_narrower_filter_selects_only_rows_of_the_wider_one(wider: str, narrower: str) -> None:
    make_entries(server_time.now())
    arguments = ARGUMENTS.get(narrower, ())
    wide = {row.pk for row in getattr(AuditEntry.objects, wider)()}
    narrow = {row.pk for row in getattr(AuditEntry.objects, narrower)(*arguments)}
    assert narrow < wide


@pytest.mark.parametrize("name", ["pending", "in_use", "failed", "erased"])
def test_entry_is_in_at_most_one_of_the_states(name: str) -> None:
    make_entries(server_time.now())
    others = {"pending", "in_use", "failed", "erased"} - {name}
    selected = getattr(AuditEntry.objects, name)()
    assert selected.exists()
    for other in others:
        assert not getattr(selected, other)().exists()


def test_filter_of_storages_tells_no_identity_from_any(db: None) -> None:
    """An entry without an identity belongs to a storage that had none at the time."""
    now = server_time.now()
    make_entries(now)
    for identity in IDENTITIES:
        found = AuditEntry.objects.in_storage("default", identity)
        assert found.exists()
        assert {row.identity for row in found} == {identity}


def test_no_lease_selects_no_entry() -> None:
    make_entries(server_time.now())
    assert not AuditEntry.objects.with_lease([]).exists()


@pytest.mark.parametrize("moment", [-HOUR, HOUR])
def test_due_dates_are_compared_with_the_clock_of_the_database(
    moment: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL, the clock of this machine may be wrong by an hour."""
    now = server_time.now()
    make_entries(now)
    due = set(AuditEntry.objects.due().values_list("pk", flat=True))
    wrong = timezone.now() + 3 * moment
    monkeypatch.setattr(timezone, "now", lambda: wrong)
    shifted = set(AuditEntry.objects.due().values_list("pk", flat=True))
    assert (shifted == due) is (connection.vendor == "postgresql")
