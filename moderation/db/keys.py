"""The fields that hold the values of keys."""

from __future__ import annotations

from typing import Any

from django.db.models import Field, ForeignKey, Model


def key_field(model: type[Model]) -> Field[Any, Any]:
    """Return the primary key, or the one that it refers to if the model inherits it."""
    return referenced_field(model._meta.pk)


def referenced_field(field: Field[Any, Any]) -> Field[Any, Any]:
    """Return the field whose values a foreign key holds, or a field that refers to no other."""
    while isinstance(field, ForeignKey):
        field = field.target_field
    return field
