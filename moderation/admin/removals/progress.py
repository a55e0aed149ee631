"""The page of a confirmed removal: how far it got, what became of what, and the deeds on it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, TypeAlias

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from moderation.admin.access import may_manage, sees_entries
from moderation.admin.badge import badge
from moderation.admin.display import Viewer, counts, objects_of, removal_url, row_names_for
from moderation.admin.messages import errors_as_messages
from moderation.admin.way_back import with_filters
from moderation.cascade.batches import model_of
from moderation.jobs.failures import Failed
from moderation.lifecycle import removals as lifecycle
from moderation.models import Heartbeat, Removal, StorageIdentity
from moderation.models.states import WAS_MISSING, BatchState, EntryState, RemovalState
from moderation.removals.progress import numbers as numbers_of

# Things that the page names one by one; of the others it gives the number.
NAMED = 20
# The last acts on a removal that the page lists.
EVENTS = 50

RUNNING = (RemovalState.DELETING, RemovalState.PURGING)
# What ends a key's way, for the bar.
SETTLED = (EntryState.ERASED, EntryState.IN_USE, EntryState.HIDDEN, EntryState.FAILED,
           EntryState.RESTORED)  # fmt: skip

Admin: TypeAlias = "ModelAdmin[Removal]"


def show(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Show how far a removal got; the page asks for `fragment` again while it runs."""
    context = {
        **model_admin.admin_site.each_context(request),
        **_progress(Viewer(model_admin.admin_site, request), removal),
        "title": _title(removal),
        "opts": model_admin.opts,
    }
    return TemplateResponse(request, "admin/moderation/removal/progress.html", context)


def fragment(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Return the part of the page that changes while a removal runs."""
    context = _progress(Viewer(model_admin.admin_site, request), removal)
    return TemplateResponse(request, "admin/moderation/removal/progress_fragment.html", context)


def stop(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Stop a removal after the batch in hand."""
    told = _("The removal stops after the current step.")
    return _steer(model_admin, request, removal, lifecycle.stop, told)


def resume(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Take up a stopped removal again."""
    return _steer(model_admin, request, removal, lifecycle.resume, _("The removal continues."))


def retry(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Try what failed once more."""
    told = _("What failed is being retried.")
    return _steer(model_admin, request, removal, lifecycle.retry, told)


def _steer(
    model_admin: Admin,
    request: HttpRequest,
    removal: Removal,
    deed: Callable[..., None],
    told: str,
) -> HttpResponse:
    if not may_manage(request.user, removal):
        raise PermissionDenied
    with errors_as_messages(request):
        deed(removal, actor=request.user)
        messages.info(request, told)
    return redirect(removal_url(model_admin.admin_site, removal))


def _title(removal: Removal) -> str:
    objects = objects_of(removal)
    if not objects.number:
        return _("Removal %(number)s") % {"number": removal}
    return _("Removal %(number)s: %(count)s %(kind)s") % {
        "number": removal, "count": objects.shown, "kind": objects.kind}  # fmt: skip


def _progress(viewer: Viewer, removal: Removal) -> dict[str, Any]:
    user, numbers = viewer.request.user, numbers_of(removal)
    left = _left_alone(removal)
    settled = sum(numbers[state] for state in SETTLED)
    files = numbers["entries"] if removal.state not in RUNNING else removal.files_total
    failed = numbers["failed"] + numbers["batches_failed"]
    steers = may_manage(user, removal)
    return {
        "removal": removal,
        "badge": badge(
            removal, Failed(numbers["batches_failed"], numbers["failed"], numbers["found_again"])
        ),
        "objects": objects_of(removal),
        "list_address": _list_address(viewer, removal),
        "rows": counts(removal.rows_by_model),
        "numbers": numbers,
        "objects_passed": numbers["deleted"] + left["changed_total"] + left["gone_total"],
        "files": max(files, numbers["entries"]),
        "settled": settled,
        "running": removal.state in RUNNING,
        "was_confirmed": removal.confirmed_at is not None,
        "worker_missing": removal.state in RUNNING and not Heartbeat.heard(),
        "left": left,
        "changed": _changed(viewer, removal, left["changed"]),
        "batches_failed": _failed_batches(removal),
        "batches_rescheduled": _reschedule_batches(removal)
        if numbers["batches_rescheduled"]
        else [],
        "found_again": _found_again(removal) if numbers["found_again"] else [],
        "entries_of_note": _entries_of_note(removal, with_names=sees_entries(user, removal))
        if numbers["in_use"] or numbers["failed"]
        else {},
        "delays": _delays(removal) if numbers["pending"] else {},
        "missing": removal.entries.filter(detail=WAS_MISSING).count() if numbers["erased"] else 0,
        "events": removal.events.order_by("-recorded_at", "-pk")[:EVENTS],
        "sees_entries": sees_entries(user, removal),
        "may_stop": steers and removal.state == RemovalState.DELETING,
        "may_resume": steers and removal.state == RemovalState.STOPPED,
        "may_retry": steers and bool(failed),
        "named": NAMED,
    }


def _list_address(viewer: Viewer, removal: Removal) -> str:
    """Return the URL of the list that the draft's author came from; empty for other users."""
    if removal.actor_id != viewer.request.user.pk:
        return ""
    return with_filters(viewer.list_url(model_of(removal)), removal)


def _left_alone(removal: Removal) -> dict[str, Any]:
    """Return the objects that no batch deleted: the first keys of each sort, and their numbers."""
    noted = removal.batches.filter(state=BatchState.DELETED).exclude(Q(changed=[]) & Q(gone=[]))
    left: dict[str, Any] = {"changed": [], "gone": [], "changed_total": 0, "gone_total": 0}
    for pair in noted.order_by("number").values_list("changed", "gone").iterator():
        for sort, keys in zip(("changed", "gone"), pair, strict=True):
            left[f"{sort}_total"] += len(keys)
            left[sort] += islice(keys, NAMED - len(left[sort]))
    return left


def _changed(viewer: Viewer, removal: Removal, keys: list[Any]) -> list[tuple[str, str]]:
    """Return the objects that were left alone, each with its name and address."""
    if not keys:
        return []
    model = model_of(removal)
    names = row_names_for(viewer, removal, [model._meta.pk.to_python(key) for key in keys])
    return [(name, viewer.url_of(model, key)) for key, name in names.items()]


def _failed_batches(removal: Removal) -> list[Any]:
    """Return the batches that were rolled back, with the reasons."""
    failed = removal.batches.filter(state=BatchState.FAILED).order_by("number")
    return list(failed.values("objects_total", "error")[:NAMED])


def _reschedule_batches(removal: Removal) -> list[Any]:
    """Return the batches that were rolled back and will be retried, with the reasons."""
    later = removal.batches.filter(state=BatchState.WAITING, attempts__gt=0).order_by("number")
    return list(later.values("objects_total", "error", "attempts", "due_at")[:NAMED])


def _found_again(removal: Removal) -> list[Any]:
    """Return the first entries whose key was erased and later found in storage again."""
    again = removal.entries.found_again().order_by("pk")
    return list(again.values("pk", "name", "title")[:NAMED])


def _delays(removal: Removal) -> dict[str, Any]:
    """Return why keys wait: the last failure of one that is retried, and wrong storages."""
    pending = removal.entries.filter(state=EntryState.PENDING)
    retried = pending.exclude(error_code="")
    marks = StorageIdentity.objects.filter(alias__in=pending.values("storage")).order_by("alias")
    problems = marks.values_list("problem", "reference_problem")
    return {
        "retried": retried.count(),
        "next": retried.order_by("due_at").values("error_code", "error", "due_at").first(),
        "problems": [problem for each in problems for problem in each if problem],
    }


def _entries_of_note(removal: Removal, *, with_names: bool) -> dict[str, list[Any]]:
    """Return the first entries that were kept and that failed, with the reasons.

    Names and titles come from the audit log and are only for users who may see its entries.
    """
    columns = ["pk", "in_use_reason", "error_code", "error", *(["name", "title"] * with_names)]
    entries = removal.entries.order_by("pk").values(*columns)
    states = (EntryState.IN_USE, EntryState.FAILED)
    return {str(state): list(entries.filter(state=state)[:NAMED]) for state in states}
