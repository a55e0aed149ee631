"""A filter with text fields, for values that are too many to list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model
from django.http import HttpRequest
from django.utils.functional import Promise


class Field(NamedTuple):
    """A field of a typed filter: its name in the URL, its label, and its type of input."""

    name: str
    label: str | Promise
    input_type: str = "text"


class TypedFilter(admin.ListFilter):
    """A filter with text fields in a form of its own. It works without JavaScript."""

    template = "admin/moderation/typed_filter.html"
    fields: ClassVar[tuple[Field, ...]] = ()

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
        """Return True: the fields are always displayed."""
        return True

    def names(self) -> list[str]:
        """Return the names of the fields."""
        return [field.name for field in self.fields]

    def expected_parameters(self) -> list[str | None]:
        """Return the names of the fields, which are the filter's parameters in the URL."""
        return [*self.names()]

    def value(self) -> str:
        """Return the typed values on one line, or "" if there are none."""
        return " – ".join(self.typed.get(name, "…") for name in self.names()) if self.typed else ""

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Yield the context of the form: its fields, and the other parameters of the URL."""
        names = self.names()
        params = {n: v for n, v in changelist.filter_params.items() if n not in names}
        yield {
            "selected": bool(self.typed),
            "display": self.value(),
            "fields": [(field, self.typed.get(field.name, "")) for field in self.fields],
            "other_parameters": [
                (name, value) for name, values in params.items() for value in values
            ],
            "query_string_without": changelist.get_query_string(remove=names),
            "suggestions_url": self.suggestions_url(changelist),
        }

    def suggestions_url(self, changelist: ChangeList) -> str:
        """Return the URL of a view that returns suggestions for the fields, or "" if none does."""
        return ""
