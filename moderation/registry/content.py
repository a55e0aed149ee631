"""What the registrations say about the objects that moderators select, such as posts.

Registrations describe rows that own files, such as the pictures of posts. Their lookups lead to the
object through the relation to its parent; here they start at the object itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from moderation.registry.caches import cached_per_models
from moderation.registry.fields import concrete
from moderation.registry.registration import Registration
from moderation.registry.registrations import registered_models, registration_by_label
from moderation.registry.review_rule import ReviewRule


@dataclass(frozen=True, slots=True)
class Content:
    """The lookups of an object's title, owner, time, text and reports; "" for unknown ones."""

    title: str = ""
    owner: str = ""
    created: str = ""
    text: str = ""
    reports: str = ""


@dataclass(frozen=True, slots=True)
class PictureSource:
    """A registered model whose rows have one picture each.

    `to_object` is the lookup from its rows to the selected object: "pk" if they are the objects.
    """

    registration: Registration
    to_object: str

    @property
    def sha256(self) -> str:
        """Return the column that holds the SHA-256 of the picture."""
        return str(self.registration.lookups["sha256"])

    def lookup(self, name: str) -> str:
        """Return a textual lookup of the registration by its name, or ""."""
        registration = self.registration
        path = registration.review_lookups.get(name) or registration.lookups.get(name)
        return path if isinstance(path, str) else ""


@cached_per_models
def content_of(model: type[Model]) -> Content:
    """Return the lookups that start at an object of a model."""
    found: dict[str, str] = {}
    for registration, to_object in _registrations_of(model):
        prefix = "" if to_object == "pk" else f"{to_object}__"
        for name, path in {**registration.lookups, **registration.review_lookups}.items():
            if name in Content.__slots__ and isinstance(path, str) and path.startswith(prefix):
                found.setdefault(name, path.removeprefix(prefix))
    return Content(**found)


@cached_per_models
def picture_sources_of(model: type[Model]) -> tuple[PictureSource, ...]:
    """Return the models whose pictures belong to objects of a model and can be told apart.

    They are registered with `picture` and with a column for `sha256`.
    """
    return tuple(
        source
        for source in all_picture_sources_of(model)
        if _is_own_column(source.registration, source.registration.lookups.get("sha256"))
    )


@cached_per_models
def all_picture_sources_of(model: type[Model]) -> tuple[PictureSource, ...]:
    """Return the models whose pictures belong to objects of a model, with or without a SHA-256."""
    return tuple(
        PictureSource(registration, to_object)
        for registration, to_object in _registrations_of(model)
        if registration.picture
    )


@cached_per_models
def registered_review_rules_of(model: type[Model]) -> tuple[ReviewRule, ...]:
    """Return the review rules for objects of a model that were passed to `register()`."""
    rules = [
        rule
        for registration, to_object in _registrations_of(model)
        if to_object != "pk" or not registration.parent_field
        for rule in registration.review_rules
    ]
    return tuple(dict.fromkeys(rules))


def _registrations_of(model: type[Model]) -> list[tuple[Registration, str]]:
    """Return the registrations of a model and of its children, with the lookup to the object."""
    label, found = concrete(model)._meta.label, []
    for each in sorted(registered_models(), key=lambda registered: registered._meta.label):
        registration = registration_by_label(each._meta.label)
        if registration.label == label:
            found.append((registration, "pk"))
        elif registration.parent_label == label:
            found.append((registration, registration.parent_field))
    return found


def _is_own_column(registration: Registration, path: Any) -> bool:
    return path in {field.name for field in registration.model._meta.local_concrete_fields}
