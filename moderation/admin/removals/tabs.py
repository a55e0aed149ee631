"""The tabs of a draft's page: views of the selection, each in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import ModelAdmin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from moderation.admin.display import Viewer, removal_url
from moderation.admin.messages import errors_as_messages
from moderation.admin.removals import group_previews, kept_groups, object_list, text_previews
from moderation.admin.removals.forms import save_input
from moderation.admin.removals.previews import file_previews
from moderation.cascade.batches import model_of
from moderation.models import Removal

PICTURES_PER_PAGE = 60  # few enough to review each one

# The parameters that name a page of the selection, one of the objects that share a picture and are
# not selected, and one of the objects to check first. `back` is the page of the groups that led to
# the page of a group, and `also` says that reviewed groups are shown as well.
PAGE_PARAMETERS = ("show", "order", "also", "group", "p", "others", "check", "back")

# Takes a viewer and a removal; returns the page of the requested numbers with its previews, and
# what else the template of the tab needs.
View = Callable[[Viewer, Removal], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Tab:
    """A view of the selection: the value of `show` in its URL, its title, and its template.

    `number` is the number of its items, or None if counting them would take long.
    """

    name: str
    title: str
    number: int | None
    template: str
    view: View

    @property
    def template_name(self) -> str:
        """Return the path of the template."""
        return f"admin/moderation/removal/{self.template}"

    @property
    def shows_only_pictures(self) -> bool:
        """Return whether the tab shows only objects that have pictures."""
        return self.template in ("draft_files.html", "draft_groups.html")


def selection_context(viewer: Viewer, removal: Removal) -> dict[str, Any]:
    """Return the tabs of a draft, and the requested page of the requested tab or of the first."""
    tabs = list(_tabs_of(removal))
    requested = viewer.request.GET.get("show")
    tab = next((each for each in tabs if each.name == requested), tabs[0])
    page = tab.view(viewer, removal)
    numbers = page["page"].paginator.get_elided_page_range(page["page"].number, on_each_side=2)
    return {
        "tabs": tabs,
        "tab": tab,
        "show": tab.name,
        "page_parameters": {**_parameters_of(viewer, page), "show": tab.name},
        "page_numbers": numbers,
        "shows_files": any(getattr(preview, "files", 0) for preview in page["previews"]),
        **page,
    }


def _parameters_of(viewer: Viewer, page: dict[str, Any]) -> dict[str, str]:
    """Return the parameters of a page of the selection.

    Leaves out those of a group that no longer exists, which is not shown.
    """
    found = page_parameters(viewer.request.GET)
    if "group" not in found or "group" in page or "text_group" in page:
        return found
    kept = {name: found[name] for name in ("order", "also", "check") if name in found}
    return kept | {"p": str(page["page"].number)}


def page_parameters(parameters: QueryDict) -> dict[str, str]:
    """Return the parameters that name a page of the selection, from a URL or a form."""
    return {name: str(parameters[name]) for name in PAGE_PARAMETERS if parameters.get(name)}


def back_to_page(
    model_admin: ModelAdmin[Removal],
    request: HttpRequest,
    removal: Removal,
    anchor: str = "",
    **parameters: str,
) -> HttpResponse:
    """Redirect to the page of the selection that a form was posted from, or to a part of it.

    `parameters` are added to its URL.
    """
    return _redirect(model_admin, removal, page_parameters(request.POST) | parameters, anchor)


def save_and_open(
    model_admin: ModelAdmin[Removal], request: HttpRequest, removal: Removal
) -> HttpResponse:
    """Save what was entered on the page, and redirect to the page of the selection in the URL."""
    save_input(removal, request.POST)
    return _redirect(model_admin, removal, page_parameters(request.GET))


def _redirect(
    model_admin: ModelAdmin[Removal],
    removal: Removal,
    parameters: dict[str, str],
    anchor: str = "",
) -> HttpResponse:
    url, query = removal_url(model_admin.admin_site, removal), urlencode(parameters)
    return redirect(f"{url}{query and f'?{query}'}{anchor and f'#{anchor}'}")


def _tabs_of(removal: Removal) -> Iterator[Tab]:
    """Yield the tabs that have something to show, the best overview first."""
    if group_previews.can_show(removal):
        yield Tab("groups", _("Each picture once"), None, "draft_groups.html", group_previews.show)
    if removal.pictures_total:
        title, number = _("All pictures and files"), removal.pictures_total
        yield Tab("pictures", title, number, "draft_files.html", _pictures)
    elif removal.without_picture_total and text_previews.can_show(removal):
        title = _("Each text once")
        yield Tab("without-pictures", title, None, "draft_texts.html", text_previews.show)
    title = capfirst(str(model_of(removal)._meta.verbose_name_plural))
    yield Tab("objects", title, removal.objects_total, "draft_objects.html", object_list.show)
    if removal.pictures_total and removal.without_picture_total:
        title, number = _("Without pictures"), removal.without_picture_total
        yield Tab("without-pictures", title, number, "draft_texts.html", text_previews.show)
    if removal.kept_total:
        title, number = _("Kept"), removal.kept_total
        yield Tab("kept", title, number, "draft_objects.html", kept_groups.show)


def _pictures(viewer: Viewer, removal: Removal) -> dict[str, Any]:
    """Return a page of the pictures and other files."""
    items = range(removal.pictures_total)
    page = Paginator(items, PICTURES_PER_PAGE).get_page(viewer.request.GET.get("p"))
    start, previews = max(page.start_index() - 1, 0), []
    with errors_as_messages(viewer.request):
        previews = file_previews(viewer, removal, start, page.end_index())
    return {"page": page, "previews": previews}
