"""The query string of the change list from which a user came, for the links back to it."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.views.main import PAGE_VAR
from django.http import HttpRequest, QueryDict

from moderation.models import Removal

# The parameter in which Django preserves the list's query string on the pages of single objects.
PRESERVED_FILTERS = "_changelist_filters"


def save_list_query(request: HttpRequest, removal: Removal) -> None:
    """Save the filters, search and order of the change list that a draft was created from.

    A query string that is too long is not saved; the link then leads to the whole list.
    """
    query = request.GET.get(PRESERVED_FILTERS, request.GET.urlencode())
    query = without_page(query)  # makes it a valid query string, whatever was sent
    if query and len(query) <= Removal._meta.get_field("list_query").max_length:  # type: ignore[operator]
        removal.list_query = query
        removal.save(update_fields=["list_query"])


def without_page(query: str) -> str:
    """Return the query string of a change list without its page, which may no longer exist.

    For a page that does not exist, Django shows the whole list and runs no action.
    """
    parameters = QueryDict(query, mutable=True)
    parameters.pop(PAGE_VAR, None)
    return parameters.urlencode()


def with_list_query(url: str, removal: Removal) -> str:
    """Return the URL of the objects' change list with the saved filters, or "" for no URL."""
    return f"{url}?{removal.list_query}" if url and removal.list_query else url


def with_preserved_filters(model_admin: ModelAdmin[Any], request: HttpRequest, url: str) -> str:
    """Return the URL of a page with the filters of the change list from which the user came."""
    filters = model_admin.get_preserved_filters(request)
    return str(add_preserved_filters({"opts": model_admin.opts, "preserved_filters": filters}, url))
