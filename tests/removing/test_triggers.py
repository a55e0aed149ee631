"""The database itself guards the audit log."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from moderation import triggers
from moderation.checks import check_triggers
from moderation.models import AuditEntry, AuditEvent
from posts.models import Post

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def entry(make_posts: Callable[..., list[Post]]) -> AuditEntry:
    make_posts(1, images=1)[0].delete()
    found = AuditEntry.objects.first()
    assert found
    return found


def refuses(statement: Callable[[], Any]) -> bool:
    try:
        with transaction.atomic():
            statement()
    except DatabaseError:
        return True
    return False


def test_no_entry_can_be_deleted(entry: AuditEntry) -> None:
    assert refuses(entry.delete)
    assert refuses(AuditEntry.objects.all().delete)
    assert refuses(lambda: AuditEntry.objects.all()._raw_delete("default"))
    assert AuditEntry.objects.filter(pk=entry.pk).exists()


@pytest.mark.parametrize("field", [name for name in triggers.IDENTIFYING if name != "recorded_at"])
def test_what_identifies_an_entry_cannot_be_changed(entry: AuditEntry, field: str) -> None:
    value = 7 if field in ("size", "removal_id", "actor_id") else "x"
    rows = AuditEntry.objects.filter(pk=entry.pk)
    assert refuses(lambda: rows.update(**{field: value}))


def test_an_unknown_identity_may_be_filled_in_once(entry: AuditEntry) -> None:
    from uuid import uuid4

    assert entry.identity is None
    rows = AuditEntry.objects.filter(pk=entry.pk)
    rows.update(identity=uuid4())
    assert refuses(lambda: rows.update(identity=uuid4()))
    assert refuses(lambda: rows.update(identity=None))


@pytest.mark.parametrize("final", ["erased", "restored"])
def test_a_final_state_is_final(entry: AuditEntry, final: str) -> None:
    rows = AuditEntry.objects.filter(pk=entry.pk)
    rows.update(state=final)
    for state in ("pending", "hidden", "kept", "failed"):
        assert refuses(partial(rows.update, state=state))


def test_no_event_can_be_changed_or_deleted(db: None) -> None:
    event = AuditEvent.objects.create(kind="export", actor_name="a")
    assert refuses(event.delete)
    assert refuses(lambda: AuditEvent.objects.update(actor_name="b"))


def test_a_missing_trigger_is_reported_and_migrate_makes_it_again(db: None) -> None:
    assert check_triggers(databases=["default"]) == []
    triggers.lift(connection)
    (error,) = check_triggers(databases=["default"])
    assert error.id == "moderation.E007"
    call_command("migrate", verbosity=0)
    assert check_triggers(databases=["default"]) == []


def test_flush_by_an_operator_does_not_empty_the_log(entry: AuditEntry) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("TRUNCATE fires no row trigger; see docs/decisions.md")
    with pytest.raises(Exception, match="flush"):
        call_command("flush", interactive=False, verbosity=0)
    assert AuditEntry.objects.exists()
