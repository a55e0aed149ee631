"""The names, counts and URLs of models and rows, as the pages display them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst

from moderation.cascade.batches import model_of
from moderation.db.rows import all_rows
from moderation.models import Removal
from moderation.templatetags.moderation_numbers import grouped

# Characters that set or override the direction of the text after them.
DIRECTION_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows, and the name of their model in the singular or the plural."""

    number: int
    noun: str

    @property
    def grouped(self) -> str:
        """Return the number with thousands separators: 12,345."""
        return grouped(self.number)

    def __str__(self) -> str:
        return f"{self.grouped} {self.noun}"


def count(label: str, number: int) -> Count:
    """Return a count of rows of the model with this label.

    A model that is no longer installed is named by its label.
    """
    try:
        meta = apps.get_model(label)._meta
    except LookupError:
        return Count(number, label)
    return Count(number, str(meta.verbose_name if number == 1 else meta.verbose_name_plural))


def counts(by_label: Mapping[str, int]) -> list[Count]:
    """Return a count for each model, in an order that does not depend on the numbers."""
    return [count(*each) for each in sorted(by_label.items())]


def objects_of(removal: Removal) -> Count:
    """Return the count of the objects selected for a removal."""
    return count(removal.model_label, removal.objects_total)


def other_rows_of(removal: Removal) -> list[Count]:
    """Return a count for each other model whose rows are removed with the objects."""
    rows = removal.rows_by_model.items()
    return counts({label: number for label, number in rows if label != removal.model_label})


def row_names(removal: Removal, keys: Iterable[Any]) -> dict[Any, str]:
    """Return the names of a removal's objects that still exist: {key: name}. One query.

    Without the characters that would reverse the text after a name, such as the number of objects.
    """
    found = all_rows(model_of(removal)).in_bulk(list(keys))
    return {key: DIRECTION_CONTROLS.sub("", str(row)) for key, row in found.items()}


def row_names_for(viewer: Viewer, removal: Removal, keys: Iterable[Any]) -> dict[Any, str]:
    """Return what `row_names` does, with keys instead of names if the viewer may not view rows.

    Not every user who may view removals may also view their objects.
    """
    model = model_of(removal)
    names = row_names(removal, keys)
    if viewer.may_view(model):
        return names
    return {key: f"{model._meta.verbose_name} {key}" for key in names}


def row_label(row: Model) -> str:
    """Return the names of a row's model and of the row, as on Django's delete page."""
    return f"{capfirst(row._meta.verbose_name)}: {row}"


def short_time(moment: datetime) -> str:
    """Return a time as a page displays it, with the date if that is not today."""
    local = timezone.localtime(moment)
    time = date_format(local, "TIME_FORMAT")
    if local.date() == timezone.localdate():
        return time
    return f"{date_format(local, 'DATE_FORMAT')}, {time}"


@dataclass(frozen=True, slots=True)
class Viewer:
    """The user who views a page, and the admin site that the page belongs to."""

    site: AdminSite
    request: HttpRequest

    def url_of(self, model: type[Model], key: Any) -> str:
        """Return the URL of a row in the admin, or "" if the viewer may not view it there."""
        return self._url(model, "change", quote(key))

    def list_url(self, model: type[Model]) -> str:
        """Return the URL of a model's change list, or "" if the viewer may not view it."""
        return self._url(model, "changelist")

    def may_view(self, model: type[Model]) -> bool:
        """Return whether the viewer may view rows of a model in this admin site."""
        if not self.site.is_registered(model):
            return False
        return bool(self.site.get_model_admin(model).has_view_permission(self.request))

    def _url(self, model: type[Model], page: str, *args: str) -> str:
        if not self.may_view(model):
            return ""
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
        return reverse(name, args=args, current_app=self.site.name)


def removal_url(site: AdminSite, removal: Removal, page: str = "change") -> str:
    """Return the URL of a removal's page, or of one of its actions ("confirm", "stop", ...).

    Raises NoReverseMatch if the site does not have the pages of removals.
    """
    name = f"admin:moderation_removal_{page}"
    return reverse(name, args=(removal.pk,), current_app=site.name)
