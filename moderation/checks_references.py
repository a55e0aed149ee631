"""System checks on the question which live row uses a file: whom it cannot reach, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage
from django.db import DatabaseError, models, router

from moderation.models import AuditEntry, StorageMark
from moderation.purge.databases import databases_with, forget_tables
from moderation.purge.questions import Column, guarded
from moderation.purge.references import file_fields, placed
from moderation.registry import registered_models

# No file is named so. It is asked for to see whether a model can be asked at all.
NOBODY_S_NAME = "moderation/check"


def check_placed_fields(**_: Any) -> list[CheckMessage]:
    """W013: of a field whose storage is unknown nobody can tell which files its rows use.

    For a registered model E001 says so: its files could not be purged either.
    """
    registered = set(registered_models())
    return [
        checks.Warning(
            f"{model._meta.label}.{field.name}: it is not known where its storage keeps the files. "
            "Its rows are asked by their names alone, as if these were in every storage.",
            hint='Add the storage to STORAGES and give the field storage=storages["alias"].',
            obj=field,
            id="moderation.W013",
        )
        for model, field in file_fields()
        if model not in registered and placed(field) is None
    ]


def check_other_databases(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """W014: a registered model's table in another database than the audit log's."""
    home = router.db_for_write(AuditEntry)
    return [
        checks.Warning(
            f"{model._meta.label} has a table in the database {database!r} too. Rows there keep "
            f"the files that they use, but deleting one that has files is refused: only what is "
            f"deleted in {home!r} is recorded and purged.",
            hint="Delete such rows in the audit log's database, or drop the table.",
            obj=model,
            id="moderation.W014",
        )
        for model in registered_models()
        for database in _databases(model, databases)
        if database != home
    ]


def check_askable(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """W015: a model that cannot be asked keeps the purge from the files that it may use."""
    forget_tables()
    asked = [
        Column(model, field, database)
        for model, field in file_fields()
        for database in _databases(model, databases)
    ]
    return [
        checks.Warning(
            f"It cannot be known which files {column.label} uses: {problem}",
            hint="Files that it may use are not erased until it can be asked. Mend the table, the "
            "database or the field, or uninstall the app.",
            obj=column.field,
            id="moderation.W015",
        )
        for column in asked
        if (problem := _problem(column))
    ]


def check_reference_problems(
    databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """W016: what the last purge could not ask, in its own words."""
    home = router.db_for_write(AuditEntry)
    marks = StorageMark.objects.using(home).exclude(reference_problem="").order_by("alias")
    try:
        found = list(marks) if home in (databases or ()) else []
    except DatabaseError:  # not there, or not migrated yet; Django says so
        return []
    return [
        checks.Warning(
            f"Files of storage {mark.alias} wait: it is not known whether a row uses them. "
            f"{mark.reference_problem}",
            hint="It goes away with the next purge that could ask everybody.",
            id="moderation.W016",
        )
        for mark in found
    ]


def _databases(model: type[models.Model], databases: Sequence[str] | None) -> list[str]:
    """Those of the databases that a check was called for and that hold the model's table."""
    try:
        holding = list(databases_with(model)) if databases else []
    except DatabaseError:  # Django's own checks and commands name one that cannot be reached
        return []
    return [each for each in holding if isinstance(each, str) and each in (databases or ())]


def _problem(column: Column) -> str:
    try:
        with guarded(column.database):
            column.names_among([NOBODY_S_NAME])
    except Exception as error:  # noqa: BLE001 - a foreign model raises what it likes
        return str(error) or type(error).__name__
    return ""


OF_THE_CODE = (check_placed_fields,)
OF_THE_DATABASES = (check_other_databases, check_askable, check_reference_problems)
