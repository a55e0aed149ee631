"""The page of a draft: what will be removed, what prevents that, and the actions on the draft."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeAlias

from django.apps import apps
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _

from moderation import conf
from moderation.admin.change_list_query import with_list_query
from moderation.admin.display import (
    Viewer,
    counts,
    objects_of,
    other_rows_of,
    removal_url,
    row_label,
)
from moderation.admin.messages import errors_as_messages, message_of
from moderation.admin.removals.add_actions import last_added
from moderation.admin.removals.check_first import check_first_context
from moderation.admin.removals.differences import difference_context
from moderation.admin.removals.draft_notices import (
    NOTICES_FIELD,
    check_notices,
    notices_context,
)
from moderation.admin.removals.files_that_stay import files_that_stay_context
from moderation.admin.removals.form_errors import pop_form_errors, store_form_errors
from moderation.admin.removals.forms import ConfirmForm, save_input
from moderation.admin.removals.keep_actions import last_kept
from moderation.admin.removals.object_permissions import (
    admin_of,
    guard_for,
    model_in_admin,
)
from moderation.admin.removals.other_drafts import other_drafts_context
from moderation.admin.removals.preferences import preferences_context
from moderation.admin.removals.tabs import back_to_page, selection_context
from moderation.cascade.batches import model_of
from moderation.checks.site import unmarked_storages
from moderation.exceptions import ModerationError
from moderation.lifecycle.removals import cancel
from moderation.models import Heartbeat, Removal
from moderation.models.states import RemovalState
from moderation.registry.content import content_of
from moderation.removals import history
from moderation.removals.blocking_rows import blocking_rows
from moderation.removals.draft import confirm
from moderation.removals.limits import MAX_NAMED, blockers_of

Admin: TypeAlias = "ModelAdmin[Removal]"


def show(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Return the page of a draft, with the errors or the difference of a refused confirmation."""
    errors = pop_form_errors(request, removal)
    viewer = Viewer(model_admin.admin_site, request)
    objects, model = objects_of(removal), model_in_admin(viewer, removal)
    selection = selection_context(viewer, removal)
    check_first = check_first_context(viewer, removal)
    marked = [marked.preview for marked in check_first["marked_previews"]]
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Remove %(objects)s?") % {"objects": objects},
        "opts": model_admin.opts,
        "removal": removal,
        "objects": objects,
        "objects_opts": model._meta,
        "other_rows": other_rows_of(removal),
        "updates": counts(removal.updates_by_model),
        "blockers": list(blockers_of(removal, request.user)),  # type: ignore[arg-type]
        "blocking_rows": _blocking_rows(viewer, removal),
        "difference": errors.difference,
        "form": errors.form,
        "is_decided_on": _is_decided_on(removal),
        "last_kept": last_kept(viewer, removal),
        "last_added": last_added(removal),
        "may_keep_by_owner": bool(content_of(model_of(removal)).owner),
        "worker_missing": not Heartbeat.is_recent(),
        "storages_without_identity": _storages_without_identity(removal),
        **_expiry_context(removal),
        **other_drafts_context(viewer, removal),
        **notices_context(viewer, removal),
        **preferences_context(request),
        **files_that_stay_context(viewer, removal, [*selection["previews"], *marked]),
        **check_first,
        **selection,
    }
    return TemplateResponse(request, "admin/moderation/removal/draft.html", context)


def confirm_draft(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Confirm a draft and redirect to its progress, or to its page with what prevents it."""
    save_input(removal, request.POST)
    form, difference = ConfirmForm(request.POST, removal=removal), None
    viewer = Viewer(model_admin.admin_site, request)
    if form.is_valid():
        try:
            check_notices(viewer, removal, request.POST.get(NOTICES_FIELD, ""))
            difference = confirm(
                removal,
                actor=request.user,  # type: ignore[arg-type]
                seal=request.POST.get("seal", ""),
                guard=guard_for(admin_of(model_admin.admin_site, removal), request),
                **form.cleaned_data,
            )
        except ModerationError as error:
            removal.refresh_from_db()
            form.add_error(None, message_of(error))
        else:
            if not difference:
                return redirect(removal_url(model_admin.admin_site, removal))
    if removal.state != RemovalState.DRAFT:
        return redirect(removal_url(model_admin.admin_site, removal))
    store_form_errors(request, removal, form, difference_context(viewer, removal, difference))
    return back_to_page(model_admin, request, removal)


def cancel_draft(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Cancel a draft and redirect to the change list of the objects."""
    with errors_as_messages(request):
        cancel(removal)
        messages.info(request, _("The draft was cancelled. Nothing was removed."))
    viewer = Viewer(model_admin.admin_site, request)
    url = viewer.list_url(model_in_admin(viewer, removal))
    return redirect(with_list_query(url, removal) or removal_url(viewer.site, removal))


def _is_decided_on(removal: Removal) -> bool:
    """Return whether objects were kept, added or reviewed: cancelling loses these decisions."""
    decisions = {history.EXCLUDED, history.RETURNED, history.ADDED}
    has_changed = any(each["change"] in decisions for each in removal.history)
    reviewed = removal.marked_objects.filter(is_reviewed=True)
    return bool(removal.kept_total) or has_changed or reviewed.exists()


def _expiry_context(removal: Removal) -> dict[str, Any]:
    """Return the time at which a draft expires, and the time until then in whole minutes."""
    expires_at = removal.created_at + timedelta(hours=conf.draft_hours())
    rounded_up = expires_at + timedelta(seconds=59)  # `timeuntil` rounds down
    return {"expires_at": expires_at, "expires_in": timeuntil(rounded_up)}


def _blocking_rows(viewer: Viewer, removal: Removal) -> list[str]:
    """Return the labels of the first rows that prevent the removal."""
    names: list[str] = []
    with errors_as_messages(viewer.request):
        names += [row_label(row) for row in blocking_rows(removal, MAX_NAMED)]
    return names


def _storages_without_identity(removal: Removal) -> list[str]:
    """Return the storages of a draft's files that have no identity yet."""
    if not removal.files_total:
        return []
    return unmarked_storages(map(apps.get_model, removal.rows_by_model))
