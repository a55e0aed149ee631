"""The page of a confirmed removal: its progress, its results, and the actions on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from moderation.admin.access import may_manage, may_view_entries
from moderation.admin.badge import badge
from moderation.admin.change_list_query import with_list_query
from moderation.admin.display import (
    Viewer,
    count,
    objects_of,
    other_rows_of,
    removal_url,
    row_names_for,
)
from moderation.admin.in_use import in_use_reasons
from moderation.admin.messages import errors_as_messages
from moderation.admin.removals.next_steps import next_steps_of
from moderation.admin.removals.object_permissions import model_in_admin
from moderation.cascade.batches import model_of
from moderation.jobs.failures import Failed
from moderation.lifecycle import removals as lifecycle
from moderation.models import Heartbeat, Removal, StorageIdentity
from moderation.models.states import EntryState, RemovalState
from moderation.removals.limits import MAX_NAMED
from moderation.removals.progress import numbers as numbers_of

# The page lists at most this many events, the most recent ones.
MAX_EVENTS = 50

RUNNING_STATES = (RemovalState.DELETING, RemovalState.PURGING)
# The states in which nothing is left to do for a file, for the progress bar.
FINISHED_STATES = (EntryState.ERASED, EntryState.IN_USE, EntryState.HIDDEN, EntryState.FAILED,
            EntryState.RESTORED)  # fmt: skip

Admin: TypeAlias = "ModelAdmin[Removal]"


def show(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Return the page of a removal. While the removal runs, the page reloads its `fragment`."""
    viewer = Viewer(model_admin.admin_site, request)
    context = {
        **model_admin.admin_site.each_context(request),
        **_progress(viewer, removal),
        "next_steps": next_steps_of(viewer, removal),
        "title": _title(removal),
        "opts": model_admin.opts,
    }
    return TemplateResponse(request, "admin/moderation/removal/progress.html", context)


def fragment(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Return the part of the page that changes while the removal runs.

    A page that shows next steps keeps them, so they are not counted again for each request.
    """
    viewer = Viewer(model_admin.admin_site, request)
    are_shown = request.GET.get("next_steps") == "shown"
    context = {
        **_progress(viewer, removal),
        "next_steps": None if are_shown else next_steps_of(viewer, removal),
    }
    return TemplateResponse(request, "admin/moderation/removal/progress_fragment.html", context)


def stop(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Stop a removal after the current batch."""
    text = _("Stopping after the current batch.")
    return _run_action(model_admin, request, removal, lifecycle.stop, text)


def resume(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Resume a stopped removal."""
    return _run_action(model_admin, request, removal, lifecycle.resume, _("Continuing."))


def retry(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Retry the batches and files that failed."""
    text = _("Retrying what failed.")
    return _run_action(model_admin, request, removal, lifecycle.retry, text)


def _run_action(
    model_admin: Admin,
    request: HttpRequest,
    removal: Removal,
    action: Callable[..., None],
    text: str,
) -> HttpResponse:
    """Run an action and redirect to the page. Raises PermissionDenied without permission."""
    if not may_manage(request.user, removal):
        raise PermissionDenied
    with errors_as_messages(request):
        action(removal, actor=request.user)
        messages.info(request, text)
    return redirect(removal_url(model_admin.admin_site, removal))


def _title(removal: Removal) -> str:
    objects = objects_of(removal)
    if not objects.number:
        return _("Removal %(number)s") % {"number": removal}
    return _("Removal %(number)s: %(objects)s") % {"number": removal, "objects": objects}


def _progress(viewer: Viewer, removal: Removal) -> dict[str, Any]:
    user, numbers = viewer.request.user, numbers_of(removal)
    not_deleted = _objects_not_deleted(removal)
    files = numbers["entries"] if removal.state not in RUNNING_STATES else removal.files_total
    failed = Failed(numbers["batches_failed"], numbers["failed"], numbers["found_again"])
    may_manage_it = may_manage(user, removal)
    return {
        "removal": removal,
        "badge": badge(removal, failed),
        "objects": objects_of(removal),
        "deleted": count(removal.model_label, numbers["deleted"]),
        "list_url": _list_url(viewer, removal),
        "objects_plural": count(removal.model_label, 0).noun,
        "other_rows": other_rows_of(removal),
        "numbers": numbers,
        "objects_finished": numbers["deleted"]
        + not_deleted["changed_total"]
        + not_deleted["already_deleted_total"],
        "files": max(files, numbers["entries"]),
        "files_finished": sum(numbers[state] for state in FINISHED_STATES),
        "running": removal.state in RUNNING_STATES,
        "was_confirmed": removal.confirmed_at is not None,
        "worker_missing": removal.state in RUNNING_STATES and not Heartbeat.is_recent(),
        "not_deleted": not_deleted,
        "changed": _changed(viewer, removal, not_deleted["changed"]),
        "batches_failed": _failed_batches(removal),
        "batches_rescheduled": _rescheduled_batches(removal)
        if numbers["batches_rescheduled"]
        else [],
        "found_again": _found_again(viewer, removal) if numbers["found_again"] else [],
        "entries": _entries_in_use_and_failed(viewer, removal)
        if numbers["in_use"] or numbers["failed"]
        else {},
        "delays": _delays(removal) if numbers["pending"] else {},
        "missing": removal.entries.missing().count() if numbers["erased"] else 0,
        "events": removal.events.order_by("-recorded_at", "-pk")[:MAX_EVENTS],
        "may_view_entries": may_view_entries(user, removal),
        "may_stop": may_manage_it and removal.state == RemovalState.DELETING,
        "may_resume": may_manage_it and removal.state == RemovalState.STOPPED,
        "may_retry": may_manage_it and bool(failed.batches or failed.entries),
        "list_limit": MAX_NAMED,
    }


def _list_url(viewer: Viewer, removal: Removal) -> str:
    """Return the URL of the change list with the author's filters, or "" for other users."""
    if removal.actor_id != viewer.request.user.pk:
        return ""
    return with_list_query(viewer.list_url(model_in_admin(viewer, removal)), removal)


def _objects_not_deleted(removal: Removal) -> dict[str, Any]:
    """Return the first keys and the number of the objects that changed, or no longer existed."""
    deleted = removal.batches.deleted()
    batches = deleted.exclude(Q(changed=[]) & Q(already_deleted=[])).order_by("number")
    names = ("changed", "already_deleted")
    keys: dict[str, list[Any]] = {name: [] for name in names}
    totals = {f"{name}_total": 0 for name in names}
    for batch in batches.values(*names).iterator():
        for name, some in batch.items():
            keys[name] += some[: MAX_NAMED - len(keys[name])]
            totals[f"{name}_total"] += len(some)
    return keys | totals


def _changed(viewer: Viewer, removal: Removal, keys: list[Any]) -> list[tuple[str, str]]:
    """Return the name and URL of each object that was not deleted, because it had changed."""
    if not keys:
        return []
    model = model_of(removal)
    names = row_names_for(viewer, removal, [model._meta.pk.to_python(key) for key in keys])
    return [(name, viewer.url_of(model, key)) for key, name in names.items()]


def _failed_batches(removal: Removal) -> list[Any]:
    """Return the first failed batches, with the reasons."""
    failed = removal.batches.failed().order_by("number")
    return _with_objects(removal, failed.values("objects_total", "error")[:MAX_NAMED])


def _rescheduled_batches(removal: Removal) -> list[Any]:
    """Return the first batches that will be retried, with the reasons."""
    rescheduled = removal.batches.rescheduled().order_by("number")
    columns = ("objects_total", "error", "attempts", "due_at")
    return _with_objects(removal, rescheduled.values(*columns)[:MAX_NAMED])


def _with_objects(removal: Removal, batches: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return batches with the count of their objects as `objects`."""
    label = removal.model_label
    return [{**batch, "objects": count(label, batch["objects_total"])} for batch in batches]


def _found_again(viewer: Viewer, removal: Removal) -> list[Any]:
    """Return the first entries whose key was erased and later found in storage again."""
    entries = removal.entries.found_again().order_by("pk")
    return list(entries.values(*_entry_columns(viewer, removal))[:MAX_NAMED])


def _delays(removal: Removal) -> dict[str, Any]:
    """Return why files wait: the error of the next one to be retried, and storage problems."""
    pending = removal.entries.pending()
    retried = pending.exclude(error_code="")
    identities = StorageIdentity.objects.filter(alias__in=pending.values("storage")).order_by(
        "alias"
    )
    problems = [(each.problem, each.reference_problem) for each in identities]
    next_entry = retried.order_by("due_at").values("error_code", "error", "due_at").first()
    return {
        "retried": retried.count(),
        "next_at": next_entry and next_entry["due_at"],
        "reason": next_entry and _error_of(next_entry),
        "problems": [problem for each in problems for problem in each if problem],
    }


def _entries_in_use_and_failed(viewer: Viewer, removal: Removal) -> dict[str, list[Any]]:
    """Return the first entries in use and the first that failed, each with the reason."""
    columns = [*_entry_columns(viewer, removal), "in_use_reason", "error_code", "error"]
    entries = removal.entries.order_by("pk")
    in_use = list(entries.in_use().values(*columns)[:MAX_NAMED])
    reasons = in_use_reasons(viewer, {entry["in_use_reason"] for entry in in_use})
    for entry in in_use:
        entry["reason"] = reasons[entry["in_use_reason"]]
    failed = list(entries.failed().values(*columns)[:MAX_NAMED])
    for entry in failed:
        entry["reason"] = _error_of(entry)
    return {"in_use": in_use, "failed": failed}


def _entry_columns(viewer: Viewer, removal: Removal) -> list[str]:
    """Return the columns that identify the entries of a removal to the viewer.

    Names and titles come from the audit log, so they are only for users who may view its entries.
    """
    return ["pk", "name", "title"] if may_view_entries(viewer.request.user, removal) else ["pk"]


def _error_of(entry: dict[str, Any]) -> str:
    """Return the error message of an entry with its code: "No permission (AccessDenied)."."""
    message, code = entry["error"], entry["error_code"]
    if not (message and code):
        return str(message or code)
    return f"{message.removesuffix('.')} ({code})."
