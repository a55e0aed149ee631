"""The confirmation page: what would go, what forbids it, and the deeds that a draft allows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeAlias

from django.apps import apps
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from moderation import conf
from moderation.admin.display import Viewer, counts, named, objects_of, page_of, rows_named
from moderation.admin.messages import refusals_told, words_of
from moderation.admin.removals.forms import ConfirmForm
from moderation.admin.removals.object_permissions import admin_of, guard_for, visible_to
from moderation.admin.removals.previews import bare_lines_between, cards_between, lines_between
from moderation.admin.way_back import with_filters
from moderation.cascade.batches import model_of
from moderation.checks.site import unmarked_storages
from moderation.exceptions import ModerationError
from moderation.lifecycle.removals import cancel
from moderation.models import Heartbeat, Removal
from moderation.models.states import RemovalState
from moderation.removals.blocking_rows import blocking_rows
from moderation.removals.draft import MAX_NAMED, Difference, confirm, exclude
from moderation.removals.limits import blockers_of

PICTURES_A_PAGE = 60  # as many as one looks at before losing the thread
NUMBER_DIGITS = 10  # what the column of a batch's number can hold
OBJECTS_A_PAGE = 100  # as the change list has

Admin: TypeAlias = "ModelAdmin[Removal]"


def show(
    model_admin: Admin,
    request: HttpRequest,
    removal: Removal,
    *,
    form: ConfirmForm | None = None,
    difference: Difference | None = None,
) -> HttpResponse:
    """Show a draft to its maker; after a refused confirmation with the form and what differs."""
    viewer = Viewer(model_admin.admin_site, request)
    objects, model = objects_of(removal), _model_in_admin(viewer, removal)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Remove %(count)s %(kind)s?") % {"count": objects.shown, "kind": objects.kind},
        "opts": model_admin.opts,
        "removal": removal,
        "objects": objects,
        "objects_opts": model._meta,
        "objects_address": viewer.address_of_all(model),
        "rows": _other_rows(removal),
        "updates": counts(removal.updates_by_model),
        "blockers": list(blockers_of(removal, request.user)),  # type: ignore[arg-type]
        "standing": _standing(viewer, removal),
        "difference": _named(viewer, removal, difference),
        "form": form or ConfirmForm(removal=removal),
        "worker_missing": not Heartbeat.heard(),
        "storages_unmarked": _storages_unmarked(removal),
        "expires_at": removal.created_at + timedelta(hours=conf.draft_hours()),
        **_selection(viewer, removal),
    }
    return TemplateResponse(request, "admin/moderation/removal/draft.html", context)


def confirm_draft(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Confirm a draft and lead to its progress; else show it again with what stands against it."""
    form, difference = ConfirmForm(request.POST, removal=removal), None
    if form.is_valid():
        try:
            difference = confirm(
                removal,
                actor=request.user,  # type: ignore[arg-type]
                seal=request.POST.get("seal", ""),
                guard=guard_for(admin_of(model_admin.admin_site, removal), request),
                **form.cleaned_data,
            )
        except ModerationError as refusal:
            removal.refresh_from_db()
            form.add_error(None, words_of(refusal))
        else:
            if not difference:
                return redirect(page_of(model_admin.admin_site, removal))
    if removal.state != RemovalState.DRAFT:
        return redirect(page_of(model_admin.admin_site, removal))
    return show(model_admin, request, removal, form=form, difference=difference)


def exclude_from_draft(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Take the object that a card's button names out of the selection."""
    number, _colon, key = request.POST.get("object", "").partition(":")
    with refusals_told(request):
        exclude(
            removal,
            seal=request.POST.get("seal", ""),
            number=int(number) if number.isdecimal() and len(number) < NUMBER_DIGITS else 0,
            key=key,
        )
        messages.success(request, _("Taken out of the selection. It stays as it is."))
    return redirect(f"{page_of(model_admin.admin_site, removal)}?{_place(request.POST)}")


def cancel_draft(model_admin: Admin, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Cancel a draft, and redirect to the list of the objects."""
    with refusals_told(request):
        cancel(removal)
        messages.info(request, _("The draft was cancelled. Nothing was removed."))
    viewer = Viewer(model_admin.admin_site, request)
    address = viewer.address_of_all(_model_in_admin(viewer, removal))
    return redirect(with_filters(address, removal) or page_of(model_admin.admin_site, removal))


def _model_in_admin(viewer: Viewer, removal: Removal) -> type[Model]:
    """Return the model whose ModelAdmin lists the objects, which may be a proxy."""
    selected_in = admin_of(viewer.site, removal)
    return selected_in.model if selected_in else model_of(removal)


def _standing(viewer: Viewer, removal: Removal) -> list[str]:
    """Return the names of the first rows that block the removal."""
    names: list[str] = []
    with refusals_told(viewer.request):
        names += [named(row) for row in blocking_rows(removal, MAX_NAMED)]
    return names


def _storages_unmarked(removal: Removal) -> list[str]:
    """Return the storages of a draft's files that have no identity yet."""
    if not removal.files_total:
        return []
    return unmarked_storages(map(apps.get_model, removal.rows_by_model))


def _other_rows(removal: Removal) -> list[Any]:
    """Return the rows that go along with the objects, by kind."""
    return counts({k: n for k, n in removal.rows_by_model.items() if k != removal.model_label})


def _selection(viewer: Viewer, removal: Removal) -> dict[str, Any]:
    """Return the requested page of cards or lines; by default cards, if there are any."""
    show = viewer.request.GET.get("show")
    if show not in ("objects", "bare"):
        show = "pictures" if removal.pictures_total else "objects"
    views: dict[str, tuple[int, int, Callable[..., list[Any]]]] = {
        "pictures": (removal.pictures_total, PICTURES_A_PAGE, cards_between),
        "objects": (removal.objects_total, OBJECTS_A_PAGE, lines_between),
        "bare": (removal.without_picture_total, OBJECTS_A_PAGE, bare_lines_between),
    }
    total, a_page, between = views[show]
    page = Paginator(range(total), a_page).get_page(viewer.request.GET.get("p"))
    start, shown = max(page.start_index() - 1, 0), []
    with refusals_told(viewer.request):
        shown = list(between(viewer, removal, start, start + a_page))
    return {
        "as_cards": show == "pictures",
        "shown": shown,
        "page": page,
        "page_numbers": page.paginator.get_elided_page_range(page.number, on_each_side=2),
        "show": show,
    }


def _named(viewer: Viewer, removal: Removal, difference: Difference | None) -> dict[str, Any]:
    """Return names of what differs, at most MAX_NAMED of each sort, and the number of others."""
    if not difference:
        return {}
    model = _model_in_admin(viewer, removal)
    changed, gone = difference.changed[:MAX_NAMED], difference.deleted[:MAX_NAMED]
    keys = visible_to(viewer, removal, [model._meta.pk.to_python(key) for key in changed])
    names = rows_named(removal, keys)
    others = len(difference.changed) + len(difference.deleted) - len(changed) - len(gone)
    return {
        "changed": [(name, viewer.address_of(model, key)) for key, name in names.items()],
        "gone": gone,
        "others": others,
        "more_pictures": max(difference.pictures, 0),
        "fewer_pictures": max(-difference.pictures, 0),
        "refused": difference.refused,
    }


def _place(sent: QueryDict) -> str:
    """Return the query string for the current part of the selection."""
    place = QueryDict(mutable=True)
    place.update({name: str(sent[name]) for name in ("show", "p") if sent.get(name)})
    return place.urlencode()
