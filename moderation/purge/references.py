"""Which keys a row still uses: asked of every file field of every installed model."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.db.models import FileField, Model

from moderation.registry import own_file_fields, storage_alias


def names_in_use(alias: str, names: Collection[str]) -> dict[str, str]:
    """Those of the names that a live row holds: {name: "app.model.field key"}.

    One indexed query a file field of the installation that writes to this storage, in the database
    of its model.
    """
    users: dict[str, str] = {}
    for model, field in fields_on(alias):
        rows = model._base_manager.using(router.db_for_write(model))
        rows = rows.filter(**{f"{field.name}__any_of": names})
        if connections[rows.db].features.can_distinct_on_fields:
            rows = rows.order_by(field.name).distinct(field.name)
        for key, name in rows.values_list("pk", field.name).iterator():
            users.setdefault(name, f"{model._meta.label}.{field.name} {key}")
    return users


def fields_on(alias: str) -> Iterator[tuple[type[Model], FileField]]:
    """Every file field of every installed model that writes to a storage, registered or not."""
    for model, field in _file_fields():
        try:
            if storage_alias(field) == alias:
                yield model, field
        except ImproperlyConfigured:
            continue  # no alias leads to its storage, so none of our keys can be in it


@cache
def _file_fields() -> tuple[tuple[type[Model], FileField], ...]:
    models = (model for model in apps.get_models() if not model._meta.proxy)
    return tuple((model, field) for model in models for field in own_file_fields(model))
