"""The tab that lists the objects of a draft, in several orders."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _

from moderation.admin.display import Viewer
from moderation.admin.messages import errors_as_messages
from moderation.admin.removals.previews import (
    ObjectPreview,
    kept_previews,
    object_previews,
    object_previews_without_picture,
    previews_of_objects,
)
from moderation.admin.removals.selected_objects import selected_objects
from moderation.cascade.batches import model_of
from moderation.models import Removal, has_exact_keys
from moderation.registry.content import content_of

OBJECTS_PER_PAGE = 100  # as on the change list


class Order(TextChoices):
    """The orders in which the objects can be reviewed."""

    NUMBER = "number", _("as selected")
    FEWEST_REPORTS = "fewest-reports", _("fewest reports first")
    OLDEST = "oldest", _("oldest first")


def show(viewer: Viewer, removal: Removal) -> dict[str, Any]:
    """Return a page of the selected objects in the requested order."""
    orders = _orders_of(removal)
    requested = viewer.request.GET.get("order", "")
    order = requested if requested in orders else Order.NUMBER
    items: Any = range(removal.objects_total)
    if order != Order.NUMBER:
        items = _sorted(removal, selected_objects(viewer, removal), order)
    page = Paginator(items, OBJECTS_PER_PAGE).get_page(viewer.request.GET.get("p"))
    previews: list[ObjectPreview] = []
    with errors_as_messages(viewer.request):
        if order == Order.NUMBER:
            previews = object_previews(viewer, removal, *_range_of(page))
        else:
            previews = previews_of_objects(viewer, removal, list(page.object_list))
    choices = [(each.value, each.label) for each in orders]
    return {"page": page, "previews": previews, "order": str(order), "orders": choices}


def show_without_pictures(viewer: Viewer, removal: Removal) -> dict[str, Any]:
    """Return a page of the selected objects that have no picture."""
    items = range(removal.without_picture_total)
    page = Paginator(items, OBJECTS_PER_PAGE).get_page(viewer.request.GET.get("p"))
    previews: list[ObjectPreview] = []
    with errors_as_messages(viewer.request):
        previews = object_previews_without_picture(viewer, removal, *_range_of(page))
    return {"page": page, "previews": previews}


def show_kept(viewer: Viewer, removal: Removal) -> dict[str, Any]:
    """Return a page of the objects that the moderator kept."""
    page = Paginator(range(removal.kept_total), OBJECTS_PER_PAGE).get_page(
        viewer.request.GET.get("p")
    )
    previews: list[ObjectPreview] = []
    with errors_as_messages(viewer.request):
        previews = kept_previews(viewer, removal, *_range_of(page))
    return {"page": page, "previews": previews}


def page_of_groups(viewer: Viewer) -> str | None:
    """Return the requested page of a list of groups.

    If the URL has a group, which no longer exists, this is the page that led to it.
    """
    requested = viewer.request.GET
    return requested.get("back" if requested.get("group") else "p")


def _range_of(page: Page[Any]) -> tuple[int, int]:
    """Return the positions at which a page starts and ends."""
    return max(page.start_index() - 1, 0), page.end_index()


def _orders_of(removal: Removal) -> list[Order]:
    """Return the orders that are possible for the model of a removal."""
    model = model_of(removal)
    content, orders = content_of(model), [Order.NUMBER]
    if content.reports and has_exact_keys(model):
        orders.append(Order.FEWEST_REPORTS)
    if content.created and has_exact_keys(model):
        orders.append(Order.OLDEST)
    return orders


def _sorted(removal: Removal, objects: QuerySet[Any], order: str) -> QuerySet[Any, Any]:
    """Return the keys of objects in an order."""
    content = content_of(model_of(removal))
    if order == Order.FEWEST_REPORTS:
        objects = objects.annotate(number_of_reports=Count(content.reports))
        return objects.order_by("number_of_reports", "pk").values_list("pk", flat=True)
    return objects.order_by(content.created, "pk").values_list("pk", flat=True)
