"""Object permissions: which objects a user may remove, according to the ModelAdmins of a site.

As on Django's delete page, `has_delete_permission(request, obj)` of the ModelAdmin of each row that
would be deleted decides, but it is called only if its result can depend on the object. If no
ModelAdmin overrides the method, permission codes have the same result and no row is read. Objects
are checked in batches, when a draft is created and when it is confirmed. A worker has no request,
so what was permitted at the confirmation stays permitted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth import get_permission_codename
from django.db.models import Manager, Model
from django.db.models.manager import BaseManager
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from moderation.admin.display import Viewer, row_label
from moderation.cascade import json_key
from moderation.cascade.batches import keys_of, model_of, plan_batch
from moderation.cascade.relations import cascades_to_itself, deleted_with
from moderation.db.rows import all_rows
from moderation.models import AuditEntry, Removal, RemovalBatch
from moderation.removals.refused_objects import Guard
from moderation.removals.selection import filterable

# The most rows that a permission check loads with one query.
ROWS_PER_QUERY = 500


def admin_of(site: AdminSite, removal: Removal) -> ModelAdmin[Any] | None:
    """Return the ModelAdmin in which a removal's objects were selected, or None."""
    model = apps.get_model(removal.admin_label or removal.model_label)
    return site.get_model_admin(model) if site.is_registered(model) else None


def model_in_admin(viewer: Viewer, removal: Removal) -> type[Model]:
    """Return the model whose ModelAdmin lists a removal's objects, which may be a proxy."""
    model_admin = admin_of(viewer.site, removal)
    return model_admin.model if model_admin else model_of(removal)


def decides_by_object(model_admin: ModelAdmin[Any]) -> bool:
    """Return whether a ModelAdmin may permit one object and refuse another.

    Django's own method ignores the object and checks only the user's permission for the model.
    """
    return _is_overridden(model_admin.has_delete_permission, ModelAdmin.has_delete_permission)


def may_hide_rows(model_admin: ModelAdmin[Any]) -> bool:
    """Return whether a ModelAdmin may hide some rows of its table."""
    manager: Manager[Any] = model_admin.model._default_manager
    return _is_overridden(model_admin.get_queryset, ModelAdmin.get_queryset) or _is_overridden(
        manager.get_queryset, BaseManager.get_queryset
    )


def permissions_for(model_admin: ModelAdmin[Any], user: Any) -> list[str]:
    """Return the permission codes that removing this ModelAdmin's objects needs, as in Django.

    They cover the objects and the rows of each model that the cascade can delete and this site
    shows. If a ModelAdmin decides by object, its code is included only if the user has it now, so
    that a user who loses it later is stopped. Raises CannotFreeze if the cascade cannot be
    determined.
    """
    needed = []
    for each in _checked_admins(model_admin):
        code = f"{each.opts.app_label}.{get_permission_codename('delete', each.opts)}"
        if not decides_by_object(each) or user.has_perm(code):
            needed.append(code)
    return needed


def guard_for(model_admin: ModelAdmin[Any] | None, request: HttpRequest) -> Guard | None:
    """Return the guard for a selection in a ModelAdmin, or None if no object can be refused."""
    if model_admin is None:
        return None
    guard = ObjectGuard(model_admin, request)
    return guard.refused if guard.is_needed else None


def visible_to(viewer: Viewer, removal: Removal, keys: Collection[Any]) -> set[Any]:
    """Return those of the keys whose objects the removal's ModelAdmin shows to the viewer.

    Runs no query if the ModelAdmin shows all rows; keys of deleted objects are then included.
    """
    return _visible_in(admin_of(viewer.site, removal), viewer, keys)


def visible_rows(viewer: Viewer, model: type[Model], keys: Collection[Any]) -> set[Any]:
    """Return those of the keys whose rows the ModelAdmin of a model shows to the viewer.

    Runs no query if it shows all rows. Returns none if the viewer may not view the model.
    """
    if not viewer.may_view(model):
        return set()
    return _visible_in(viewer.site.get_model_admin(model), viewer, keys)


def _visible_in(
    model_admin: ModelAdmin[Any] | None, viewer: Viewer, keys: Collection[Any]
) -> set[Any]:
    if model_admin is None or not may_hide_rows(model_admin):
        return set(keys)
    return _visible(model_admin, viewer.request, keys)


def _visible(model_admin: ModelAdmin[Any], request: HttpRequest, keys: Collection[Any]) -> set[Any]:
    visible = filterable(model_admin.get_queryset(request)).filter(pk__any_of=set(keys))
    return set(visible.values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class RefusedObject:
    """An object that may not be removed, and the row of its cascade that prevents it, if any.

    `str()` returns the object's name and fetches the object if it is not loaded.
    """

    model: type[Model]
    key: Any
    row: Model | None = None
    cascade_row: Model | None = None
    is_visible: bool = True

    def __str__(self) -> str:
        if not self.is_visible:
            model = capfirst(self.model._meta.verbose_name)
            return _("%(model)s %(key)s (no longer in your list)") % {
                "model": model, "key": self.key}  # fmt: skip
        row = self.row or all_rows(self.model, AuditEntry.objects.db).filter(pk=self.key).first()
        name = row_label(row) if row else f"{self.model._meta.verbose_name} {self.key}"
        return f"{name} ({row_label(self.cascade_row)})" if self.cascade_row else name


class ObjectGuard:
    """Checks the objects of batches, and the rows of their cascade, by a site's ModelAdmins."""

    def __init__(self, model_admin: ModelAdmin[Any], request: HttpRequest) -> None:
        self.model_admin, self.request = model_admin, request
        self.decides_by_object = decides_by_object(model_admin)
        self.may_hide_rows = may_hide_rows(model_admin)
        self.cascade_admins = {
            each.model: each for each in _admins_of_cascade(model_admin) if decides_by_object(each)
        }

    @property
    def is_needed(self) -> bool:
        """Return whether any permission can depend on an object."""
        return bool(self.decides_by_object or self.may_hide_rows or self.cascade_admins)

    def refused(self, batch: RemovalBatch) -> Mapping[Any, RefusedObject]:
        """Return the objects of a batch that may not be removed, by their keys."""
        found = [*self._refused_by_cascade(batch), *self._refused_themselves(batch)]
        return {json_key(refused.key): refused for refused in found}

    def _refused_themselves(self, batch: RemovalBatch) -> Iterator[RefusedObject]:
        if not (self.decides_by_object or self.may_hide_rows):
            return
        keys, model = keys_of(batch), self.model_admin.model
        if not self.decides_by_object:
            visible = _visible(self.model_admin, self.request, keys)
            hidden = [key for key in keys if key not in visible]
            yield from (RefusedObject(model, key, is_visible=False) for key in hidden)
            return
        queryset = filterable(self.model_admin.get_queryset(self.request))
        rows = {row.pk: row for row in queryset.filter(pk__any_of=set(keys))}
        for key in keys:
            if key not in rows:
                yield RefusedObject(model, key, is_visible=False)
            elif not self.model_admin.has_delete_permission(self.request, rows[key]):
                yield RefusedObject(model, key, rows[key])

    def _refused_by_cascade(self, batch: RemovalBatch) -> Iterator[RefusedObject]:
        if not self.cascade_admins:
            return
        plan = plan_batch(batch, rows_of=self.cascade_admins.keys())
        for model, objects in plan.rows.items():
            keys = [key for key in objects if model is not plan.model or objects[key] != key]
            for row in _rows(model, keys):
                if not self.cascade_admins[model].has_delete_permission(self.request, row):
                    yield RefusedObject(plan.model, objects[row.pk], cascade_row=row)


def _checked_admins(model_admin: ModelAdmin[Any]) -> Iterator[ModelAdmin[Any]]:
    """Yield the ModelAdmins that Django's delete page would check, the objects' own first."""
    yield model_admin
    yield from (
        each for each in _admins_of_cascade(model_admin) if each.model is not model_admin.model
    )


def _admins_of_cascade(model_admin: ModelAdmin[Any]) -> Iterator[ModelAdmin[Any]]:
    """Yield the site's ModelAdmins for the models whose rows the cascade can delete.

    The objects' own model is included only if the cascade can lead back to it.
    """
    site, root = model_admin.admin_site, model_admin.model._meta.concrete_model
    for model in sorted(deleted_with(root), key=lambda each: each._meta.label):
        if site.is_registered(model) and (model is not root or cascades_to_itself(root)):
            yield site.get_model_admin(model)


def _rows(model: type[Model], keys: Sequence[Any]) -> Iterator[Model]:
    rows = all_rows(model, AuditEntry.objects.db)
    for start in range(0, len(keys), ROWS_PER_QUERY):
        yield from rows.filter(pk__any_of=set(keys[start : start + ROWS_PER_QUERY]))


def _is_overridden(method: Any, original: Any) -> bool:
    """Return whether a bound method, or what replaces it, is not the original function."""
    return getattr(method, "__func__", method) is not original
