"""Keep on a draft's page: the actions that exclude objects and return them, and how to undo."""

from __future__ import annotations

from itertools import islice
from typing import TypeAlias

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from moderation.admin.display import Viewer, count, objects_of, row_names
from moderation.admin.messages import errors_as_messages
from moderation.admin.removals.forms import save_input
from moderation.admin.removals.group_previews import objects_of_group
from moderation.admin.removals.kept_groups import kept_with_text_of, objects_with_pictures_of
from moderation.admin.removals.object_permissions import admin_of, guard_for, visible_to
from moderation.admin.removals.tabs import back_to_page
from moderation.admin.removals.text_previews import keys_of_text_group
from moderation.cascade.batches import model_of
from moderation.models import Removal
from moderation.removals.keep import (
    KeysByBatch,
    NotReturned,
    exclude,
    kept_among,
    kept_keys,
    last_kept_keys,
    return_kept,
    selected_keys,
)
from moderation.removals.owners import keys_by_batch, keys_of_objects, keys_with_owner_of
from moderation.removals.refused_objects import RefusedObjects
from moderation.removals.seal import check_seal

NUMBER_DIGITS = 10  # of the largest batch number that the database can hold
# Short enough for the notice about the last Keep, which stays in sight.
MAX_NAMES, NAME_LENGTH = 3, 40

Admin: TypeAlias = "ModelAdmin[Removal]"


def exclude_from_draft(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Exclude the object that the button names, or all of its owner, or of a group."""
    save_input(removal, request.POST)
    viewer, seal = Viewer(model_admin.admin_site, request), request.POST.get("seal", "")
    with errors_as_messages(request):
        check_seal(removal, seal)  # before the groups are computed, which may take a second
        exclude(removal, seal=seal, keys_by_batch=_keys_to_exclude(viewer, removal))
    return back_to_page(model_admin, request, removal)


def return_to_draft(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Return the object that the button names, or all of its owner, or of its groups; or all kept.

    One button returns those of the last Keep.
    """
    save_input(removal, request.POST)
    viewer, seal = Viewer(model_admin.admin_site, request), request.POST.get("seal", "")
    before = removal.objects_total
    with errors_as_messages(request):
        check_seal(removal, seal)  # before the groups are computed, which may take a second
        not_returned = return_kept(
            removal,
            seal=seal,
            keys_by_batch=_keys_to_return(viewer, removal),
            actor=request.user,  # type: ignore[arg-type]
            guard=guard_for(admin_of(model_admin.admin_site, removal), request),
        )
        say_what_was_returned(request, removal, removal.objects_total - before, not_returned)
    return back_to_page(model_admin, request, removal)


def last_kept(viewer: Viewer, removal: Removal) -> str:
    """Return a sentence that names what the last Keep excluded, or "" if it was undone."""
    if not removal.kept_total:
        return ""
    total = removal.batches.aggregate(total=Sum("last_kept_total"))["total"]
    if not total:
        return ""
    found = (key for _number, keys in last_kept_keys(removal) for key in keys)
    named = RefusedObjects(_names(viewer, removal, list(islice(found, MAX_NAMES))), total)
    text = _("Kept: %(names)s. %(objects)s left in the selection.")
    if total > 1:
        text = _("Kept %(kept)s: %(names)s. %(objects)s left in the selection.")
    kept = count(removal.model_label, total)
    return text % {"kept": kept, "names": named, "objects": objects_of(removal)}


def _names(viewer: Viewer, removal: Removal, keys: list[str]) -> list[str]:
    """Return the quoted names of objects. One that is not visible is named by its key."""
    model = model_of(removal)
    values = list(map(model._meta.pk.to_python, keys))
    names = row_names(removal, visible_to(viewer, removal, values))
    return [
        _("“%(name)s”") % {"name": Truncator(names[value]).chars(NAME_LENGTH)}
        if value in names
        else f"{model._meta.verbose_name} {value}"
        for value in values
    ]


def say_what_was_returned(
    request: HttpRequest, removal: Removal, total: int, not_returned: NotReturned
) -> None:
    """Add messages with the number of returned objects, and the names of those that were not."""
    if total:
        text = _("%(returned)s returned to the selection, which now has %(objects)s.")
        returned = count(removal.model_label, total)
        messages.success(request, text % {"returned": returned, "objects": objects_of(removal)})
    if not_returned.refused:
        text = _("Not returned, because you may not remove them: %(names)s")
        messages.warning(request, text % {"names": not_returned.refused})
    if not_returned.deleted:
        text = _("Not returned, because someone else removed them: %(names)s")
        messages.warning(request, text % {"names": not_returned.deleted})


def _keys_to_exclude(viewer: Viewer, removal: Removal) -> KeysByBatch:
    posted = viewer.request.POST
    if "with_picture" in posted:
        objects = objects_of_group(viewer, removal, posted["with_picture"])
        return keys_of_objects(objects, among=selected_keys(removal))
    if "with_file" in posted:
        objects = objects_of_group(viewer, removal, posted["with_file"], only_file=True)
        return keys_of_objects(objects, among=selected_keys(removal))
    if "with_text" in posted:
        return keys_by_batch(removal, keys_of_text_group(viewer, removal, posted["with_text"]))
    return _named_or_owned(removal, posted, among=selected_keys(removal))


def _keys_to_return(viewer: Viewer, removal: Removal) -> KeysByBatch:
    posted = viewer.request.POST
    if "all" in posted:
        return kept_keys(removal)
    if "last" in posted:
        return last_kept_keys(removal)
    if "pictures_of" in posted:
        objects = objects_with_pictures_of(viewer, removal, posted["pictures_of"])
        return keys_of_objects(objects, among=kept_keys(removal))
    if "text_of" in posted:
        keys = kept_with_text_of(viewer, removal, posted["text_of"])
        return kept_among(removal, set(map(str, keys)))
    return _named_or_owned(removal, posted, among=kept_keys(removal))


def _named_or_owned(removal: Removal, posted: QueryDict, *, among: KeysByBatch) -> KeysByBatch:
    """Return the object that a button names, or those of its owner that are among the keys."""
    if "owner_of" in posted:
        return keys_with_owner_of(removal, *_object_in(posted.get("owner_of", "")), among=among)
    number, key = _object_in(posted.get("object", ""))
    return [(number, [key])]


def _object_in(value: str) -> tuple[int, str]:
    """Return the number of the batch and the key in the value of a button."""
    number, _colon, key = value.partition(":")
    return (int(number) if number.isdecimal() and len(number) < NUMBER_DIGITS else 0), key
