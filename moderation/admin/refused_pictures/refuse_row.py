"""The page that refuses the picture of one row, such as a picture on the page of a post."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from moderation.admin.change_list_query import with_preserved_filters
from moderation.admin.display import Viewer
from moderation.admin.refused_pictures.access import list_url, may_refuse
from moderation.admin.refused_pictures.forms import is_posted, refuse_posted, show_form
from moderation.admin.refused_pictures.shown_pictures import posted_pictures, sign
from moderation.admin.thumbnails import RowMissing, picture_url, visible_row
from moderation.models import RefusedPicture
from moderation.picture_groups.groups import rows_of
from moderation.picture_groups.refused import hashes_of
from moderation.registry import Registration
from moderation.registry.content import PictureSource, picture_sources_of


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
    shown = posted_pictures(request, name)
    try:
        pictures, urls = _current(model_admin, request, label, key)
    except RowMissing:
        if shown is None:
            raise
        urls = {"picture_url": "", "back_url": list_url(model_admin.admin_site)}
    else:
        shown = shown or sign(request, name, pictures)
    form = None
    if request.method == "POST" and is_posted(request):
        form = refuse_posted(model_admin, request, shown.pictures)
        if form is None:
            return redirect(urls["back_url"])
    return show_form(model_admin, request, shown.pictures, form=form, hidden=shown.hidden, **urls)


def own_source(model: type[Model]) -> PictureSource | None:
    """Return the source whose rows are the objects of a model, or None if there is none.

    There is none if the model has no registered picture with a SHA-256.
    """
    return next((each for each in picture_sources_of(model) if each.to_object == "pk"), None)


def _current(
    model_admin: ModelAdmin[RefusedPicture], request: HttpRequest, label: str, key: str
) -> tuple[dict[str, str | None], dict[str, str]]:
    """Return the pictures of a row, and the URLs of the page. Raises RowMissing and Http404."""
    site = model_admin.admin_site
    row, registration = visible_row(site, request, label, unquote(key))
    page_url = _page_of(Viewer(site, request), row, registration)
    back_url = page_url and with_preserved_filters(model_admin, request, page_url)
    urls = {
        "picture_url": picture_url(site, registration, row.pk),
        "back_url": back_url or list_url(site),
    }
    return _pictures(row), urls


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
