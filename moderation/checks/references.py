"""System checks for models that the purge cannot search for references to files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage
from django.db import DatabaseError, models, router

from moderation.models import AuditEntry, StorageIdentity
from moderation.references.databases import clear_table_cache, databases_with
from moderation.references.queries import Column, savepoint
from moderation.references.search import field_adapter, file_fields
from moderation.registry import registered_models

# No file has this name. A search for it shows whether a model can be searched at all.
UNUSED_NAME = "moderation/check"


def check_storage_locations(**_: Any) -> list[CheckMessage]:
    """W013: the location of a field's storage is unknown.

    E001 covers registered models, whose files could not be purged either.
    """
    registered = set(registered_models())
    return [
        checks.Warning(
            f"It is unknown where the storage of {model._meta.label}.{field.name} stores its "
            "files, so no file in any storage is erased while a row of this model has its file "
            "name.",
            hint='Add the storage to STORAGES and give the field storage=storages["alias"].',
            obj=field,
            id="moderation.W013",
        )
        for model, field in file_fields()
        if model not in registered and field_adapter(field) is None
    ]


def check_other_databases(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """W014: a registered model has a table in another database than the audit log."""
    audit_database = router.db_for_write(AuditEntry)
    return [
        checks.Warning(
            f"{model._meta.label} also has a table in the database {database!r}. Files that rows "
            f"there use are kept, but rows with files cannot be deleted there: only deletions in "
            f"{audit_database!r} are recorded and purged.",
            hint="Move rows that you will delete to the audit log's database, or drop the table.",
            obj=model,
            id="moderation.W014",
        )
        for model in registered_models()
        for database in _databases(model, databases)
        if database != audit_database
    ]


def check_searchable(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """W015: a model cannot be searched, so the purge does not erase files that it may use."""
    clear_table_cache()
    columns = [
        Column(model, field, database)
        for model, field in file_fields()
        for database in _databases(model, databases)
    ]
    return [
        checks.Warning(
            f"{column.label} cannot be searched for files that are in use: {problem}",
            hint="Repair the table, the database or the field, or uninstall the app. Until then, "
            "files that the model may use are not erased.",
            obj=column.field,
            id="moderation.W015",
        )
        for column in columns
        if (problem := _search_problem(column))
    ]


def check_reference_problems(
    databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """W016: a purge could not search a model, so files in a storage wait."""
    audit_database = router.db_for_write(AuditEntry)
    known = (
        StorageIdentity.objects.using(audit_database)
        .exclude(reference_problems={})
        .order_by("alias")
    )
    try:
        waiting = list(known) if audit_database in (databases or ()) else []
    except DatabaseError:  # missing or not migrated; Django reports it
        return []
    return [
        checks.Warning(
            f"Files in storage {storage.alias} are waiting: it is unknown whether a row uses them. "
            f"{storage.reference_problem}",
            hint="Fix the problem. The next purge that can search the model clears this warning.",
            id="moderation.W016",
        )
        for storage in waiting
    ]


def _databases(model: type[models.Model], databases: Sequence[str] | None) -> list[str]:
    """Return the databases to check that have the model's table."""
    try:
        found = list(databases_with(model)) if databases else []
    except DatabaseError:  # Django's own checks and commands report an unreachable database
        return []
    return [each for each in found if isinstance(each, str) and each in (databases or ())]


def _search_problem(column: Column) -> str:
    try:
        with savepoint(column.database):
            column.find_without_keys([UNUSED_NAME])
    except Exception as error:  # noqa: BLE001 - a model of another app may raise anything
        return str(error) or type(error).__name__
    return ""


MODEL_CHECKS = (check_storage_locations,)
DATABASE_CHECKS = (check_other_databases, check_searchable, check_reference_problems)
