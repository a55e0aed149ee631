"""An index of values that are stored in ascending order."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement


class BlockRangeIndex(models.Index):
    """A BRIN on PostgreSQL, which costs an INSERT almost nothing; an ordinary index on SQLite.

    Django's BrinIndex requires `django.contrib.postgres` in INSTALLED_APPS, and thus psycopg, on
    SQLite too (postgres.E005, since Django 6).
    """

    def create_sql(
        self,
        model: type[models.Model],
        schema_editor: BaseDatabaseSchemaEditor,
        using: str = "",
        **kwargs: Any,
    ) -> Statement:
        """Return the SQL statement that creates the index."""
        if schema_editor.connection.vendor == "postgresql":
            using = " USING brin"
        return super().create_sql(model, schema_editor, using, **kwargs)
