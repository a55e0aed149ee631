"""Thumbnails for the admin: small, re-encoded, and only for users who may view the row.

The URL names a registered model, a row and a field, never a storage key. An uploaded file is never
sent to a browser: the picture is decoded and encoded again.
"""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.utils import quote, unquote
from django.contrib.auth import get_permission_codename
from django.core.exceptions import (
    ObjectDoesNotExist,
    SuspiciousFileOperation,
    ValidationError,
)
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from moderation.db.rows import all_rows
from moderation.images import InvalidImage, decode, inspect, sheet
from moderation.images.limits import MAX_BYTES
from moderation.models import Removal
from moderation.registry import Registration, registration_by_label

log = logging.getLogger(__name__)

MAX_SIDE = 640  # pixels of the longer side: sharp enough for a preview
LARGE_SIDE = 1_600  # with `size=large`: fills a screen, and is still decoded within the limits
# Displayed instead of a file that is not a picture. Browsers draw it despite the error status.
PLACEHOLDER = b"""<svg xmlns="http://www.w3.org/2000/svg" width="160" height="120" \
viewBox="0 0 160 120"><rect width="160" height="120" fill="#8883"/><path d="M56 36h34l14 14v34H56z\
M90 36v14h14M64 68h32M64 76h22" fill="none" stroke="#888" stroke-width="3"/></svg>"""
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}


class RowMissing(Http404):
    """There is no such row, as opposed to one that the user may not view."""


class _StorageUnavailable(Exception):
    """The storage failed; the file may exist."""


def show(
    model_admin: ModelAdmin[Removal], request: HttpRequest, label: str, key: str, field: str
) -> HttpResponse:
    """Return the picture in a field of a row as a small WebP, as a browser would display it.

    With `size=large` in the URL, it is larger, and made from the picture itself even if the field
    is that of its thumbnail. An animation becomes one picture of its first, longest and last
    frames, with a badge.

    Raises Http404 if the model is not registered or the user may not view the row. Otherwise
    returns a placeholder: with status 404 if the file is missing, 415 if it is not a picture, is
    broken or too large, and 502 if the storage cannot deliver it at the moment.
    """
    is_large = request.GET.get("size") == "large"
    row, registration = visible_row(model_admin.admin_site, request, label, unquote(key))
    file = _file(row, registration, field, is_large=is_large)
    try:
        content = thumbnail_of(_read(file), LARGE_SIDE if is_large else MAX_SIDE)
    except FileNotFoundError:
        return _response(PLACEHOLDER, "image/svg+xml", status=404)
    except InvalidImage:
        return _response(PLACEHOLDER, "image/svg+xml", status=415)
    except _StorageUnavailable:
        return _response(PLACEHOLDER, "image/svg+xml", status=502)
    return _response(content, "image/webp", status=200)


def _response(content: bytes, content_type: str, *, status: int) -> HttpResponse:
    return HttpResponse(content, content_type=content_type, status=status, headers=HEADERS)


def picture_url(site: AdminSite, registration: Registration, key: Any) -> str:
    """Return the URL of the thumbnail of a row's picture."""
    field = registration.thumbnail or registration.picture
    args = (registration.label.lower(), quote(key), field)
    return reverse("admin:moderation_picture", args=args, current_app=site.name)


def visible_row(
    site: AdminSite, request: HttpRequest, label: str, key: str
) -> tuple[Model, Registration]:
    """Return a row and its registration.

    Raises RowMissing if there is none, and Http404 if the user may not view it.
    """
    try:
        registration = registration_by_label(label)
        row = all_rows(registration.model).get(pk=key)
    except (LookupError, ValueError, ValidationError, ObjectDoesNotExist) as error:
        raise RowMissing from error
    if not _may_view(site, request, registration, row):
        raise Http404
    return row, registration


def _file(row: Model, registration: Registration, field: str, *, is_large: bool) -> Any:
    """Return the file in a field of a row, or the row's picture instead of its thumbnail.

    Raises Http404 if the field is not one of the registration's.
    """
    if field not in {each.name for each in registration.fields}:
        raise Http404
    if is_large and field == registration.thumbnail:
        field = registration.picture or field
    return getattr(row, field)


def _may_view(
    site: AdminSite, request: HttpRequest, registration: Registration, row: Model
) -> bool:
    """Return whether the user may view a row.

    The ModelAdmin of its model decides, else that of its parent, else the view permission.
    """
    if site.is_registered(registration.model):
        return _may_view_in_admin(site, request, registration.model, row.pk)
    if registration.parent_field:
        relation: Any = registration.model._meta.get_field(registration.parent_field)
        parent = relation.related_model
        if site.is_registered(parent):
            key = getattr(row, relation.attname)
            return _may_view_in_admin(site, request, parent, key)
    meta = registration.model._meta
    code = f"{meta.app_label}.{get_permission_codename('view', meta)}"
    return bool(request.user.has_perm(code))


def _may_view_in_admin(site: AdminSite, request: HttpRequest, model: type[Model], key: Any) -> bool:
    model_admin = site.get_model_admin(model)
    row = model_admin.get_queryset(request).filter(pk=key).first()
    return row is not None and model_admin.has_view_permission(request, row)


def _read(file: Any) -> bytes:
    """Return the content of a stored file.

    Raises FileNotFoundError, and _StorageUnavailable for all other failures. Reads at most one byte
    more than MAX_BYTES, so that `inspect` rejects a file that is too large.
    """
    if not file:
        raise FileNotFoundError
    try:
        with file.open("rb") as opened:
            content: bytes = opened.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise
    except SuspiciousFileOperation as error:  # a name outside the storage
        raise FileNotFoundError from error
    except Exception as error:  # storage libraries raise exceptions of their own
        log.warning("The picture %s cannot be read: %r", file.name, error)
        raise _StorageUnavailable from error
    return content


def thumbnail_of(content: bytes, side: int = MAX_SIDE) -> bytes:
    """Return the picture as WebP of at most `side` pixels a side. Raises InvalidImage."""
    structure = inspect(content)
    # The frames of an animation share the sides, so none needs more pixels than a preview.
    frames = decode(content, structure, MAX_SIDE if structure.is_composed else side)
    return sheet.as_webp(sheet.side_by_side(frames, side))
