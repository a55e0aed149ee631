"""The filters of the audit log. What is typed is found by an index; nothing is listed whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any, ClassVar, NamedTuple

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.db.models import Max, Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from moderation.admin.query_parameters import YEARS
from moderation.models import AuditEvent, RemovalBatch, StorageIdentity
from moderation.models.states import EventType
from moderation.registry import registered_models, registration_for, storage_alias

# Removals whose entries are looked for one after the other. A reason that more of them have is that
# of so many entries that a page is soon full.
FEW_REMOVALS = 1_000
# Digits of the largest number that every database takes as a key.
KEY_DIGITS = 18


class Field(NamedTuple):
    """A field of a typed filter: the name in the address, the label, and the kind of input."""

    name: str
    label: str | Promise
    kind: str = "text"


class TypedFilter(admin.ListFilter):
    """A filter that is typed into, as a form of its own: it needs no JavaScript."""

    template = "admin/moderation/auditentry/typed_filter.html"
    fields: ClassVar[tuple[Field, ...]] = ()
    suggested = ""  # what the page of suggestions is asked for, where there are any

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[Model],
        model_admin: admin.ModelAdmin,
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.typed: dict[str, str] = {}
        for name in self.names():
            if typed := params.pop(name, [""])[-1].strip():
                self.typed[name] = typed

    def has_output(self) -> bool:
        """Show the fields always."""
        return True

    def names(self) -> list[str]:
        """Name the fields."""
        return [field.name for field in self.fields]

    def expected_parameters(self) -> list[str | None]:
        """Name the fields, in the type that Django's own filters have."""
        return [*self.names()]

    def value(self) -> str:
        """Give what was typed, on one line; empty when nothing was."""
        return " – ".join(self.typed.get(name, "…") for name in self.names()) if self.typed else ""

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Give the template the one form: its fields, and what else the address must keep."""
        names = self.names()
        params = {n: v for n, v in changelist.filter_params.items() if n not in names}
        yield {
            "selected": bool(self.typed),
            "display": self.value(),
            "fields": [(field, self.typed.get(field.name, "")) for field in self.fields],
            "kept": [(name, value) for name, values in params.items() for value in values],
            "query_string_without": changelist.get_query_string(remove=names),
            "suggestions_url": self.suggested
            and reverse(
                "admin:moderation_auditentry_suggest",
                args=[self.suggested],
                current_app=changelist.model_admin.admin_site.name,
            ),
        }


class RecordedFilter(TypedFilter):
    """Entries that were recorded from a day to a day, both included."""

    title = _("day")
    column = "recorded_at"
    fields = (Field("from", _("From"), "date"), Field("to", _("To"), "date"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of those days, in the time zone of the site."""
        if first := self.typed.get("from"):
            queryset = queryset.filter(**{f"{self.column}__gte": _midnight(first)})
        if last := self.typed.get("to"):
            queryset = queryset.filter(**{f"{self.column}__lt": _midnight(last, days=1)})
        return queryset


def _midnight(day: str, *, days: int = 0) -> datetime:
    """Return the beginning of an ISO date, or of so many days after it."""
    try:
        date = parse_date(day)
        if date is None or date.year not in YEARS:
            raise IncorrectLookupParameters(day)
        return timezone.make_aware(datetime.combine(date + timedelta(days=days), time.min))
    except (ValueError, OverflowError) as error:
        raise IncorrectLookupParameters(day) from error


class HappenedFilter(RecordedFilter):
    """Events from a day to a day."""

    column = "at"


class ActorFilter(TypedFilter):
    """What one moderator did, asked for by the user name."""

    title = _("moderator")
    fields = (Field("actor", _("User name")),)
    suggested = "actor"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the person with that name, who may be gone by now."""
        name = self.typed.get("actor")
        return queryset.filter(actor__in=actor_keys(name)) if name else queryset


def actor_keys(name: str) -> list[Any]:
    """Return the keys of the user of that name, and of whoever acted under it."""
    model = get_user_model()
    users = model._default_manager.filter(**{model.USERNAME_FIELD: name})
    acted = AuditEvent.objects.filter(actor_name=name, actor__isnull=False).distinct()
    return [*users.values_list("pk", flat=True), *acted.values_list("actor_id", flat=True)]


class ReasonFilter(admin.ChoicesFieldListFilter):
    """The entries of one reason, which each has from its removal."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the entries of that reason; where few removals have it, those of these."""
        entries = super().queryset(request, queryset)
        if entries is None or not self.lookup_val:
            return queryset
        acts = AuditEvent.objects.filter(
            type=EventType.CONFIRM, details__reason__in=self.lookup_val
        )
        removals = list(acts.values_list("removal", flat=True)[: FEW_REMOVALS + 1])
        return entries if len(removals) > FEW_REMOVALS else entries.filter(removal__in=removals)


class RemovalFilter(TypedFilter):
    """The rows of one removal, asked for by its number."""

    title = _("removal")
    fields = (Field("removal", _("Number")),)
    suggested = "removal"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of that removal. Raises IncorrectLookupParameters for what is no number."""
        typed = self.typed.get("removal", "").removeprefix("#")
        if not typed:
            return queryset
        if not typed.isdecimal() or len(typed) > KEY_DIGITS:
            raise IncorrectLookupParameters(typed)
        return self.of_removal(queryset, int(typed))

    def of_removal(self, rows: QuerySet[Any], number: int) -> QuerySet[Any]:
        """Keep the rows of a removal."""
        return rows.filter(removal=number)


class EntriesOfRemovalFilter(RemovalFilter):
    """The entries of one removal."""

    def of_removal(self, rows: QuerySet[Any], number: int) -> QuerySet[Any]:
        """Keep the entries of a removal, and say until when they were recorded.

        Of a large one that is long ago the newest would otherwise be looked for along the index
        of all times, from today on.
        """
        entries = super().of_removal(rows, number)
        batches = RemovalBatch.objects.filter(removal=number)
        ended = batches.aggregate(last=Max("finished_at"))[
            "last"
        ]  # after its entries were recorded
        return entries.filter(recorded_at__lte=ended) if ended else entries


class StorageFilter(admin.SimpleListFilter):
    """The entries of one storage."""

    title = _("storage")
    parameter_name = "storage"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        """Offer the storages that registered models write to, and those that were marked."""
        return [(alias, alias) for alias in known_storages()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the entries of the storage that was chosen; it must be one of those offered."""
        chosen = self.value()
        if not chosen:
            return queryset
        if chosen not in dict(self.lookup_choices):
            raise IncorrectLookupParameters(chosen)
        return queryset.filter(storage=chosen)


class FoundAgainFilter(admin.SimpleListFilter):
    """Filter for entries whose key was erased and later found in storage again."""

    title = _("later look")
    parameter_name = "found"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        """Offer the only finding that needs attention."""
        return [("again", _("Found in storage again"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the entries with the chosen finding."""
        match self.value():
            case None | "":
                return queryset
            case "again":
                return queryset.found_again()
            case other:
                raise IncorrectLookupParameters(other)


def known_storages() -> list[str]:
    """Return the aliases that entries can name, without reading the entries."""
    registrations = filter(None, map(registration_for, registered_models()))
    written = {
        storage_alias(field)
        for found in registrations
        for field in found.fields
        if found.storage is None
    }
    return sorted({*written, *StorageIdentity.objects.values_list("alias", flat=True)})
