"""A filter of a change list that offers a few choices, and says why any other value is wrong."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext


def not_a_choice(value: str) -> str:
    """Return the sentence about a value that a filter does not offer."""
    return gettext("“%(value)s” is not one of this filter’s choices.") % {"value": value}


class ChoiceFilter(admin.SimpleListFilter):
    """A filter with a few choices. Any other value finds nothing, and `problem` names it."""

    def value(self) -> str | None:
        """Return the value in the URL, or None if it is missing or empty."""
        return super().value() or None

    @property
    def problem(self) -> str:
        """Return why the filter finds nothing, or ""."""
        value = self.value()
        known = {None, *(key for key, _title in self.lookup_choices)}
        return "" if value in known else not_a_choice(str(value))
