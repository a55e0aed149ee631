"""The section of a draft's page with the objects to be checked first."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from moderation.admin.display import Viewer, count
from moderation.admin.messages import errors_as_messages
from moderation.admin.removals.forms import save_input
from moderation.admin.removals.previews import ObjectPreview, previews_of_objects
from moderation.admin.removals.tabs import back_to_page
from moderation.cascade.batches import model_of
from moderation.models import MarkedObject, Removal
from moderation.removals.check_first import last_reviewed, review_all, undecided, undo_review
from moderation.review_rules.apply import rule_by_name
from moderation.templatetags.moderation_numbers import grouped

MARKED_PER_PAGE = 25  # few enough to read each one


@dataclass(frozen=True, slots=True)
class MarkedPreview:
    """A marked object, and the ways in which it differs from the rest.

    `mark` is the key of its MarkedObject, which its box posts.
    """

    mark: int
    preview: ObjectPreview
    reasons: list[str]


def check_first_context(viewer: Viewer, removal: Removal) -> dict[str, Any]:
    """Return the requested page of the undecided marked objects, and the counts of all."""
    left = undecided(removal).order_by("-weight", "pk")
    page = Paginator(left, MARKED_PER_PAGE).get_page(viewer.request.GET.get("check"))
    total = removal.marked_objects.count()
    return {
        "marked_total": total,
        "marked_left": page.paginator.count,
        "marked_decided": total - page.paginator.count,
        "marked_page": page,
        "marked_page_numbers": page.paginator.get_elided_page_range(page.number, on_each_side=2),
        "marked_previews": _previews(viewer, removal, list(page.object_list)),
        "last_reviewed": last_reviewed(removal).count() if total else 0,
        "dropped_rules": list(_dropped_rules(removal)),
    }


def review_marked(model_admin: Any, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Store that the ticked objects, or all marked ones, were reviewed; or undo the last review."""
    posted = request.POST
    with errors_as_messages(request):
        if "undo" in posted:
            _report_undo(request, removal, undo_review(removal, seal=posted.get("seal", "")))
        elif "all" in posted:
            _report(request, removal, review_all(removal, seal=posted.get("seal", "")))
    reviewed = save_input(removal, posted)
    if not posted.keys() & {"undo", "all"}:
        _report(request, removal, reviewed)
    return back_to_page(model_admin, request, removal, anchor="check-first-heading")


def _previews(
    viewer: Viewer, removal: Removal, marked_objects: Collection[MarkedObject]
) -> list[MarkedPreview]:
    """Return the previews of a page of marked objects; none if they have too many rows."""
    model = model_of(removal)
    to_python = model._meta.pk.to_python
    keys, previews = [to_python(marked.key) for marked in marked_objects], list[ObjectPreview]()
    with errors_as_messages(viewer.request):
        previews = previews_of_objects(viewer, removal, keys)
    marks = {marked.key: marked for marked in marked_objects}
    found = [(marks[preview.object_key], preview) for preview in previews]
    return [
        MarkedPreview(mark.pk, preview, list(_reasons(model, mark.rules)))
        for mark, preview in found
    ]


def _reasons(model: type[Model], rules: list[Any]) -> Iterator[str]:
    """Yield the phrases of the rules that mark an object, without rules that no longer exist."""
    for name, parameters in rules:
        if rule := rule_by_name(model, name):
            yield rule.phrase(**parameters)


def _report(request: HttpRequest, removal: Removal, reviewed: int) -> None:
    """Add a message that says how many objects have just been reviewed, and how many are left."""
    if not reviewed:
        messages.warning(request, _("Nothing was marked as reviewed. Tick what you have reviewed."))
        return
    text = _("Marked as reviewed: %(objects)s.") % {"objects": count(removal.model_label, reviewed)}
    if left := undecided(removal).count():
        number = {"number": grouped(left)}
        text += " " + ngettext("%(number)s is left.", "%(number)s are left.", left) % number
    messages.success(request, text)


def _report_undo(request: HttpRequest, removal: Removal, total: int) -> None:
    if total:
        text = _("No longer marked as reviewed: %(objects)s.")
        messages.success(request, text % {"objects": count(removal.model_label, total)})
    else:
        messages.warning(request, _("There is no review left to undo."))


def _dropped_rules(removal: Removal) -> Iterator[dict[str, Any]]:
    """Yield the title of each rule that was dropped, with the numbers of objects."""
    for name, marked, total in removal.dropped_rules:
        if rule := rule_by_name(model_of(removal), name):
            yield {"title": rule.title, "marked": marked, "total": total}
