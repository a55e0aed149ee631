"""Rows that PostgreSQL generates: inserting a million from Python takes longer than measuring."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection
from django.db.models import NOT_PROVIDED, Model
from psycopg.sql import quote


def insert_select(model: type[Model], columns: Mapping[str, str], rows: str) -> str:
    """Return an INSERT of SQL expressions by column, which are evaluated for each of the rows.

    All other columns get NULL or the default of their field, so that a new one needs no change.
    """
    values = {**_defaults(model), **columns}
    table, names, expressions = model._meta.db_table, ", ".join(values), ", ".join(values.values())
    return f"INSERT INTO {table} ({names}) SELECT {expressions} FROM {rows}"  # noqa: S608 - our own


def _defaults(model: type[Model]) -> dict[str, str]:
    """Return the default of each column that needs a value, as SQL."""
    required = [
        field
        for field in model._meta.concrete_fields
        if not (field.null or field.primary_key) and field.db_default is NOT_PROVIDED
    ]
    values = {str(f.column): f.get_db_prep_save(f.get_default(), connection) for f in required}
    return {name: quote(value) for name, value in values.items()}
