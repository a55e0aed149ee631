"""System checks for registered models and for the audit log that records their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.core.files.storage import storages
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, models, router
from django.db.models import FileField, ImageField

from moderation.cascade.relations import candidate_fields
from moderation.db.rows import all_rows
from moderation.models import AuditEntry, triggers
from moderation.references.search import fields_in_storage
from moderation.registry import (
    own_file_fields,
    registered_models,
    registration_by_label,
    registration_for,
    storage_alias,
    storage_aliases,
)


def check_storages(**_: Any) -> list[CheckMessage]:
    """E001: the purge finds a storage by its alias, so each storage needs one."""
    messages: list[CheckMessage] = []
    for field in registered_fields():
        if has_storage_per_row(field):
            continue
        try:
            storage_alias(field)
        except ImproperlyConfigured as error:
            messages.append(
                Error(
                    str(error),
                    hint='Add it to STORAGES and give the field storage=storages["alias"].',
                    obj=field,
                    id="moderation.E001",
                )
            )
    return messages


def check_database_cascades(**_: Any) -> list[CheckMessage]:
    """E002: rows that the database itself deletes send no signal, so no file is recorded."""
    return [
        Error(
            f"{field.model._meta.label}.{field.name} uses DB_CASCADE: the database deletes the "
            "rows and sends no signal, so their files would not be recorded.",
            hint="Use on_delete=models.CASCADE.",
            obj=field,
            id="moderation.E002",
        )
        for model in registered_models()
        for field in [*model._meta.local_fields, *candidate_fields(model)]
        if _is_database_cascade(field)
    ]


def check_overwriting(**_: Any) -> list[CheckMessage]:
    """E003: in a storage that overwrites files, two rows may get the same key."""
    return [
        Error(
            f"The storage {alias!r} overwrites files of the same name.",
            hint="Set file_overwrite (S3) or allow_overwrite (FileSystemStorage) to False.",
            id="moderation.E003",
        )
        for alias in sorted(storage_aliases(registered_models()))
        if getattr(storages[alias], "file_overwrite", False)
        or getattr(storages[alias], "_allow_overwrite", False)
    ]


def check_database(**_: Any) -> list[CheckMessage]:
    """E004: entries and deletions share a transaction, so they must be in one database."""
    audit_database = router.db_for_write(AuditEntry)
    if {audit_database, router.db_for_read(AuditEntry)} != {DEFAULT_DB_ALIAS}:
        return [
            Error(
                f"The audit log is written to the database {audit_database!r} and read from "
                f"{router.db_for_read(AuditEntry)!r}, but must be in 'default'.",
                hint="Route moderation's models to 'default', for reads and writes.",
                id="moderation.E004",
            )
        ]
    return [
        Error(
            f"{model._meta.label} is in the database {router.db_for_write(model)!r}, but the audit "
            f"log is in {audit_database!r}: one transaction cannot cover both.",
            hint="Route them to the same database.",
            obj=model,
            id="moderation.E004",
        )
        for model in registered_models()
        if router.db_for_write(model) != audit_database
    ]


def check_indexes(**_: Any) -> list[CheckMessage]:
    """W005: each purge searches all file fields of a storage for its keys, so they need indexes."""
    return [
        checks.Warning(
            f"{model._meta.label}.{field.name} has no index for exact and prefix searches, and "
            "every purge searches it.",
            hint="Set db_index=True on the field.",
            obj=field,
            id="moderation.W005",
        )
        for model, field in dict.fromkeys(
            pair
            for alias in sorted(storage_aliases(registered_models()))
            for pair in fields_in_storage(alias)
        )
        if not _is_indexed(model, field)
    ]


def check_measured_columns(**_: Any) -> list[CheckMessage]:
    """W006: Django opens an image when it reads a row whose width or height is NULL."""
    return [
        checks.Warning(
            f"{field.model._meta.label}.{name} may be NULL. Django opens the file of {field.name} "
            "whenever it reads such a row, even during a deletion.",
            hint=f"Set {name} for all rows and use null=False, or remove width_field and "
            "height_field.",
            obj=field,
            id="moderation.W006",
        )
        for field in _image_fields()
        for name in (field.width_field, field.height_field)
        if name and field.model._meta.get_field(name).null
    ]


def check_lookups(**_: Any) -> list[CheckMessage]:
    """E008: an invalid lookup would raise an error only at the first deletion."""
    messages: list[CheckMessage] = []
    for model in registered_models():
        registration = registration_by_label(model._meta.label)
        lookups = {**registration.lookups, **registration.review_lookups}
        for name, path in lookups.items():
            try:
                if isinstance(path, str):
                    all_rows(model).values_list(path)
            except FieldError as error:
                messages.append(
                    Error(
                        f"register({model._meta.label}, {name}={path!r}): {error}",
                        hint="Pass a lookup that values_list() accepts, or a function.",
                        obj=model,
                        id="moderation.E008",
                    )
                )
    return messages


def check_triggers(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """W007: a trigger that protects the audit log is missing from the database, or differs.

    Not an error, because `migrate` stops at errors, and creates the triggers.
    """
    audit_database = router.db_for_write(AuditEntry)
    if audit_database not in (databases or ()):
        return []
    try:
        tables = connections[audit_database].introspection.table_names()
        missing = triggers.missing(connections[audit_database])
    except DatabaseError:
        return []  # Django's own checks and commands report an unreachable database
    if not missing or AuditEntry._meta.db_table not in tables:
        return []
    return [
        checks.Warning(
            f"The audit log is not protected: the database lacks {', '.join(missing)}.",
            hint="Run manage.py migrate, which creates the triggers again.",
            id="moderation.W007",
        )
    ]


MODEL_CHECKS = (
    check_storages,
    check_database_cascades,
    check_overwriting,
    check_database,
    check_indexes,
    check_measured_columns,
    check_lookups,
)
DATABASE_CHECKS = (check_triggers,)


def registered_fields() -> Iterator[FileField]:
    """Yield the file fields of registered models."""
    return (field for model in registered_models() for field in own_file_fields(model))


def has_storage_per_row(field: FileField) -> bool:
    """Return whether each row chooses the storage of a field; see `register(storage=)`."""
    registration = registration_for(field.model)
    return registration is not None and registration.storage is not None


def _image_fields() -> Iterator[Any]:
    return (field for field in registered_fields() if isinstance(field, ImageField))


def _is_database_cascade(field: Any) -> bool:
    # In Django 6.1, DB_CASCADE is an object with the SQL operation; CASCADE is a function.
    on_delete = getattr(getattr(field, "remote_field", None), "on_delete", None)
    return getattr(on_delete, "operation", None) == "CASCADE"


def _is_indexed(model: type[models.Model], field: Any) -> bool:
    """Return whether indexes support exact and prefix searches, as `db_index` does."""
    if field.db_index or field.unique:
        return True
    indexes: list[Any] = [*model._meta.indexes, *model._meta.constraints]
    first_columns = [
        (index.fields[0].lstrip("-"), *getattr(index, "opclasses", ())[:1])
        for index in indexes
        if isinstance(index, models.Index | models.UniqueConstraint) and index.fields
    ]
    if connections[router.db_for_read(model)].vendor == "postgresql":
        return (field.name, "varchar_pattern_ops") in first_columns
    return field.name in {name for name, *_ in first_columns}
