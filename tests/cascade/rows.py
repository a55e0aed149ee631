"""Rows of any model, with a value in each field that needs one."""

from __future__ import annotations

from itertools import count
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone

from tests.testapp.models import Volume

_numbers = count(10)  # two digits, which the shortest unique text can hold


def row_of(model: type[models.Model], **given: Any) -> Any:
    """Save a row with the given values, and with a value in each other field that needs one."""
    for field in model._meta.concrete_fields:
        is_given = field.name in given or field.attname in given or field.generated
        if not is_given and not is_optional(field) and not is_link_to_parent(field):
            given[field.name] = value_for(field)
    return model._base_manager.create(**given)


def is_optional(field: Any) -> bool:
    return bool(field.has_default() or field.has_db_default() or field.null or is_numbered(field))


def is_numbered(field: Any) -> bool:
    return isinstance(field, models.AutoField | models.BigAutoField)


def is_link_to_parent(field: Any) -> bool:
    return bool(field.remote_field and getattr(field.remote_field, "parent_link", False))


def value_for(field: Any) -> Any:  # noqa: PLR0911 - one for each type of field
    """Return a value that no other row has in this field."""
    number = next(_numbers)
    match field:
        case models.ForeignKey() if field.related_model is ContentType:
            return ContentType.objects.get_for_model(Volume)
        case models.ForeignKey():
            return row_of(field.related_model)
        case models.FileField():
            return f"{number}.bin"
        case models.DateTimeField():
            return timezone.now()
        case models.CharField() | models.TextField():
            return str(number)[-(field.max_length or 10) :]
        case models.BooleanField():
            return True
        case models.IntegerField():
            return number
        case _:
            raise NotImplementedError(f"{field}: say which value a field of this type gets")
