"""Change lists of tables with millions of rows, for any ModelAdmin."""

from moderation.admin.large_lists.model_admin import LargeListMixin
from moderation.admin.large_lists.pagination import LargeListPaginator
from moderation.admin.large_lists.related_count import RelatedCount
from moderation.admin.large_lists.typed_filter import Field, TypedFilter

__all__ = ["Field", "LargeListMixin", "LargeListPaginator", "RelatedCount", "TypedFilter"]
