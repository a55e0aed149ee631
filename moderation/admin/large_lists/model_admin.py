"""The mixin for a ModelAdmin with a large change list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Prefetch
from django.http import HttpRequest

from moderation.admin.large_lists.change_list import LargeChangeList
from moderation.admin.large_lists.pagination import LargeListPaginator


class LargeListMixin(admin.ModelAdmin):
    """A ModelAdmin whose change list stays fast with millions of rows.

    Set `sortable_by` to the columns that have an index: without it, no column can be sorted by.
    The field of `date_hierarchy` should have an index as well.
    """

    paginator = LargeListPaginator
    show_full_result_count = False  # it counts the whole table
    show_facets = admin.ShowFacets.NEVER  # each one counts the whole table
    change_list_template: ClassVar[str | None] = "admin/moderation/large_list.html"
    # Applied only to the rows of a page, unlike `get_queryset()`, which actions use for all rows.
    page_annotations: Mapping[str, Any] = {}
    page_prefetches: Sequence[str | Prefetch[Any]] = ()

    class Media:
        css = {"all": ("moderation/typed_filter.css",)}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the change list class for large tables."""
        return LargeChangeList
