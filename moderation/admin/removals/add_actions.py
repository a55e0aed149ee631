"""The action that adds objects with the same picture to a draft."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeAlias

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from moderation.admin.display import Viewer, count, objects_of
from moderation.admin.messages import errors_as_messages
from moderation.admin.object_keys import keys_in
from moderation.admin.removals.forms import save_input
from moderation.admin.removals.group_previews import others_of_group
from moderation.admin.removals.keep_actions import say_what_was_returned
from moderation.admin.removals.object_permissions import admin_of, guard_for
from moderation.admin.removals.tabs import back_to_page
from moderation.cascade.batches import model_of
from moderation.models import KeptKeys, Removal
from moderation.removals.add import Added, add, most_added, undo_add
from moderation.removals.seal import check_seal

Admin: TypeAlias = "ModelAdmin[Removal]"


def add_to_draft(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Add the ticked objects of a group that are not selected, or all; or undo an addition."""
    save_input(removal, request.POST)
    if "undo_add" in request.POST:
        return _undo_add(model_admin, request, removal)
    viewer = Viewer(model_admin.admin_site, request)
    with errors_as_messages(request):
        check_seal(removal, request.POST.get("seal", ""))  # before the groups are computed
        added = add(
            removal,
            seal=request.POST.get("seal", ""),
            objects=_objects_to_add(viewer, removal),
            actor=request.user,  # type: ignore[arg-type]
            guard=guard_for(admin_of(viewer.site, removal), request),
        )
        _say_what_was_added(request, removal, added)
        say_what_was_returned(request, removal, added.returned, added.not_returned)
        if added.error:
            messages.error(request, added.error)
        elif "add_all" in request.POST:
            _say_if_none_was_left(request, added)
        else:
            _say_what_was_not_found(request, removal, added, set(request.POST.getlist("add")))
    return back_to_page(model_admin, request, removal)


def last_added(removal: Removal) -> int:
    """Return the number of selected objects that were added most recently."""
    total = removal.batches.aggregate(total=Sum("last_added_total", default=0))["total"]
    return int(total)


def _undo_add(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    with errors_as_messages(request):
        total = undo_add(removal, seal=request.POST.get("seal", ""))
        text = _("No longer selected: %(objects)s. %(left)s left in the selection.")
        names = {"objects": count(removal.model_label, total), "left": objects_of(removal)}
        messages.success(request, text % names)
    return back_to_page(model_admin, request, removal)


def _objects_to_add(viewer: Viewer, removal: Removal) -> QuerySet[Any]:
    """Return the ticked objects, or all but those that the moderator has decided to keep."""
    posted, model = viewer.request.POST, model_of(removal)
    if "add_all" in posted:
        others = others_of_group(viewer, removal, posted["add_all"])
        return others.exclude(pk__in=KeptKeys(removal, model)) if removal.kept_total else others
    keys = set(keys_in(model, posted.getlist("add")))
    others = others_of_group(viewer, removal, posted.get("add_ticked", ""))
    return others.filter(pk__any_of=keys) if keys else others.none()


def _say_what_was_added(request: HttpRequest, removal: Removal, added: Added) -> None:
    if added.total:
        text = _("Added %(added)s to the selection, which now has %(objects)s.")
        names = {"added": count(removal.model_label, added.total), "objects": objects_of(removal)}
        messages.success(request, text % names)
    if added.refused:
        text = _("Not added, because you may not remove them: %(names)s")
        messages.warning(request, text % {"names": added.refused})
    if added.left:
        text = ngettext(
            "At most %(most)s are added at once. %(left)s with this picture is not selected yet; "
            "add it in the same way.",
            "At most %(most)s are added at once. %(left)s with this picture are not selected yet; "
            "add them in the same way.",
            added.left,
        )
        most, left = (count(removal.model_label, each) for each in (most_added(), added.left))
        messages.warning(request, text % {"most": most, "left": left})


def _say_if_none_was_left(request: HttpRequest, added: Added) -> None:
    if not (added.total or added.refused):
        text = _("Nothing was added. No others with this picture are left to add.")
        messages.warning(request, text)


def _say_what_was_not_found(
    request: HttpRequest, removal: Removal, added: Added, ticked: Collection[str]
) -> None:
    """Add a message about ticked objects that were not found, or about nothing being ticked."""
    if not ticked:
        messages.warning(request, _("Nothing was added. Tick what you want to add."))
        return
    left_out = (added.refused, added.not_returned.refused, added.not_returned.deleted)
    found = added.total + added.returned + sum(each.total for each in left_out)
    not_found = len(ticked) - found
    if not_found > 0:
        text = ngettext(
            "%(objects)s was not added, because it no longer exists, or no longer has this "
            "picture.",
            "%(objects)s were not added, because they no longer exist, or no longer have this "
            "picture.",
            not_found,
        )
        messages.warning(request, text % {"objects": count(removal.model_label, not_found)})
