"""The link back to the change list that a draft was created from, with its filters."""

from __future__ import annotations

from django.http import HttpRequest, QueryDict

from moderation.models import Removal

# Django's name for the list's query string on the pages of single objects.
PRESERVED = "_changelist_filters"


def remember_list(request: HttpRequest, removal: Removal) -> None:
    """Save the filters, search, order and page of the change list that a draft was created from.

    A query string that is too long is not saved; the link then leads to the whole list.
    """
    query = request.GET.get(PRESERVED, "") if PRESERVED in request.GET else request.GET.urlencode()
    query = QueryDict(query).urlencode()  # ensure that it is a query string, whatever was sent
    if query and len(query) <= Removal._meta.get_field("list_query").max_length:  # type: ignore[operator]
        removal.list_query = query
        removal.save(update_fields=["list_query"])


def with_filters(address: str, removal: Removal) -> str:
    """Return the URL of the objects' list with its filters, or "" if there is no list."""
    return f"{address}?{removal.list_query}" if address and removal.list_query else address
