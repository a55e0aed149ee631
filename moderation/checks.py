"""System checks: what would break a promise of this app, found before the site starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.core.files.storage import storages
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, models, router
from django.db.models import FileField, ImageField
from django.db.models.fields.files import FieldFile, ImageFieldFile

from moderation import triggers
from moderation.defaults import has_changing_default
from moderation.models import AuditEntry
from moderation.plan.graph import candidate_fields
from moderation.purge.references import fields_on
from moderation.registry import (
    own_file_fields,
    registered_models,
    registration_by_label,
    registration_for,
    storage_alias,
)
from moderation.rows import all_rows


def check_storages(**_: Any) -> list[CheckMessage]:
    """E001: a purge finds a storage by its alias, so each has to have one."""
    messages: list[CheckMessage] = []
    for field in _registered_fields():
        if _is_chosen_by_rows(field):
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
    """E002: rows that the database deletes by itself send no signal, and their files are lost."""
    return [
        Error(
            f"{field.model._meta.label}.{field.name} is deleted by the database (DB_CASCADE), "
            "which sends no signal: its files would never be recorded.",
            hint="Use on_delete=models.CASCADE.",
            obj=field,
            id="moderation.E002",
        )
        for model in registered_models()
        for field in [*model._meta.local_fields, *candidate_fields(model)]
        if _is_database_cascade(field)
    ]


def check_overwriting(**_: Any) -> list[CheckMessage]:
    """E003: in a storage that overwrites, two rows come to own one key."""
    return [
        Error(
            f"The storage {alias!r} overwrites files of the same name.",
            hint="Set file_overwrite to False (S3) or allow_overwrite to False (disk).",
            id="moderation.E003",
        )
        for alias in sorted(_registered_aliases())
        if getattr(storages[alias], "file_overwrite", False)
        or getattr(storages[alias], "_allow_overwrite", False)
    ]


def check_database(**_: Any) -> list[CheckMessage]:
    """E004: an entry is written in the transaction of the deletion, so in the same database."""
    home = router.db_for_write(AuditEntry)
    if {home, router.db_for_read(AuditEntry)} != {DEFAULT_DB_ALIAS}:
        return [
            Error(
                f"The audit log is written to the database {home!r} and read from "
                f"{router.db_for_read(AuditEntry)!r}; its transactions are those of 'default'.",
                hint="Route moderation's models to 'default', for reading too.",
                id="moderation.E004",
            )
        ]
    return [
        Error(
            f"{model._meta.label} lives in the database {router.db_for_write(model)!r}, the audit "
            f"log in {home!r}: one transaction cannot hold both.",
            hint="Route them to the same database.",
            obj=model,
            id="moderation.E004",
        )
        for model in registered_models()
        if router.db_for_write(model) != home
    ]


def check_indexes(**_: Any) -> list[CheckMessage]:
    """W005: a purge asks every file field on a storage whether it still uses a key."""
    return [
        checks.Warning(
            f"{model._meta.label}.{field.name} has no index, and each purge searches it.",
            hint="Give the field db_index=True.",
            obj=field,
            id="moderation.W005",
        )
        for alias in sorted(_registered_aliases())
        for model, field in fields_on(alias)
        if not _is_indexed(model, field)
    ]


def check_unregistered(**_: Any) -> list[CheckMessage]:
    """W009: what nobody registered leaves its files behind when its rows are deleted."""
    accepted = set(getattr(settings, "MODERATION_UNREGISTERED", ()))
    return [
        checks.Warning(
            f"{model._meta.label} has a file field ({field.name}) and is not registered with "
            "moderation: when its rows are deleted, the files stay and are listed nowhere.",
            hint="Call register() for it, or name it in MODERATION_UNREGISTERED.",
            obj=field,
            id="moderation.W009",
        )
        for model in apps.get_models()
        if not (model._meta.proxy or registration_for(model) or model._meta.label in accepted)
        for field in own_file_fields(model)
    ]


def check_measured_columns(**_: Any) -> list[CheckMessage]:
    """W006: an ImageField whose size columns may be NULL opens the file when a row is read."""
    return [
        checks.Warning(
            f"{field.model._meta.label}.{name} may be NULL: Django then opens the file of "
            f"{field.name} whenever such a row is read, inside a deletion too.",
            hint=f"Fill {name} for all rows and set null=False, or leave out width_field and "
            "height_field.",
            obj=field,
            id="moderation.W006",
        )
        for field in _image_fields()
        for name in (field.width_field, field.height_field)
        if name and field.model._meta.get_field(name).null
    ]


def check_lookups(**_: Any) -> list[CheckMessage]:
    """E008: a mistyped lookup would show at the first deletion only."""
    messages: list[CheckMessage] = []
    for model in registered_models():
        lookups = registration_by_label(model._meta.label).lookups
        for name, path in lookups.items():
            try:
                if isinstance(path, str):
                    all_rows(model).values_list(path)
            except FieldError as error:
                messages.append(
                    Error(
                        f"register({model._meta.label}, {name}={path!r}): {error}",
                        hint="Give a lookup that values_list() takes, or a function.",
                        obj=model,
                        id="moderation.E008",
                    )
                )
    return messages


def check_hidden_rows(**_: Any) -> list[CheckMessage]:
    """W041: Django's cascade follows a relation through the base manager, as far as that shows."""
    return [
        checks.Warning(
            f"{field.model._meta.label}.{field.name}: the model's base manager may hide rows. "
            "Django does not delete these with the row that they refer to: the database "
            "refuses the deletion or, where the key has no constraint, they stay.",
            hint="Leave Meta.base_manager_name out; hide rows by the default manager alone.",
            obj=field,
            id="moderation.W041",
        )
        for model in registered_models()
        if hides_rows(model)
        for field in model._meta.local_fields
        if field.remote_field and field.remote_field.on_delete is not models.DO_NOTHING
    ]


def hides_rows(model: type[models.Model]) -> bool:
    """Whether the base manager of a model has a queryset of its own making."""
    own: Any = type(model._base_manager).get_queryset
    return own is not models.Manager.get_queryset


def check_defaults(**_: Any) -> list[CheckMessage]:
    """W042: a default whose name is not known beforehand goes with the row like any file."""
    return [
        checks.Warning(
            f"{field.model._meta.label}.{field.name} has a default that is not always the same "
            "name. A file with such a name is erased with the last row that has it.",
            hint="Give a constant default. Ignore this where each row gets a file of its own.",
            obj=field,
            id="moderation.W042",
        )
        for field in _registered_fields()
        if has_changing_default(field)
    ]


def check_triggers(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """E007: the triggers that guard the audit log are asked for in the database itself."""
    home = router.db_for_write(AuditEntry)
    if home not in (databases or ()):
        return []
    try:
        tables = connections[home].introspection.table_names()
        missing = triggers.missing(connections[home])
    except DatabaseError:
        return []  # Django's own checks and commands name a database that cannot be reached
    if not missing or AuditEntry._meta.db_table not in tables:
        return []
    return [
        Error(
            f"The audit log is not guarded: the database lacks {', '.join(missing)}.",
            hint="Run manage.py migrate, which makes the triggers again.",
            id="moderation.E007",
        )
    ]


def check_storages_of_rows(**_: Any) -> list[CheckMessage]:
    """W020: a FieldFile of another class than Django's may choose its storage by the row."""
    return [
        checks.Warning(
            f"{field.model._meta.label}.{field.name} has files of {field.attr_class.__name__}, "
            "which may choose another storage than the field's: the purge would erase nothing "
            "there, and call the file missing.",
            hint="Say which storage holds a row's files by register(…, storage=…), also where it "
            "is always the same.",
            obj=field,
            id="moderation.W020",
        )
        for field in _registered_fields()
        if field.attr_class not in (FieldFile, ImageFieldFile) and not _is_chosen_by_rows(field)
    ]


OF_THE_CODE = (
    check_storages_of_rows,
    check_storages,
    check_database_cascades,
    check_overwriting,
    check_database,
    check_indexes,
    check_unregistered,
    check_measured_columns,
    check_lookups,
    check_hidden_rows,
    check_defaults,
)


def _registered_fields() -> Iterator[FileField]:
    return (field for model in registered_models() for field in own_file_fields(model))


def _is_chosen_by_rows(field: FileField) -> bool:
    registration = registration_for(field.model)
    return registration is not None and registration.storage is not None


def _image_fields() -> Iterator[Any]:
    return (field for field in _registered_fields() if isinstance(field, ImageField))


def _registered_aliases() -> set[str]:
    aliases = set()
    for field in _registered_fields():
        try:
            aliases.add(storage_alias(field))
        except ImproperlyConfigured:
            continue  # E001 names it
    return aliases


def _is_database_cascade(field: Any) -> bool:
    # Django 6.1 has DatabaseOnDelete objects whose operation is SQL; Django's own are functions.
    on_delete = getattr(getattr(field, "remote_field", None), "on_delete", None)
    return getattr(on_delete, "operation", None) == "CASCADE"


def _is_indexed(model: type[models.Model], field: Any) -> bool:
    firsts = {index.fields[0] for index in model._meta.indexes if index.fields}
    firsts |= {
        constraint.fields[0]
        for constraint in model._meta.constraints
        if isinstance(constraint, models.UniqueConstraint) and constraint.fields
    }
    firsts = {name.lstrip("-") for name in firsts}
    return bool(field.db_index or field.unique or field.name in firsts)
