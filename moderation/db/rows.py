"""Querysets over every row of a table, including rows that managers hide."""

from __future__ import annotations

from typing import Any

from django.db import models


def all_rows(model: type[models.Model], using: str | None = None) -> models.QuerySet[Any]:
    """Return a queryset over every row of a model.

    A base manager may hide rows (a trash, drafts) or have a custom `delete()`. Code that decides
    about a file or deletes a row must see the table as it is.
    """
    return models.QuerySet(model=model, using=using)
