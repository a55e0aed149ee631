"""A picture as the admin shows it: re-encoded, small, and only to those who may see its row.

The address names a registered model, a row and a field, never a storage key. What a user uploaded
never reaches a browser: the picture is decoded and written anew.
"""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_permission_codename
from django.core.exceptions import (
    ObjectDoesNotExist,
    SuspiciousFileOperation,
    ValidationError,
)
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse

from moderation.db.rows import all_rows
from moderation.images import InvalidImage, decode, inspect, sheet
from moderation.images.limits import MAX_BYTES
from moderation.models import Removal
from moderation.registry import Registration, registration_by_label

log = logging.getLogger(__name__)

SIDE = 640  # pixels of the longer side: sharp enough on a card, no original
# Preview in place of a picture that is none. Browsers draw it although the status is an error's.
PLACEHOLDER = b"""<svg xmlns="http://www.w3.org/2000/svg" width="160" height="120" \
viewBox="0 0 160 120"><rect width="160" height="120" fill="#8883"/><path d="M56 36h34l14 14v34H56z\
M90 36v14h14M64 68h32M64 76h22" fill="none" stroke="#888" stroke-width="3"/></svg>"""
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}


class _NotRead(Exception):
    """The storage failed; the file may be there."""


def show(
    model_admin: ModelAdmin[Removal], request: HttpRequest, label: str, key: str, field: str
) -> HttpResponse:
    """Send a small WebP of the picture in a field of a row, as a browser would show it.

    For an animation, it shows the first, the longest and the last frame side by side, with a badge.
    Raises Http404 if the model is not registered or the user may not see the row. Otherwise a
    placeholder is sent: with status 404 if the file is missing, 415 if it is not a picture, is
    broken or too large, and 502 if the storage cannot deliver it at the moment.
    """
    file = _file(model_admin.admin_site, request, label, unquote(key), field)
    try:
        content = small(_read(file))
    except FileNotFoundError:
        return _answer(PLACEHOLDER, "image/svg+xml", status=404)
    except InvalidImage:
        return _answer(PLACEHOLDER, "image/svg+xml", status=415)
    except _NotRead:
        return _answer(PLACEHOLDER, "image/svg+xml", status=502)
    return _answer(content, "image/webp", status=200)


def _answer(content: bytes, content_type: str, *, status: int) -> HttpResponse:
    return HttpResponse(content, content_type=content_type, status=status, headers=HEADERS)


def _file(site: AdminSite, request: HttpRequest, label: str, key: str, field: str) -> Any:
    """Return the field's file, of a row that the person may see. Raises Http404."""
    try:
        registration = registration_by_label(label)
        row = all_rows(registration.model).get(pk=key)
    except (LookupError, ValueError, ValidationError, ObjectDoesNotExist) as error:
        raise Http404 from error
    if field not in {each.name for each in registration.fields}:
        raise Http404
    if not _is_visible(site, request, registration, row):
        raise Http404
    return getattr(row, field)


def _is_visible(
    site: AdminSite, request: HttpRequest, registration: Registration, row: Model
) -> bool:
    """Return whether the admin shows a row to a person.

    Its own ModelAdmin decides, else that of the row it hangs on, else the permission to view it.
    """
    if site.is_registered(registration.model):
        return _admin_shows(site, request, registration.model, row.pk)
    if registration.parent_field:
        relation: Any = registration.model._meta.get_field(registration.parent_field)
        parent = relation.related_model
        if site.is_registered(parent):
            key = getattr(row, relation.attname)
            return _admin_shows(site, request, parent, key)
    meta = registration.model._meta
    code = f"{meta.app_label}.{get_permission_codename('view', meta)}"
    return bool(request.user.has_perm(code))


def _admin_shows(site: AdminSite, request: HttpRequest, model: type[Model], key: Any) -> bool:
    model_admin = site.get_model_admin(model)
    row = model_admin.get_queryset(request).filter(pk=key).first()
    return row is not None and model_admin.has_view_permission(request, row)


def _read(file: Any) -> bytes:
    """Return the content of a stored file.

    Raises FileNotFoundError, and _NotRead for all other failures. Reads at most one byte more than
    MAX_BYTES, which `inspect` then refuses.
    """
    if not file:
        raise FileNotFoundError
    try:
        with file.open("rb") as stored:
            content: bytes = stored.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise
    except SuspiciousFileOperation as error:  # a name outside the storage: there is no such file
        raise FileNotFoundError from error
    except Exception as error:  # any storage library, any error
        log.warning("The picture %s cannot be read: %r", file.name, error)
        raise _NotRead from error
    return content


def small(content: bytes) -> bytes:
    """Return the picture as WebP of at most SIDE pixels a side. Raises InvalidImage."""
    frames = decode(content, inspect(content), SIDE)
    return sheet.as_webp(sheet.side_by_side(frames, SIDE))
