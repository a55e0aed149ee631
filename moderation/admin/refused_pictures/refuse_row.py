"""The page that refuses the picture of one row, such as a picture on the page of a post."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.utils import unquote
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from moderation.admin.change_list_query import with_preserved_filters
from moderation.admin.display import Viewer
from moderation.admin.refused_pictures.access import list_url, may_refuse
from moderation.admin.refused_pictures.forms import is_posted, refuse_posted, show_form
from moderation.admin.thumbnails import picture_url, visible_row
from moderation.models import RefusedPicture
from moderation.picture_groups.groups import rows_of
from moderation.picture_groups.refused import hashes_of
from moderation.registry import Registration
from moderation.registry.content import PictureSource, picture_sources_of

SIGNED_FIELD = "signed"  # the pictures that the form showed, for when the row is removed
MAX_AGE = timedelta(days=1)  # of a form whose row was removed


def refuse_row(
    model_admin: ModelAdmin[RefusedPicture], request: HttpRequest, label: str, key: str
) -> HttpResponse:
    """Show the form that refuses the picture of a row. When it is posted, refuse the picture.

    Cancelling and refusing lead back to the page of the row, and keep the filters of the list that
    the user came from. If the row was removed while the form was open, the picture is refused all
    the same, and they lead to the list of refused pictures. Raises PermissionDenied, and Http404 if
    the user may not view the row or if it has no picture with a SHA-256.
    """
    if not may_refuse(request.user):
        raise PermissionDenied
    name = f"{label}/{key}"
    try:
        pictures, urls = _shown(model_admin, request, label, key)
    except Http404:
        pictures = _signed_pictures(request, name)
        urls = {"picture_url": "", "back_url": list_url(model_admin.admin_site)}
    form = None
    if request.method == "POST" and is_posted(request):
        form = refuse_posted(model_admin, request, pictures)
        if form is None:
            return redirect(urls["back_url"])
    hidden = {SIGNED_FIELD: _sign(request, name, pictures)}
    return show_form(model_admin, request, pictures, form=form, hidden=hidden, **urls)


def own_source(model: type[Model]) -> PictureSource | None:
    """Return the source whose rows are the objects of a model, or None if there is none.

    There is none if the model has no registered picture with a SHA-256.
    """
    return next((each for each in picture_sources_of(model) if each.to_object == "pk"), None)


def _shown(
    model_admin: ModelAdmin[RefusedPicture], request: HttpRequest, label: str, key: str
) -> tuple[dict[str, str | None], dict[str, str]]:
    """Return the pictures of a row, and the URLs of the page. Raises Http404."""
    site = model_admin.admin_site
    row, registration = visible_row(site, request, label, unquote(key))
    page_url = _page_of(Viewer(site, request), row, registration)
    back_url = page_url and with_preserved_filters(model_admin, request, page_url)
    urls = {
        "picture_url": picture_url(site, registration, row.pk),
        "back_url": back_url or list_url(site),
    }
    return _pictures(row), urls


def _sign(request: HttpRequest, name: str, pictures: Mapping[str, str | None]) -> str:
    """Return the pictures of a row as a text that only this user can send, and only for this row.

    Without a signature, a form could refuse pictures that its user has never seen.
    """
    return signing.dumps([str(request.user.pk), name, pictures], salt=__name__)


def _signed_pictures(request: HttpRequest, name: str) -> dict[str, str | None]:
    """Return the pictures that the page showed. Raises Http404 if no form with them was posted."""
    try:
        signed = signing.loads(request.POST.get(SIGNED_FIELD, ""), salt=__name__, max_age=MAX_AGE)
    except signing.BadSignature as error:
        raise Http404 from error
    user, row, pictures = signed
    if (user, row) != (str(request.user.pk), name):
        raise Http404
    found: dict[str, str | None] = pictures
    return found


def _pictures(row: Model) -> dict[str, str | None]:
    source = own_source(type(row))
    pictures = hashes_of(rows_of(source).filter(pk=row.pk), source) if source else {}
    if not pictures:
        raise Http404
    return pictures


def _page_of(viewer: Viewer, row: Model, registration: Registration) -> str:
    """Return the URL of the page of a row or of its parent, or "" if the viewer may not view it."""
    if url := viewer.url_of(registration.model, row.pk):
        return url
    if not registration.parent_field:
        return ""
    relation: Any = registration.model._meta.get_field(registration.parent_field)
    return viewer.url_of(relation.related_model, getattr(row, relation.attname))
