"""The stored files of rows, as plain data that can be compared, digested and written down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from django.db.models import Model

from moderation.registry import (
    Registration,
    registration_by_label,
    storage_alias,
)


class StoredFile(NamedTuple):
    """One file in one storage, and the row that owns it. `field` is empty for an extra file.

    A named tuple, since a removal makes and compares hundreds of thousands of them.
    """

    label: str
    key: Any
    field: str
    storage: str
    name: str


def files_in_columns(
    registration: Registration, rows: Iterable[Mapping[str, Any]]
) -> Iterator[StoredFile]:
    """The files that the columns of a page of rows name; a row maps "pk" and each file field."""
    label = registration.model._meta.label
    places = [(field.name, storage_alias(field)) for field in registration.fields]
    for row in rows:
        for field, alias in places:
            if name := row[field]:
                yield StoredFile(label, row["pk"], field, alias, str(name))


def extra_files(registration: Registration, rows: list[Any]) -> Iterator[StoredFile]:
    """The files of a page of rows that no field names, as the registration's function tells."""
    if registration.extra_files is None:
        return
    for row, storage, name in registration.extra_files(rows):
        if name:
            yield StoredFile(registration.model._meta.label, row.pk, "", storage, name)


def files_of(registration: Registration, instance: Model) -> list[StoredFile]:
    """Every file of one row. Reads names alone: no file is opened, no storage asked."""
    names = {field.name: _name_in(instance, field.attname) for field in registration.fields}
    return [
        *files_in_columns(registration, [{"pk": instance.pk, **names}]),
        *extra_files(registration, [instance]),
    ]


def _name_in(instance: Model, attname: str) -> str:
    """The stored name in a file field; asked of a fresh row without making a FieldFile of it."""
    value = instance.__dict__.get(attname) or getattr(instance, attname)
    return str(value or "")


def details_of(files: Iterable[StoredFile], *, using: str) -> dict[StoredFile, dict[str, Any]]:
    """What the registrations tell of the rows that own these files; see `Registration.details`.

    One query a model, whatever the number of files.
    """
    by_label: dict[str, list[StoredFile]] = defaultdict(list)
    for file in files:
        by_label[file.label].append(file)
    details: dict[StoredFile, dict[str, Any]] = {}
    for label, owned in by_label.items():
        keys = list({file.key for file in owned})
        told = registration_by_label(label).details(keys, using=using)
        details.update((file, told.get(file.key, {})) for file in owned)
    return details
