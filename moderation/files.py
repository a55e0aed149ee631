"""The stored files of rows, as plain data that can be compared, digested and written down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from django.db.models import FileField, Model

from moderation.registry import (
    Registration,
    Relatives,
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


def files_of(
    registration: Registration, instance: Model, alias_of: Callable[[FileField], str]
) -> list[StoredFile]:
    """Every file of one row. Reads names alone: no file is opened, no storage asked.

    `alias_of` tells the storage of a field; a caller with many rows gives one that remembers.
    """
    label, key = registration.model._meta.label, instance.pk
    return [
        *(
            StoredFile(label, key, field.name, alias_of(field), name)
            for field in registration.fields
            if (name := _name_in(instance, field.attname))
        ),
        *extra_files(registration, [instance]),
    ]


def _name_in(instance: Model, attname: str) -> str:
    """The stored name in a file field; asked of a fresh row without making a FieldFile of it."""
    value = instance.__dict__.get(attname) or getattr(instance, attname)
    return str(value or "")


def known_details(files: Iterable[StoredFile], *, using: str) -> dict[Relatives, dict[str, Any]]:
    """What `Registration.details_by_relatives` tells of the rows that own these files."""
    told: dict[Relatives, dict[str, Any]] = {}
    for registration, keys in _owners(files):
        rows = registration.model._base_manager.using(using).filter(pk__any_of=set(keys))
        told |= registration.details_by_relatives(rows, using=using)
    return told


def _owners(files: Iterable[StoredFile]) -> Iterator[tuple[Registration, list[Any]]]:
    keys: dict[str, dict[Any, None]] = defaultdict(dict)
    for file in files:
        keys[file.label][file.key] = None
    return ((registration_by_label(label), list(owning)) for label, owning in keys.items())


def details_of(files: Iterable[StoredFile], *, using: str) -> dict[StoredFile, dict[str, Any]]:
    """What the registrations tell of the rows that own these files; see `Registration.details`.

    One query a model, whatever the number of files.
    """
    files = list(files)
    told = {
        registration.model._meta.label: registration.details(keys, using=using)
        for registration, keys in _owners(files)
    }
    return {file: told[file.label].get(file.key, {}) for file in files}
