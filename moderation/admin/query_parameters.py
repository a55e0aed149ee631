"""Restrict the URL parameters of change lists to those that their pages offer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import (
    BadRequest,
    FieldDoesNotExist,
    ObjectDoesNotExist,
    ValidationError,
)
from django.db.models import DateField, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponse
from django.utils.text import smart_split
from django.utils.translation import gettext as _

# Each word of a search is a separate condition, which reads every row if no index applies.
MAX_WORDS = 10
# The lookups that Django's own field filters use in the URL.
FILTER_LOOKUPS = {"", "exact", "isnull", "isempty", "gte", "lt"}
# The years of dates in lists and URLs. The offset of a time zone can move a time in the first or
# last year out of Python's calendar.
YEARS = range(2, 9999)
YEAR_DIGITS = 4
DATE_LOOKUPS = {"year", "month", "day", "gte", "lt"}


class CheckedParameters(admin.ModelAdmin):
    """A ModelAdmin that accepts only the URL parameters that its page offers.

    Django accepts any lookup on the model's own columns, including a regular expression that keeps
    SQLite busy for half a minute while it holds Python's GIL. Do not use this for the ModelAdmins
    of other apps: their pages may link to lookups that only they know.
    """

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow only the lookups of the list's filters and of its date hierarchy."""
        allowed: bool = super().lookup_allowed(lookup, value, request)
        return allowed and is_used_by_filters(self, lookup, request)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the list. Raises BadRequest for a value that the database would not accept."""
        check_nul(request)
        self._check_dates(request)
        if has_too_many_words(request.GET.get("q", "")):
            text = _("A search may have at most %(limit)d words. Use fewer; nothing was searched.")
            messages.error(request, text % {"limit": MAX_WORDS})
        return super().changelist_view(request, extra_context)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search as Django does, but find nothing for more than MAX_WORDS words.

        Ignoring the extra words would find more than the user searched for.
        """
        if has_too_many_words(search_term):
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Return the object or None. Treat an empty `_to_field` as if it were missing."""
        if "\0" in object_id:
            return None
        return super().get_object(request, object_id, from_field or None)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return the initial values in the URL that the model's fields accept.

        The widgets of dates and relations would raise errors for others.
        """
        initial = super().get_changeform_initial_data(request).items()
        return {name: value for name, text in initial for value in self._converted(name, text)}

    def _converted(self, name: str, text: Any) -> Iterator[Any]:
        """Yield the value of a text for a field of the model, if the field accepts it.

        Lists, for many-to-many fields, are not accepted.
        """
        with suppress(FieldDoesNotExist, ObjectDoesNotExist, ValidationError):
            field: Any = self.opts.get_field(name)
            if field.many_to_many:
                return
            value = field.to_python(text)
            if field.is_relation:
                field.remote_field.model._base_manager.get(**{field.target_field.name: value})
            yield value

    def _check_dates(self, request: HttpRequest) -> None:
        """Raise BadRequest for a date that is not in the calendar of every time zone."""
        for name, values in request.GET.lists():
            field, _sep, lookup = name.partition(LOOKUP_SEP)
            if lookup not in DATE_LOOKUPS or not self._is_date(field):
                continue
            if any(_is_out_of_range(lookup, value) for value in values):
                raise BadRequest(name)

    def _is_date(self, name: str) -> bool:
        try:
            return isinstance(self.opts.get_field(name), DateField)
        except FieldDoesNotExist:
            return False


def _is_out_of_range(lookup: str, text: str) -> bool:
    """Return whether a year is outside YEARS, or a date hierarchy's value is not a number."""
    if lookup in ("year", "month", "day") and not (text.isdecimal() and len(text) <= YEAR_DIGITS):
        return True
    if lookup in ("month", "day"):
        return False
    year = text.partition("-")[0]
    return year.isdecimal() and (len(year) > YEAR_DIGITS or int(year) not in YEARS)


def check_nul(request: HttpRequest) -> None:
    """Raise BadRequest if the URL contains a NUL, which PostgreSQL does not accept in text."""
    for name, values in request.GET.lists():
        if any("\0" in text for text in (name, *values)):
            raise BadRequest("NUL in the URL")


def has_too_many_words(term: str) -> bool:
    """Return whether a search has more than MAX_WORDS words. A quoted phrase counts as one."""
    return sum(1 for _word in smart_split(term)) > MAX_WORDS


def is_used_by_filters(
    model_admin: admin.ModelAdmin[Any], lookup: str, request: HttpRequest
) -> bool:
    """Return whether a list's filters, or its date hierarchy, use a lookup.

    Any name that is not that of a field counts as the parameter of a custom filter.
    """
    meta = model_admin.model._meta
    first = lookup.partition(LOOKUP_SEP)[0]
    try:
        if first != "pk":
            meta.get_field(first)
    except FieldDoesNotExist:
        return True
    if (hierarchy := model_admin.date_hierarchy) and _suffix(lookup, hierarchy) in DATE_LOOKUPS:
        return True
    return any(_filter_uses(model_admin, lookup, s) for s in model_admin.get_list_filter(request))


def _filter_uses(model_admin: admin.ModelAdmin[Any], lookup: str, spec: Any) -> bool:
    """Return whether an item of `list_filter` uses a lookup.

    An item is a field, a pair of a field and its filter, or a filter.
    """
    path = spec[0] if isinstance(spec, list | tuple) else spec
    if isinstance(path, str):
        return _field_filter_uses(model_admin, lookup, path)
    typed = {field.name for field in getattr(path, "fields", ())}
    return lookup in {getattr(path, "parameter_name", None), *typed}


def _field_filter_uses(model_admin: admin.ModelAdmin[Any], lookup: str, path: str) -> bool:
    """Return whether a field's filter uses a lookup. That of a relation uses the related key."""
    suffix = _suffix(lookup, path)
    if suffix is None:
        return False
    if LOOKUP_SEP not in path:
        field: Any = model_admin.model._meta.get_field(path)
        if field.is_relation:
            column, _sep, comparison = suffix.rpartition(LOOKUP_SEP)
            targets = {"", "pk", field.remote_field.model._meta.pk.name}
            return column in targets and comparison in FILTER_LOOKUPS
    return suffix in FILTER_LOOKUPS


def _suffix(lookup: str, path: str) -> str | None:
    """Return what follows a field's path in a lookup, or None if the lookup has another path."""
    if lookup == path:
        return ""
    return lookup.removeprefix(path + LOOKUP_SEP) if lookup.startswith(path + LOOKUP_SEP) else None
