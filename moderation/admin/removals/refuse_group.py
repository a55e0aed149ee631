"""The action on a draft that refuses the pictures of a group from now on.

The draft itself does not change, so no seal is needed.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from moderation.admin.display import Viewer, removal_url
from moderation.admin.refused_pictures.access import may_refuse
from moderation.admin.refused_pictures.forms import is_posted, refuse_posted, show_form
from moderation.admin.refused_pictures.shown_pictures import posted_pictures, sign
from moderation.admin.removals.forms import save_input
from moderation.admin.removals.group_previews import pictures_of_group
from moderation.admin.removals.selected_objects import visible_keys
from moderation.admin.removals.tabs import back_to_page, page_parameters
from moderation.cascade.batches import model_of
from moderation.db.rows import all_rows
from moderation.models import AuditEntry, Removal
from moderation.models.states import RemovalState
from moderation.picture_groups.refused import hashes_of_objects

GROUP = "refuse"  # the name of the button, whose value is the key of the group


def refuse_group(
    model_admin: ModelAdmin[Removal], request: HttpRequest, removal: Removal
) -> HttpResponse:
    """Save what was entered, and show the form. When that is posted, refuse the pictures.

    Refuses those that the form showed, even if somebody else has changed the group or removed the
    objects since. Cancelling and refusing lead back to the same page of the selection. Raises
    PermissionDenied if the user may not refuse pictures.
    """
    save_input(removal, request.POST)
    if removal.state != RemovalState.DRAFT:
        messages.error(request, _("Nothing was refused: this removal is no longer a draft."))
        return back_to_page(model_admin, request, removal)
    if not may_refuse(request.user):
        raise PermissionDenied
    key = request.POST.get(GROUP, "")
    viewer = Viewer(model_admin.admin_site, request)
    picture_url, current = pictures_of_group(viewer, removal, key)
    name = f"{removal.pk}/{key}"
    shown = posted_pictures(request, name)
    if shown is None or _has_hidden_pictures(viewer, removal, shown.pictures):
        shown = sign(request, name, current)
    if not shown.pictures:
        messages.error(request, _("Nothing was refused: the picture is no longer selected."))
        return back_to_page(model_admin, request, removal)
    form = None
    if is_posted(request):
        form = refuse_posted(model_admin, request, shown.pictures)
        if form is None:
            return back_to_page(model_admin, request, removal)
    parameters = page_parameters(request.POST)
    return show_form(
        model_admin,
        request,
        shown.pictures,
        form=form,
        files=max(len(current), len(shown.pictures)),
        picture_url=picture_url,
        back_url=f"{removal_url(viewer.site, removal)}?{urlencode(parameters)}",
        hidden={**parameters, **shown.hidden, GROUP: key},
    )


def _has_hidden_pictures(viewer: Viewer, removal: Removal, sha256s: Collection[str]) -> bool:
    """Return whether only objects that the viewer may not see have one of these pictures."""
    visible, model = visible_keys(viewer, removal), model_of(removal)
    if visible is None:
        return False
    keys = all_rows(model, AuditEntry.objects.db).values("pk")
    stored = hashes_of_objects(sha256s, model, keys)
    return bool(stored.keys() - hashes_of_objects(sha256s, model, visible).keys())
