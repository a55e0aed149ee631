"""The filters of the change list of posts."""

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
    """A filter for posts with or without rows of another model. `rows` refer to posts."""

    rows: QuerySet[Any]
    with_rows: str | Promise
    without_rows: str | Promise

    def lookups(
        self,
        request: HttpRequest,
        model_admin: admin.ModelAdmin[Any],
    ) -> list[tuple[str, Any]]:
        """Return the choices: with such rows, and without."""
        return [("yes", self.with_rows), ("no", self.without_rows)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        """Return the posts with such rows, or those without."""
        match self.value():
            case "yes":  # reads the other table, which is smaller: few posts have reports
                return queryset.filter(pk__in=self.rows.values("post"))
            case "no":
                return queryset.filter(~Exists(self.rows.filter(post=OuterRef("pk"))))
            case _:
                return queryset


class ReportedFilter(HasRowsFilter):
    """A filter for posts that users reported."""

    title = _("reports")
    with_rows, without_rows = _("Reported"), _("Not reported")
    parameter_name = "reported"
    rows = Report.objects.all()


class PicturesFilter(HasRowsFilter):
    """A filter for posts with pictures."""

    title = _("pictures")
    with_rows, without_rows = _("With pictures"), _("Without pictures")
    parameter_name = "pictures"
    rows = PostImage.objects.all()


class DateFilter(admin.DateFieldListFilter):
    """A filter for the date of a post. Its title fits after "By"."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("date")


class AuthorFilter(admin.SimpleListFilter):
    """A filter for the posts of one author, by user name. A list of all users would be too long."""

    title = _("author")
    parameter_name = "author"
    template = "admin/posts/post/author_filter.html"

    def lookups(
        self,
        request: HttpRequest,
        model_admin: admin.ModelAdmin[Any],
    ) -> list[tuple[str, Any]]:
        """Return no choices: users type the name."""
        return []

    def has_output(self) -> bool:
        """Return True: the field is always displayed."""
        return True

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Yield the context of the form: the value, and the other parameters of the URL."""
        others = {k: v for k, v in changelist.filter_params.items() if k != self.parameter_name}
        yield {
            "name": self.parameter_name,
            "value": self.value() or "",
            "other_parameters": [
                (name, value) for name, values in others.items() for value in values
            ],
            "query_string_without": changelist.get_query_string(remove=[self.parameter_name]),
        }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        """Return the posts of the author with the typed user name, ignoring case."""
        name = (self.value() or "").strip()
        return queryset.filter(author__username__iexact=name) if name else queryset
