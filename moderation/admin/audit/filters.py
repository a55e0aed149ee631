"""The filters of the audit log, which use indexes and never list the values of a large table."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.db.models import Max, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _

from moderation.admin.access import entries_by, keys_if_few
from moderation.admin.large_lists import Field, TypedFilter
from moderation.admin.query_parameters import YEARS
from moderation.models import AuditEvent, Removal, StorageIdentity
from moderation.models.states import EventType
from moderation.registry import registered_models, storage_aliases

# Every number with at most this many digits fits into the key of a removal.
MAX_KEY_DIGITS = 18


class SuggestingFilter(TypedFilter):
    """A typed filter with suggestions while the user types."""

    suggested = ""  # the field that `suggest` returns suggestions for

    def suggestions_url(self, changelist: ChangeList) -> str:
        """Return the URL of the view that returns suggestions."""
        return reverse(
            "admin:moderation_auditentry_suggest",
            args=[self.suggested],
            current_app=changelist.model_admin.admin_site.name,
        )


class RecordedFilter(TypedFilter):
    """A filter for rows that were recorded between two days, inclusive."""

    title = _("day")
    fields = (Field("from", _("From"), "date"), Field("to", _("To"), "date"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of those days, in the time zone of the site."""
        if first := self.typed.get("from"):
            queryset = queryset.filter(recorded_at__gte=_midnight(first))
        if last := self.typed.get("to"):
            queryset = queryset.filter(recorded_at__lt=_midnight(last, days=1))
        return queryset


def _midnight(day: str, *, days: int = 0) -> datetime:
    """Return the beginning of an ISO date, or of a later day. Raises IncorrectLookupParameters."""
    try:
        date = parse_date(day)
        if date is None or date.year not in YEARS:
            raise IncorrectLookupParameters(day)
        return timezone.make_aware(datetime.combine(date + timedelta(days=days), time.min))
    except (ValueError, OverflowError) as error:
        raise IncorrectLookupParameters(day) from error


class ActorFilter(SuggestingFilter):
    """A filter for the rows of one moderator, by user name."""

    title = _("moderator")
    fields = (Field("actor", _("User name")),)
    suggested = "actor"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the user with that name, who may no longer exist."""
        name = self.typed.get("actor")
        return self.by_actors(queryset, actor_keys(name)) if name else queryset

    def by_actors(self, rows: QuerySet[Any], actors: list[Any]) -> QuerySet[Any]:
        """Return the rows of these users."""
        return rows.filter(actor__in=actors)


class ActorOfEntriesFilter(ActorFilter):
    """A filter for the entries of one moderator."""

    def by_actors(self, rows: QuerySet[Any], actors: list[Any]) -> QuerySet[Any]:
        """Return the entries of these users."""
        return entries_by(rows, actors)


def actor_keys(name: str) -> list[Any]:
    """Return the keys of the user with that name, and of users who had it when they acted."""
    model = get_user_model()
    users = model._default_manager.filter(**{model.USERNAME_FIELD: name})
    acted = AuditEvent.objects.filter(actor_name=name, actor__isnull=False).distinct()
    return [*users.values_list("pk", flat=True), *acted.values_list("actor_id", flat=True)]


class ReasonFilter(admin.ChoicesFieldListFilter):
    """A filter for the entries of the removals with one reason."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the entries with that reason, looked up by removal if few removals have it."""
        entries = super().queryset(request, queryset)
        if entries is None or not self.lookup_val:
            return queryset
        events = AuditEvent.objects.filter(
            type=EventType.CONFIRM, details__reason__in=self.lookup_val
        )
        removals = keys_if_few(events.values_list("removal", flat=True))
        return entries if removals is None else entries.filter(removal__in=removals)


class RemovalFilter(SuggestingFilter):
    """A filter for the rows of one removal, by its number."""

    title = _("removal")
    fields = (Field("removal", _("Number")),)
    suggested = "removal"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of that removal. Raises IncorrectLookupParameters for other text."""
        typed = self.typed.get("removal", "").removeprefix("#")
        if not typed:
            return queryset
        if not typed.isdecimal() or len(typed) > MAX_KEY_DIGITS:
            raise IncorrectLookupParameters(typed)
        return self.of_removal(queryset, int(typed))

    def of_removal(self, rows: QuerySet[Any], number: int) -> QuerySet[Any]:
        """Return the rows of a removal."""
        return rows.filter(removal=number)


class EntriesOfRemovalFilter(RemovalFilter):
    """A filter for the entries of one removal."""

    def of_removal(self, rows: QuerySet[Any], number: int) -> QuerySet[Any]:
        """Return the entries of a removal, limited to the time in which its batches were deleted.

        Without this limit, the database might read all entries from the newest backwards to find
        those of an old, large removal.
        """
        entries = super().of_removal(rows, number)
        removal = Removal.objects.filter(pk=number)
        # A batch ends after its entries were recorded.
        times = removal.aggregate(first=Max("confirmed_at"), last=Max("batches__finished_at"))
        return entries.filter(recorded_at__range=times.values()) if all(times.values()) else entries


class StorageFilter(admin.SimpleListFilter):
    """A filter for the entries of one storage."""

    title = _("storage")
    parameter_name = "storage"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        """Return the storages that registered models write to, and those with an identity."""
        return [(alias, alias) for alias in known_storages()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the entries of the storage. Raises IncorrectLookupParameters for others."""
        chosen = self.value()
        if not chosen:
            return queryset
        if chosen not in dict(self.lookup_choices):
            raise IncorrectLookupParameters(chosen)
        return queryset.filter(storage=chosen)


class FoundAgainFilter(admin.SimpleListFilter):
    """A filter for the entries whose key was erased and later found in storage again."""

    title = _("later check")
    parameter_name = "found"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        """Return the only choice, the result that needs attention."""
        return [("again", _("Found in storage again"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Return the entries with the chosen result."""
        match self.value():
            case None | "":
                return queryset
            case "again":
                return queryset.found_again()
            case other:
                raise IncorrectLookupParameters(other)


def known_storages() -> list[str]:
    """Return the aliases that entries can name, without reading the entries."""
    aliases = storage_aliases(registered_models())
    return sorted({*aliases, *StorageIdentity.objects.values_list("alias", flat=True)})
