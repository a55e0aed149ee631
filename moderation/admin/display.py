"""How the pages name models, rows and addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst

from moderation.cascade.batches import model_of
from moderation.db.rows import all_rows
from moderation.models import Removal
from moderation.templatetags.moderation_numbers import grouped


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows with the name of their kind, in the number that fits."""

    number: int
    kind: str

    @property
    def shown(self) -> str:
        """Return the number as people write it: 12,345."""
        return grouped(self.number)


def count(label: str, number: int) -> Count:
    """Name rows of the model with this label; a model that is gone is named by its label."""
    try:
        meta = apps.get_model(label)._meta
    except LookupError:
        return Count(number, label)
    return Count(number, str(meta.verbose_name if number == 1 else meta.verbose_name_plural))


def counts(by_label: Mapping[str, int]) -> list[Count]:
    """Name the rows of several models, the most numerous first."""
    return [count(*each) for each in sorted(by_label.items(), key=lambda each: (-each[1], each))]


def objects_of(removal: Removal) -> Count:
    """Return the objects that a removal was made for."""
    return count(removal.model_label, removal.objects_total)


def rows_named(removal: Removal, keys: Iterable[Any]) -> dict[Any, str]:
    """Return the names of the existing objects with these keys of a removal. One query."""
    found = all_rows(model_of(removal)).in_bulk(list(keys))
    return {key: str(row) for key, row in found.items()}


def rows_as_seen(viewer: Viewer, removal: Removal, keys: Iterable[Any]) -> dict[Any, str]:
    """Return the names of a removal's objects, or their keys if the user may not view them.

    Not everyone who may see what was removed may see the titles that are still on the site.
    """
    model = model_of(removal)
    names = rows_named(removal, keys)
    if viewer.may_view(model):
        return names
    return {key: f"{model._meta.verbose_name} {key}" for key in names}


def named(row: Model) -> str:
    """Return the name of a row and its model, as on Django's delete page."""
    return f"{capfirst(row._meta.verbose_name)}: {row}"


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person who looks, and the admin site that they look through."""

    site: AdminSite
    request: HttpRequest

    def address_of(self, model: type[Model], key: Any) -> str:
        """Return the URL of a row in the admin, or "" if this user cannot see it there."""
        return self._address(model, "change", quote(key))

    def address_of_all(self, model: type[Model]) -> str:
        """Return the URL of a model's change list, or "" if there is none."""
        return self._address(model, "changelist")

    def may_view(self, model: type[Model]) -> bool:
        """Return whether the admin shows rows of a model to this user."""
        if not self.site.is_registered(model):
            return False
        return bool(self.site.get_model_admin(model).has_view_permission(self.request))

    def _address(self, model: type[Model], page: str, *args: str) -> str:
        if not self.may_view(model):
            return ""
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
        return reverse(name, args=args, current_app=self.site.name)


def page_of(site: AdminSite, removal: Removal, page: str = "change") -> str:
    """Return the URL of a removal's page, or of one of its actions ("confirm", "stop", ...).

    Raises NoReverseMatch if the site does not have the pages of removals.
    """
    name = f"admin:moderation_removal_{page}"
    return reverse(name, args=(removal.pk,), current_app=site.name)
