"""The stored files of rows, as plain data that can be compared, digested and recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from django.db.models import Model

from moderation.db.rows import all_rows
from moderation.registry.defaults import default_names_of, default_names_on, is_default
from moderation.registry.fields import storage_alias
from moderation.registry.registration import DetailsKey, Registration
from moderation.registry.registrations import registration_by_label

# The name of a file field, its attribute, the alias of its storage, and the default names in that
# storage; see moderation.registry.defaults.
FileColumn = tuple[str, str, str, frozenset[str]]


class StoredFile(NamedTuple):
    """One file in one storage, and the row that owns it. `field` is empty for an extra file.

    A named tuple, because a removal creates and compares hundreds of thousands of them.
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
    """Yield the files that the columns of a page of rows name; a row maps "pk" and each file field.

    `aliases` is the result of `aliases_by_key` if rows choose their storage.
    """
    label = registration.label
    columns = file_columns_of(registration)
    for row in rows:
        chosen = aliases[row["pk"]] if aliases else {}
        for field, _attname, alias, defaults in columns:
            if (name := row[field]) and not is_default(name, defaults):
                yield StoredFile(label, row["pk"], field, alias or chosen[field], str(name))


def aliases_by_key(registration: Registration, rows: Sequence[Model]) -> dict[Any, dict[str, str]]:
    """Return the storages of rows that choose their storage: {key: {file field: alias}}."""
    aliases = registration.aliases_of(rows)
    return {row.pk: own for row, own in zip(rows, aliases, strict=True)}


def names_in_columns(
    registration: Registration, rows: Iterable[Mapping[str, Any]]
) -> Iterator[list[str]]:
    """Yield the name in each file column of each row, or "" if it is empty or a default."""
    columns = file_columns_of(registration)
    for row in rows:
        yield [
            "" if is_default(row[field], defaults) else str(row[field] or "")
            for field, _attname, _alias, defaults in columns
        ]


def measured_rows(
    registration: Registration, rows: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    """Return the rows whose `size` counts: all except those whose measured file is a default."""
    measured = registration.measured_field
    for field, _attname, _alias, defaults in file_columns_of(registration):
        if field == measured and defaults:
            return [row for row in rows if not is_default(row[field], defaults)]
    return rows


def extra_files(registration: Registration, rows: list[Any]) -> Iterator[StoredFile]:
    """Yield the extra files of a page of rows, from the registration's function."""
    if registration.extra_files is None:
        return
    defaults = cache(default_names_on)
    for row, storage, name in registration.extra_files(rows):
        if name and not is_default(name, defaults(storage)):
            yield StoredFile(registration.label, row.pk, "", storage, name)


def names_of_rows(files: Iterable[StoredFile]) -> dict[tuple[str, Any], dict[str, list[str]]]:
    """Return the names in the file fields of each row, by alias, to find users of extra files."""
    names: dict[tuple[str, Any], dict[str, list[str]]] = {}
    for file in files:
        if file.field:
            of_row = names.setdefault((file.label, file.key), {})
            of_row.setdefault(file.storage, []).append(file.name)
    return names


def file_columns_of(registration: Registration) -> list[FileColumn]:
    """Return the file columns of a model: field, attribute, storage alias and default names.

    If each row chooses its storage, the alias is empty and the defaults are the field's own.
    """
    if registration.storage is not None:
        return [(f.name, f.attname, "", default_names_of(f)) for f in registration.fields]
    aliases = [(field, storage_alias(field)) for field in registration.fields]
    return [(f.name, f.attname, alias, default_names_on(alias)) for f, alias in aliases]


def files_of(
    registration: Registration, instance: Model, columns: Sequence[FileColumn]
) -> list[StoredFile]:
    """Return every file of one row. Reads only names: opens no file and calls no storage.

    `columns` is the result of `file_columns_of`, which a caller with many rows computes once.
    """
    label, key = registration.label, instance.pk
    # A row that was just read has the name in `__dict__`; reading it there creates no FieldFile.
    row = instance.__dict__
    chosen = registration.aliases_of([instance])[0] if registration.storage else {}
    found = [
        StoredFile(label, key, field, alias or chosen[field], str(name))
        for field, attname, alias, defaults in columns
        if (name := row.get(attname) or getattr(instance, attname))
        if not is_default(name, defaults)
    ]
    if registration.extra_files is not None:
        found += extra_files(registration, [instance])
    return found


def known_details(files: Iterable[StoredFile], *, using: str) -> dict[DetailsKey, dict[str, Any]]:
    """Return `Registration.details_by_key` of the rows that own these files."""
    details: dict[DetailsKey, dict[str, Any]] = {}
    for registration, keys in _keys_by_registration(files):
        rows = all_rows(registration.model, using).filter(pk__any_of=set(keys))
        details |= registration.details_by_key(rows, using=using)
    return details


def _keys_by_registration(files: Iterable[StoredFile]) -> Iterator[tuple[Registration, list[Any]]]:
    keys: dict[str, dict[Any, None]] = defaultdict(dict)
    for file in files:
        keys[file.label][file.key] = None
    return ((registration_by_label(label), list(owning)) for label, owning in keys.items())


def details_of(files: Iterable[StoredFile], *, using: str) -> dict[StoredFile, dict[str, Any]]:
    """Return the details of the rows that own these files; see `Registration.details`.

    The number of queries depends on the number of models, not on the number of files.
    """
    files = list(files)
    details = {
        registration.label: registration.details(keys, using=using)
        for registration, keys in _keys_by_registration(files)
    }
    return {file: details[file.label].get(file.key, {}) for file in files}
