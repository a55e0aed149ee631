"""The filters of the change list of posts, except for those by a picture."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from moderation.admin.choice_filter import ChoiceFilter, not_a_choice
from moderation.admin.large_lists import Field, TypedFilter
from posts.models import Post, PostImage
from posts.reported_posts import (
    open_reports,
    posts_sharing_reported_pictures,
    posts_with_reports,
)

Choices = list[tuple[str, Any]]

# The minimum and the maximum number of reports for each choice, by its value in the URL.
NUMBERS_OF_REPORTS = {"1": (1, 1), "2-4": (2, 4), "5-or-more": (5, None)}
# The parameter for posts of the last day or week. It means the same whenever its URL is opened,
# whereas the links of Django's filter contain the dates of the day on which they were made.
WITHIN = "created_at__within"
PERIODS = {"day": timedelta(days=1), "week": timedelta(days=7)}


class HasRowsFilter(ChoiceFilter):
    """A filter for posts with or without rows of another model: `rows`, which refer to posts."""

    rows: QuerySet[Any]
    with_rows: str | Promise
    without_rows: str | Promise

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Choices:
        """Return the choices: with such rows, and without."""
        return [("yes", self.with_rows), ("no", self.without_rows)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        """Return the posts with such rows, or those without."""
        match self.value():
            case "yes":  # starts from the other table, since few posts have such rows
                return queryset.filter(pk__in=self.rows.values("post"))
            case "no":
                return queryset.filter(~Exists(self.rows.filter(post=OuterRef("pk"))))
            case None:
                return queryset
            case _:
                return queryset.none()


class ReportedFilter(HasRowsFilter):
    """A filter for posts with or without open reports, and by the number of these.

    Posts with open reports are the moderators' queue.
    """

    title = _("reports")
    with_rows, without_rows = _("Reported"), _("Not reported")
    parameter_name = "reported"
    rows = open_reports()

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Choices:
        """Return the choices: with reports, without, and by their number."""
        return [
            *super().lookups(request, model_admin),
            ("1", _("1 report")),
            ("2-4", _("2 to 4 reports")),
            ("5-or-more", _("5 or more reports")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        """Return the posts that match the choice."""
        if numbers := NUMBERS_OF_REPORTS.get(self.value() or ""):
            return queryset.filter(pk__in=posts_with_reports(*numbers))
        return super().queryset(request, queryset)


class SharedPictureFilter(ChoiceFilter):
    """A filter for posts that share a picture with a post that has several open reports."""

    title = _("shared pictures")
    parameter_name = "shares"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Choices:
        """Return the only choice."""
        return [("reported", _("Shares a picture with a post that has 2 or more reports"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        """Return the posts with such a picture, including the reported posts themselves."""
        match self.value():
            case "reported":
                return queryset.filter(pk__in=posts_sharing_reported_pictures())
            case None:
                return queryset
            case _:
                return queryset.none()


class PicturesFilter(HasRowsFilter):
    """A filter for posts with or without pictures."""

    title = _("pictures")
    with_rows, without_rows = _("With pictures"), _("Without pictures")
    parameter_name = "pictures"
    rows = PostImage.objects.all()


class DateFilter(admin.DateFieldListFilter):
    """A filter by the date of a post, also for the last 24 hours and the last 7 days."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("date")  # fits after "By"
        self.within = str(self.date_params.get(WITHIN, ""))
        self.used_parameters.pop(WITHIN, None)
        any_date, today, _past_week, *others = self.links
        periods: list[Any] = [
            (_("Last 24 hours"), {WITHIN: "day"}),
            (_("Last 7 days"), {WITHIN: "week"}),  # in place of Django's fixed dates
        ]
        self.links = (any_date, *periods, today, *others)

    def expected_parameters(self) -> list[Any]:
        """Return the parameters of Django's filter, and that of the periods."""
        return [*super().expected_parameters(), WITHIN]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Return the posts of the chosen dates."""
        found: Any = super().queryset(request, queryset)
        if not self.within:
            return found
        if self.within not in PERIODS:
            return found.none()
        return found.filter(created_at__gte=timezone.now() - PERIODS[self.within])

    @property
    def problem(self) -> str:
        """Return why the filter finds nothing, or ""."""
        return "" if self.within in ("", *PERIODS) else not_a_choice(self.within)


class AuthorFilter(TypedFilter):
    """A filter for the posts of one author, by user name. A list of all users would be too long.

    The names of two users may differ only in case. Links contain the exact name of an author.
    """

    title = _("author")
    fields = (Field("author", _("User name")),)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        """Return the posts of the user with exactly this name. If there is none, ignore case."""
        name = self.value()
        if not name:
            return queryset
        lookup = "username" if _users(username=name).exists() else "username__iexact"
        return queryset.filter(**{f"author__{lookup}": name})

    @property
    def problem(self) -> str:
        """Return a message if no user has the typed name, otherwise ""."""
        name = self.value()
        if not name or _users(username__iexact=name).exists():
            return ""
        return gettext("No user is called “%(name)s”.") % {"name": name}


def _users(**lookups: str) -> QuerySet[Any]:
    users: QuerySet[Any] = get_user_model()._default_manager.filter(**lookups)
    return users
