"""The stored files of rows, as plain data that can be compared, digested and written down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import Model

from moderation.registry import (
    Registration,
    Relatives,
    registration_by_label,
    storage_alias,
)

# Of a file field: its name, its attribute, and the alias of its storage.
Place = tuple[str, str, str]


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
    registration: Registration,
    rows: Iterable[Mapping[str, Any]],
    aliases: Mapping[Any, Mapping[str, str]] | None = None,
) -> Iterator[StoredFile]:
    """The files that the columns of a page of rows name; a row maps "pk" and each file field.

    `aliases` maps each row's key to what `aliases_by_key` returns, where the row chooses.
    """
    label = registration.label
    fields = [field.name for field in registration.fields]
    same = {} if aliases else {f.name: storage_alias(f) for f in registration.fields}
    for row in rows:
        own = aliases[row["pk"]] if aliases else same
        for field in fields:
            if name := row[field]:
                yield StoredFile(label, row["pk"], field, own[field], str(name))


def aliases_by_key(registration: Registration, rows: Sequence[Model]) -> dict[Any, dict[str, str]]:
    """The storages of a page of rows, where each row chooses: {key: {file field: alias}}."""
    aliases = registration.aliases_of(rows)
    return {row.pk: own for row, own in zip(rows, aliases, strict=True)}


def extra_files(registration: Registration, rows: list[Any]) -> Iterator[StoredFile]:
    """The files of a page of rows that no field names, as the registration's function tells."""
    if registration.extra_files is None:
        return
    for row, storage, name in registration.extra_files(rows):
        if name:
            yield StoredFile(registration.label, row.pk, "", storage, name)


def places_of(registration: Registration) -> list[Place]:
    """Where a model's rows name their files: field, attribute, and the storage's alias.

    The alias is empty where each row chooses its storage.
    """
    chosen = registration.storage is not None
    return [
        (field.name, field.attname, "" if chosen else storage_alias(field))
        for field in registration.fields
    ]


def files_of(
    registration: Registration, instance: Model, places: Sequence[Place]
) -> list[StoredFile]:
    """Every file of one row. Reads names alone: no file is opened, no storage asked.

    `places` are those of the registration, which a caller with many rows asks for once.
    """
    label, key = registration.label, instance.pk
    # The stored name: asked of a fresh row without making a FieldFile of it.
    row = instance.__dict__
    chosen = registration.aliases_of([instance])[0] if registration.storage else {}
    found = [
        StoredFile(label, key, field, alias or chosen[field], str(name))
        for field, attname, alias in places
        if (name := row.get(attname) or getattr(instance, attname))
    ]
    if registration.extra_files is not None:
        found += extra_files(registration, [instance])
    return found


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
        registration.label: registration.details(keys, using=using)
        for registration, keys in _owners(files)
    }
    return {file: told[file.label].get(file.key, {}) for file in files}
