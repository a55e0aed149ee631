"""The filters of the posts' change list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from posts.models import Post, PostImage, Report


class HasRowsFilter(admin.SimpleListFilter):
    """Posts that have rows of another model, or that have none; `rows` points to a post."""

    rows: QuerySet[Any]
    with_rows: str | Promise
    without_rows: str | Promise

    def lookups(
        self,
        request: HttpRequest,
        model_admin: admin.ModelAdmin[Any],
    ) -> list[tuple[str, Any]]:
        """Offer those with and those without."""
        return [("yes", self.with_rows), ("no", self.without_rows)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        """Keep the posts with such rows, or those without."""
        match self.value():
            case "yes":  # from the other table, which is the smaller one: few posts are reported
                return queryset.filter(pk__in=self.rows.values("post"))
            case "no":
                return queryset.filter(~Exists(self.rows.filter(post=OuterRef("pk"))))
            case _:
                return queryset


class ReportedFilter(HasRowsFilter):
    """Whether anybody reported the post."""

    title = _("reports")
    with_rows, without_rows = _("Reported"), _("Not reported")
    parameter_name = "reported"
    rows = Report.objects.all()


class PicturesFilter(HasRowsFilter):
    """Whether the post has pictures."""

    title = _("pictures")
    with_rows, without_rows = _("With pictures"), _("Without pictures")
    parameter_name = "pictures"
    rows = PostImage.objects.all()


class DateFilter(admin.DateFieldListFilter):
    """When the post was written, under a title that reads well after "By"."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("date")


class AuthorFilter(admin.SimpleListFilter):
    """The posts of one author, asked for by user name: a list of all users would have no end."""

    title = _("author")
    parameter_name = "author"
    template = "admin/posts/post/author_filter.html"

    def lookups(
        self,
        request: HttpRequest,
        model_admin: admin.ModelAdmin[Any],
    ) -> list[tuple[str, Any]]:
        """Offer no choices: the name is typed."""
        return []

    def has_output(self) -> bool:
        """Show the field always."""
        return True

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Give the template the one field: its value, and what else the address must keep."""
        others = {k: v for k, v in changelist.filter_params.items() if k != self.parameter_name}
        yield {
            "name": self.parameter_name,
            "value": self.value() or "",
            "kept": [(name, value) for name, values in others.items() for value in values],
            "query_string_without": changelist.get_query_string(remove=[self.parameter_name]),
        }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        """Keep the posts of the author whose user name was typed, in whatever case."""
        name = (self.value() or "").strip()
        return queryset.filter(author__username__iexact=name) if name else queryset
