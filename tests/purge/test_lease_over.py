"""A worker sends no request after its lease, and does not write to others' entries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.test import override_settings
from django.utils import timezone

from moderation.models import AuditEntry
from moderation.purge import run as batch_module
from moderation.purge.claim import claim, renew
from moderation.purge.results import record_versions, write_outcomes
from moderation.purge.run import purge_due_files
from moderation.storage import (
    FileToErase,
    Outcome,
    Result,
    adapter_for,
    opened_adapter,
    write_identity,
)
from moderation.storage.base import LEASE_EXPIRED, OnVersions
from moderation.storage.lease import Lease, Moment
from tests.helpers import stored
from tests.purge.erasing import erase_with
from tests.testapp.models import Volume
from tests.testapp.storage import ATTACHMENTS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _marked(transactional_db: None) -> None:
    write_identity("attachments")


def deleted(*names: str) -> None:
    """Delete rows with stored files."""
    for name in names:
        Volume.objects.create(text=stored(name, "attachments")).delete()


def taken_over() -> None:
    """Let leases run out and somebody else claim the entries."""
    pending = AuditEntry.objects.filter(state="pending")
    pending.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert claim(10)


@pytest.mark.parametrize("clock", ["time", "clock_gettime"])
def test_whichever_clock_says_more_ends_a_lease(
    clock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A suspended machine's monotonic clock stops; a wall clock may be set back."""
    lease = Lease(300, Moment.now())
    other = {"time": "clock_gettime", "clock_gettime": "time"}[clock]
    real = {name: getattr(time, name) for name in (clock, other)}
    monkeypatch.setattr(time, other, lambda *a: real[other](*a) - 1000)
    assert lease.is_active()
    monkeypatch.setattr(time, clock, lambda *a: real[clock](*a) + 260)
    assert lease.is_active()
    monkeypatch.setattr(time, clock, lambda *a: real[clock](*a) + 301)
    assert not lease.is_active()


def test_a_lease_expires_on_systems_without_a_clock_since_boot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC", "clock_gettime"):  # as on Windows
        monkeypatch.delattr(time, name, raising=False)
    lease = Lease(300, Moment.now())
    assert lease.is_active()
    monkeypatch.setattr(time, "monotonic", lambda real=time.monotonic: real() + 301)
    assert not lease.is_active()


def test_a_lease_is_renewed_from_before_its_renewal_and_never_after_its_end() -> None:
    lease = Lease(10, Moment(time.time() - 8, 0))
    lease.renew(Moment.now())
    assert lease.is_active()
    lease.end()
    lease.renew(Moment.now())
    assert not lease.is_active()


@pytest.mark.parametrize("backend", ["FileSystemStorage", "InMemoryStorage"])
def test_nothing_is_deleted_under_a_lease_that_is_over(backend: str) -> None:
    options = ATTACHMENTS["OPTIONS"] if backend.startswith("File") else {}
    entry = {"BACKEND": f"django.core.files.storage.{backend}", "OPTIONS": options}
    with override_settings(STORAGES={"attachments": entry}):
        for name in ("a", "b"):
            storages["attachments"].save(name, ContentFile(b"x"))
        lease = Lease(300, Moment.now())
        outcomes = adapter_for("attachments").erase(
            [FileToErase("a", lease=lease), FileToErase("b", lease=lease)], lambda _: None
        )
        assert next(outcomes).result is Result.ERASED
        lease.end()
        (late,) = outcomes
        assert (late.result, late.code, late.own) == (Result.FAILED, LEASE_EXPIRED, False)
        assert storages["attachments"].exists("b")


class Suspended:
    """A real adapter whose worker is suspended before it takes its second name."""

    def __init__(self, action: Callable[[], object]) -> None:
        self.real = adapter_for("attachments")
        self.claim_size = self.real.claim_size
        self.action = action

    def erase(self, files: Iterable[FileToErase], note: OnVersions) -> Iterator[Outcome]:
        names = iter(files)
        first, second = next(names), next(names)
        yield from self.real.erase([first], note)
        self.action()
        yield from self.real.erase([second], note)


def wait_past_the_lease(patch: pytest.MonkeyPatch) -> None:
    real = time.time
    patch.setattr(time, "time", lambda: real() + 400)


def test_a_worker_that_wakes_up_after_its_lease_spares_what_was_stored_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another worker took over the keys and erased them, and an upload took a freed name."""
    deleted("a.pdf", "b.pdf")
    uploaded: list[str] = []

    def sleep() -> None:
        AuditEntry.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
        with monkeypatch.context() as patch:
            patch.setattr(batch_module, "opened_adapter", opened_adapter)
            purge_due_files()
        uploaded.extend(stored(name, "attachments") for name in ("a.pdf", "b.pdf"))
        wait_past_the_lease(monkeypatch)

    suspended = Suspended(sleep)
    erase_with(monkeypatch, suspended)
    purge_due_files()
    assert sorted(uploaded) == ["a.pdf", "b.pdf"]
    assert all(storages["attachments"].exists(name) for name in uploaded)
    ends = AuditEntry.objects.order_by("pk").values_list("state", "attempts", "error_code")
    assert list(ends) == [("erased", 1, ""), ("erased", 1, "")]


def test_a_lease_counts_from_before_the_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker is suspended after the entries were leased, but before it knows."""
    deleted("a.pdf", "b.pdf")

    def claim_slowly(*args: Any) -> Any:
        claimed = claim(*args)
        wait_past_the_lease(monkeypatch)
        return claimed

    monkeypatch.setattr(batch_module, "claim", claim_slowly)
    purge_due_files()
    assert all(storages["attachments"].exists(name) for name in ("a.pdf", "b.pdf"))
    assert set(AuditEntry.objects.values_list("state", "attempts")) == {("pending", 0)}


def test_a_lease_counts_from_before_its_renewal(monkeypatch: pytest.MonkeyPatch) -> None:
    deleted("a.pdf", "b.pdf")
    monkeypatch.setattr(batch_module, "OUTCOMES_PER_WRITE", 1)
    monkeypatch.setattr(batch_module, "_half_a_lease_from_now", lambda: 0)

    def renew_slowly(*args: Any) -> Any:
        renewed = renew(*args)
        wait_past_the_lease(monkeypatch)
        return renewed

    monkeypatch.setattr(batch_module, "renew", renew_slowly)
    erase_with(monkeypatch, Suspended(lambda: None))
    purge_due_files()
    assert storages["attachments"].exists("b.pdf")
    ends = AuditEntry.objects.order_by("pk").values_list("state", "attempts")
    assert list(ends) == [("erased", 1), ("pending", 0)]


def test_what_a_late_worker_did_not_ask_for_is_due_again_without_an_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deleted("a.pdf", "b.pdf")
    suspended = Suspended(lambda: wait_past_the_lease(monkeypatch))
    erase_with(monkeypatch, suspended)
    purge_due_files()
    ends = AuditEntry.objects.order_by("pk").values_list("state", "attempts", "leased_until")
    assert list(ends) == [("erased", 1, None), ("pending", 0, None)]


def test_outcomes_go_into_no_entry_that_somebody_took_over() -> None:
    deleted("a.pdf")
    first = claim(10)
    assert first
    taken_over()
    for outcome in (Outcome("a.pdf", Result.ERASED), Outcome("a.pdf", Result.FAILED, "No", "No.")):
        write_outcomes(first.ref, [(outcome, first.entries)], {first.leased_until})
    entry = AuditEntry.objects.get()
    assert (entry.state, entry.attempts, entry.error_code) == ("pending", 0, "")
    assert entry.leased_until != first.leased_until
    assert not record_versions({entry.pk: ["v1"]}, {first.leased_until})
    entry.refresh_from_db()
    assert entry.versions == []


def test_a_renewal_fails_where_somebody_took_over() -> None:
    deleted("a.pdf", "b.pdf")
    first = claim(10)
    assert first
    until, is_ours = renew(first.entries, {first.leased_until})
    assert is_ours
    taken_over()
    now_theirs = AuditEntry.objects.first()
    assert renew(first.entries, {first.leased_until, until})[1] is False
    assert AuditEntry.objects.first().leased_until == now_theirs.leased_until  # type: ignore[union-attr]


def test_nothing_is_sent_after_a_renewal_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    deleted("a.pdf", "b.pdf")
    monkeypatch.setattr(batch_module, "OUTCOMES_PER_WRITE", 1)
    monkeypatch.setattr(batch_module, "_half_a_lease_from_now", lambda: 0)
    suspended = Suspended(taken_over)
    taken: list[bool] = []

    def take_over_first(*args: object) -> object:
        if not taken:
            taken.append(True)
            taken_over()
        return renew(*args)  # type: ignore[arg-type]

    suspended.action = lambda: None
    monkeypatch.setattr(batch_module, "renew", take_over_first)
    erase_with(monkeypatch, suspended)
    purge_due_files()
    assert taken
    left = [name for name in ("a.pdf", "b.pdf") if storages["attachments"].exists(name)]
    assert len(left) == 1
