"""System checks for models whose rows or files a removal would miss, or erase too early."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from django.core.files.images import ImageFile
from django.db import models
from django.db.models.fields.files import FieldFile, ImageFieldFile

from moderation.checks.registered_models import has_storage_per_row, registered_fields
from moderation.registry import own_file_fields, registered_models, registration_for
from moderation.registry.defaults import has_changing_default

DJANGO_CLASSES = (*FieldFile.__mro__, ImageFieldFile, ImageFile)
# How a FieldFile class can use another storage than its field.
STORAGE_HOOKS = ("__init__", "storage", "__getattr__", "__getattribute__", "__setstate__")


def check_unregistered(**_: Any) -> list[CheckMessage]:
    """W009: files of an unregistered model stay in storage when its rows are deleted."""
    accepted = set(getattr(settings, "MODERATION_UNREGISTERED", ()))
    return [
        checks.Warning(
            f"{model._meta.label} has a file field ({field.name}) but is not registered with "
            "moderation: when its rows are deleted, their files stay and are not recorded.",
            hint="Call register() for the model, or add it to MODERATION_UNREGISTERED.",
            obj=field,
            id="moderation.W009",
        )
        for model in apps.get_models()
        if not (model._meta.proxy or registration_for(model) or model._meta.label in accepted)
        for field in own_file_fields(model)
    ]


def check_hidden_rows(**_: Any) -> list[CheckMessage]:
    """W010: Django's cascade does not find rows that the base manager of their model hides."""
    return [
        checks.Warning(
            f"{field.model._meta.label}.{field.name}: the model's base manager may hide rows. "
            "Django does not delete hidden rows with the row that they refer to. The database "
            "refuses the deletion or, if the key has no constraint, the rows stay.",
            hint="Remove Meta.base_manager_name; hide rows only in the default manager.",
            obj=field,
            id="moderation.W010",
        )
        for model in registered_models()
        if may_hide_rows(model)
        for field in model._meta.local_fields
        if field.remote_field and field.remote_field.on_delete is not models.DO_NOTHING
    ]


def check_defaults(**_: Any) -> list[CheckMessage]:
    """W011: a file with a default name that is not always the same is erased like any other."""
    return [
        checks.Warning(
            f"{field.model._meta.label}.{field.name} has a default that is not always the same "
            "name. A file with such a name is erased with the last row that uses it.",
            hint="Use a constant default. If each row gets a file of its own, silence this check.",
            obj=field,
            id="moderation.W011",
        )
        for field in registered_fields()
        if has_changing_default(field)
    ]


def check_storages_of_rows(**_: Any) -> list[CheckMessage]:
    """W012: a custom FieldFile class may choose a storage for each row."""
    return [
        checks.Warning(
            f"The files of {field.model._meta.label}.{field.name} are {field.attr_class.__name__} "
            "objects, which may use a different storage than the field. The purge would erase "
            "nothing there and report the files as missing.",
            hint="Pass storage=… to register() to say which storage holds a row's files, even if "
            "it is always the same.",
            obj=field,
            id="moderation.W012",
        )
        for field in registered_fields()
        if _may_choose_storage(field.attr_class) and not has_storage_per_row(field)
    ]


def _may_choose_storage(file_class: type[FieldFile]) -> bool:
    """Return whether a FieldFile class may use another storage than Django's own classes do."""
    own = [each for each in file_class.__mro__ if each not in DJANGO_CLASSES]
    return any(name in vars(each) for each in own for name in STORAGE_HOOKS)


MODEL_CHECKS = (check_unregistered, check_hidden_rows, check_defaults, check_storages_of_rows)


def may_hide_rows(model: type[models.Model]) -> bool:
    """Return whether the base manager of a model has a custom queryset, which may hide rows."""
    own: Any = type(model._base_manager).get_queryset
    return own is not models.Manager.get_queryset
