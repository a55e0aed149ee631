"""Thumbnails of refused pictures: those of rows that still have the same file."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth import get_permission_codename
from django.db.models import F, Model, QuerySet, Window
from django.db.models.functions import RowNumber

from moderation.admin.display import Viewer
from moderation.admin.refused_pictures.refuse_row import own_source
from moderation.admin.thumbnails import picture_url
from moderation.picture_groups.groups import rows_of
from moderation.registry import registered_models
from moderation.registry.content import PictureSource
from moderation.removals.selection import filterable


def thumbnail_urls(viewer: Viewer, sha256s: Collection[str]) -> dict[str, str]:
    """Return the thumbnail of each SHA-256 that is in a row the viewer may see: {SHA-256: URL}.

    Runs one query for each registered model with pictures.
    """
    found: dict[str, str] = {}
    for model in registered_models():
        source = own_source(model)
        if source is None or not sha256s:
            continue
        position = Window(RowNumber(), partition_by=F(source.sha256), order_by="pk")
        rows = _visible_rows(viewer, source).filter(**{f"{source.sha256}__any_of": set(sha256s)})
        first = rows.annotate(position_among_equal=position).filter(position_among_equal=1)
        for sha256, key in first.values_list(source.sha256, "pk"):
            found.setdefault(sha256, picture_url(viewer.site, source.registration, key))
    return found


def _visible_rows(viewer: Viewer, source: PictureSource) -> QuerySet[Any]:
    """Return the rows whose pictures the viewer may see; see `moderation.admin.thumbnails`."""
    registration, rows = source.registration, rows_of(source)
    model, parent = registration.model, registration.parent_field
    if viewer.site.is_registered(model):
        return rows.filter(pk__in=_keys(viewer, model))
    if parent:
        relation: Any = model._meta.get_field(parent)
        if viewer.site.is_registered(relation.related_model):
            return rows.filter(**{f"{parent}__in": _keys(viewer, relation.related_model)})
    code = f"{model._meta.app_label}.{get_permission_codename('view', model._meta)}"
    return rows if viewer.request.user.has_perm(code) else rows.none()


def _keys(viewer: Viewer, model: type[Model]) -> QuerySet[Any]:
    """Return the keys of the rows that the ModelAdmin of a model shows to the viewer."""
    rows = viewer.site.get_model_admin(model).get_queryset(viewer.request)
    visible = filterable(rows).order_by()
    return (visible if viewer.may_view(model) else visible.none()).values("pk")
