"""Every field of the audit log is shown, exported and found, or said not to be, with the reason.

A new field is filled with a value of its own here, so these tests notice it wherever it is missing.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import escape
from django.utils.timezone import localtime

from moderation.export import formats
from moderation.export.resource import COLUMNS, NOT_EXPORTED
from moderation.models import AuditEntry, AuditEvent
from moderation.models.states import EventType
from tests.admin.audit.conftest import entry_of

ENTRY_FIELDS = [field.name for field in AuditEntry._meta.get_fields()]
EVENT_FIELDS = [field.name for field in AuditEvent._meta.get_fields()]

# The fields that the page of an entry or an event does not show, each with the reason.
NOT_ON_ENTRY_PAGE = {
    "id": "people know an entry by its key",
    "actor": "`actor_name` is shown, which outlives the user",
    "row_names": "the purge alone uses it",
    "recheck_at": "the work list of the purge",
    "unused_at": "the work list of the purge",
}
NOT_ON_EVENT_PAGE = {"id": "nothing refers to it", "actor": "`actor_name` is shown"}

# {field: the parameters of the audit log's list that find an entry by a value}
FOUND_BY: dict[str, Callable[[Any], dict[str, str]]] = {
    "key": lambda value: {"q": value[:-1]},
    "sha256": lambda value: {"q": value.upper()},
    "state": lambda value: {"state__exact": value},
    "reason": lambda value: {"reason__exact": value},
    "actor_name": lambda value: {"actor": value},
    "actor": lambda _value: {"actor": "the_actor"},
    "removal": lambda value: {"removal": f"#{value}"},
    "storage": lambda value: {"storage": value},
    "recorded_at": lambda value: {"from": f"{value:%Y-%m-%d}", "to": f"{value:%Y-%m-%d}"},
}
# An index for each of these would be written with every entry; see docs/decisions.md.
NOT_FOUND_BY = {
    "id": "it is in the URL of the entry's page",
    "name": "the key contains it",
    "identity": "the storage is a filter",
    "location": "the storage is a filter",
    "detail": "only as “later check”: entries whose file was found again",
    **dict.fromkeys(("hidden_name", "versions", "row_names"), "technical"),
    **dict.fromkeys(("due_at", "leased_until", "recheck_at", "unused_at"), "technical"),
    **dict.fromkeys(
        ("hidden_at", "erased_at", "in_use_at", "failed_at", "restored_at", "verified_at"),
        "the list is ordered by the time of recording",
    ),
    **dict.fromkeys(
        ("size", "object_label", "object_key", "field", "parent_label", "parent_key", "title",
         "owner", "in_use_reason", "attempts", "error_code", "error"),
        "no index",
    ),
}  # fmt: skip


NEW_YEAR = datetime(2026, 1, 1, 12, tzinfo=UTC)
# A value that no other field has, by the class of the field.
VALUES: dict[type[models.Field], Callable[[str, int], Any]] = {
    models.CharField: lambda name, number: f"{name}-{number}",
    models.TextField: lambda name, number: f"{name}-{number}",
    models.DateTimeField: lambda _name, number: NEW_YEAR + timedelta(days=number),
    models.JSONField: lambda name, number: [f"{name}-{number}"],
    models.UUIDField: lambda _name, number: UUID(int=number),
    models.ForeignKey: lambda _name, number: 7_000 + number,
    models.IntegerField: lambda _name, number: 300 + number,
}


def value_of(field: models.Field, number: int) -> Any:
    """Return a value for a field that no other field has; of its choices, the last one."""
    if field.choices:
        return list(field.flatchoices)[-1][0]
    for field_class, make in VALUES.items():
        if isinstance(field, field_class):
            return make(field.name.replace("_", "-"), number)
    pytest.fail(f"{field.name}: add the class of the field to VALUES")


def values_of(model: type[models.Model], **given: Any) -> dict[str, Any]:
    """Return a value for each field of a model, by its name."""
    fields = [field for field in model._meta.fields if not field.primary_key]
    return {
        field.name: given[field.name] if field.name in given else value_of(field, number)
        for number, field in enumerate(fields)
    }


def made(model: type[models.Model], values: dict[str, Any]) -> Any:
    names = {field.name: field.attname for field in model._meta.fields}
    return model._default_manager.create(**{names[name]: v for name, v in values.items()})


def text_of(field: models.Field, value: Any) -> str:
    """Return the text for a value on a page."""
    match field:
        case models.CharField() if field.choices:
            return str(dict(field.flatchoices)[value])
        case models.DateTimeField():
            return date_format(localtime(value), "DATETIME_FORMAT")
        case models.JSONField():
            return str(next(iter(value.values() if isinstance(value, dict) else value)))
        case models.ForeignKey():
            return f"#{value}"
        case _:
            return str(value)


def labelled(page: str) -> str:
    """Return the part of a page between its title and its end."""
    return page.partition("<h1")[2]


# Labels must name a model; the page shows its name.
ENTRY = values_of(
    AuditEntry, object_label="posts.PostImage", parent_label="posts.Post", sha256="ab" * 32
)
ON_ENTRY_PAGE = {
    name: text_of(AuditEntry._meta.get_field(name), value)  # type: ignore[arg-type] # no reverse
    for name, value in ENTRY.items()
} | {"object_label": "picture", "parent_label": "post", "size": f"{ENTRY['size']}\xa0bytes"}
EVENT = values_of(AuditEvent, details={"note": "details-note"})


@pytest.fixture
def auditor_client(auditor: User, logged_in: Callable[[User], Client]) -> Client:
    return logged_in(auditor)


@pytest.fixture
def entry(db: None) -> AuditEntry:
    found: AuditEntry = made(AuditEntry, ENTRY)
    return found


@pytest.fixture
def entry_page(entry: AuditEntry, auditor_client: Client) -> str:
    url = reverse("admin:moderation_auditentry_change", args=[entry.pk])
    return labelled(auditor_client.get(url).text)


def test_page_of_an_entry_shows_every_field_or_says_why_not(entry_page: str) -> None:
    shown = {name for name, text in ON_ENTRY_PAGE.items() if escape(text) in entry_page}
    missing = set(ENTRY_FIELDS) - shown - set(NOT_ON_ENTRY_PAGE)
    assert not missing, (
        f"add {sorted(missing)} to `fieldsets` in moderation/admin/audit/audit_admin.py, or to "
        "NOT_ON_ENTRY_PAGE with the reason"
    )
    hidden = {name: text for name, text in ON_ENTRY_PAGE.items() if name in NOT_ON_ENTRY_PAGE}
    assert [name for name, text in hidden.items() if text in entry_page] == []


def test_page_of_an_event_shows_every_field_or_says_why_not(auditor_client: Client) -> None:
    event = made(AuditEvent, EVENT)
    url = reverse("admin:moderation_auditevent_change", args=[event.pk])
    page = labelled(auditor_client.get(url).text)
    fields = {name: AuditEvent._meta.get_field(name) for name in EVENT}
    shown = {
        name for name, value in EVENT.items()
        if escape(text_of(fields[name], value)) in page  # type: ignore[arg-type] # no reverse
    }  # fmt: skip
    missing = set(EVENT_FIELDS) - shown - set(NOT_ON_EVENT_PAGE)
    assert not missing, f"show {sorted(missing)} in AuditEventAdmin, or say why not"


def test_fields_without_a_value_are_left_out_of_the_page(auditor_client: Client) -> None:
    entry = entry_of(None, "posts/a.jpg")
    url = reverse("admin:moderation_auditentry_change", args=[entry.pk])
    response = auditor_client.get(url)
    fieldsets = response.context["adminform"].fieldsets
    shown = {name for _title, options in fieldsets for name in options["fields"]}
    empty = {name for name in shown & set(ENTRY_FIELDS) if getattr(entry, name) in ("", None, [])}
    assert empty == set()
    assert "hidden_name" not in shown
    assert "error" not in shown


def test_every_field_of_an_entry_is_exported_or_says_why_not() -> None:
    assert sorted([*COLUMNS, *NOT_EXPORTED]) == sorted(ENTRY_FIELDS), (
        "add the field to COLUMNS or to NOT_EXPORTED in moderation/export/resource.py"
    )
    assert all(NOT_EXPORTED.values())


def exported(entry: AuditEntry, file_format: type) -> bytes:
    file = io.BytesIO()
    list(file_format().write(AuditEntry.objects.filter(pk=entry.pk), file))
    return file.getvalue()


def iso(value: Any) -> Any:
    return f"{value:%Y-%m-%dT%H:%M:%S.%fZ}" if isinstance(value, datetime) else value


@pytest.mark.django_db
@pytest.mark.parametrize("column", COLUMNS)
def test_each_column_of_a_csv_file_has_the_value_of_its_field(
    column: str, entry: AuditEntry
) -> None:
    text = exported(entry, formats.CSV).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert list(row) == list(COLUMNS)
    value = iso({**ENTRY, "id": entry.pk}[column])
    assert row[column] == (json.dumps(value) if isinstance(value, list) else str(value))


@pytest.mark.django_db
@pytest.mark.parametrize("column", COLUMNS)
def test_each_value_of_a_jsonl_file_is_that_of_its_field(column: str, entry: AuditEntry) -> None:
    row = json.loads(exported(entry, formats.JSONLines))
    value = iso({**ENTRY, "id": entry.pk}[column])
    assert row[column] == (str(value) if isinstance(value, UUID) else value)


@pytest.mark.django_db
@pytest.mark.parametrize("name", NOT_EXPORTED)
def test_what_is_not_exported_is_in_no_file(name: str, entry: AuditEntry) -> None:
    text = exported(entry, formats.JSONLines).decode()
    value = ENTRY[name]
    assert name not in json.loads(text)
    assert str(iso(next(iter(value)) if isinstance(value, list) else value)) not in text


def test_every_field_of_an_entry_finds_it_or_says_why_not() -> None:
    assert sorted([*FOUND_BY, *NOT_FOUND_BY]) == sorted(ENTRY_FIELDS), (
        "say how the audit log's list finds an entry by the field: a filter in "
        "moderation/admin/audit/filters.py, the search in search.py, or NOT_FOUND_BY"
    )


@pytest.mark.parametrize("field", FOUND_BY)
def test_entry_is_found_by_each_field_that_can_be_searched(
    field: str, auditor_client: Client
) -> None:
    actor = User.objects.create_user("the_actor")
    given = {**ENTRY, "actor": actor.pk, "storage": "attachments"}
    AuditEvent.objects.create(
        type=EventType.CONFIRM, actor_id=actor.pk, actor_name=given["actor_name"],
        removal_id=given["removal"], details={"reason": given["reason"]},
    )  # fmt: skip
    searched = made(AuditEntry, given)
    entry_of(None, "another", name="another")
    url = reverse("admin:moderation_auditentry_changelist")
    response = auditor_client.get(url, FOUND_BY[field](given[field]))
    assert response.status_code == 200
    assert [entry.pk for entry in response.context["cl"].result_list] == [searched.pk]
