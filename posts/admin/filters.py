"""The filters of the change list of posts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from moderation.admin.large_lists import Field, TypedFilter
from posts.models import Post, PostImage, Report, ReportState


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
            case "yes":  # starts from the other table, since few posts have such rows
                return queryset.filter(pk__in=self.rows.values("post"))
            case "no":
                return queryset.filter(~Exists(self.rows.filter(post=OuterRef("pk"))))
            case _:
                return queryset


class ReportedFilter(HasRowsFilter):
    """A filter for posts with open reports, or without. The former are the moderators' queue."""

    title = _("reports")
    with_rows, without_rows = _("Reported"), _("Not reported")
    parameter_name = "reported"
    rows = Report.objects.filter(state=ReportState.OPEN)


class PicturesFilter(HasRowsFilter):
    """A filter for posts with or without pictures."""

    title = _("pictures")
    with_rows, without_rows = _("With pictures"), _("Without pictures")
    parameter_name = "pictures"
    rows = PostImage.objects.all()


class DateFilter(admin.DateFieldListFilter):
    """A filter for the date of a post. Its title fits after "By"."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("date")


class AuthorFilter(TypedFilter):
    """A filter for the posts of one author, by user name. A list of all users would be too long."""

    title = _("author")
    fields = (Field("author", _("User name")),)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        """Return the posts of the author with the typed user name, ignoring case."""
        name = self.value()
        return queryset.filter(author__username__iexact=name) if name else queryset

    @property
    def unknown_author(self) -> str:
        """Return the typed name if no user has it, otherwise ""."""
        name = self.value()
        users = get_user_model()._default_manager.filter(username__iexact=name)
        return "" if not name or users.exists() else name
