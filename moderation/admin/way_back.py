"""The way back to the list that a draft was made from, with its filters."""

from __future__ import annotations

from django.http import HttpRequest, QueryDict

from moderation.models import Removal

# Django's name for the list's query string on the pages of single objects.
PRESERVED = "_changelist_filters"


def remember_list(request: HttpRequest, removal: Removal) -> None:
    """Note the filters, the search, the order and the page of the list that a draft comes from.

    One too long to keep is forgotten: the way back then leads to the whole list.
    """
    query = request.GET.get(PRESERVED, "") if PRESERVED in request.GET else request.GET.urlencode()
    query = QueryDict(query).urlencode()  # whatever was sent: a query string and nothing else
    if query and len(query) <= Removal._meta.get_field("list_query").max_length:  # type: ignore[operator]
        removal.list_query = query
        removal.save(update_fields=["list_query"])


def with_filters(address: str, removal: Removal) -> str:
    """Return the address of the objects' list as it was left; empty where there is no list."""
    return f"{address}?{removal.list_query}" if address and removal.list_query else address
