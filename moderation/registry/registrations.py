"""The registrations of all models, and functions that find one."""

from __future__ import annotations

from django.apps import apps
from django.db.models import FileField, Model

from moderation.models.audit import TITLE_LENGTH
from moderation.registry.fields import concrete, storage_alias
from moderation.registry.registration import Registration

_registrations: dict[type[Model], Registration] = {}


def add_registration(registration: Registration) -> None:
    """Add the registration of a concrete model, or replace it."""
    _registrations[registration.model] = registration


def is_registered(model: type[Model]) -> bool:
    """Return whether a model, or the concrete model of a proxy, is registered."""
    return concrete(model) in _registrations


def registered_models() -> list[type[Model]]:
    """Return the concrete models whose files are recorded and purged."""
    return list(_registrations)


def registration_for(model: type[Model]) -> Registration | None:
    """Return the registration of a model, or of a proxy's concrete model, or None."""
    return _registrations.get(concrete(model))


def registration_by_label(label: str) -> Registration:
    """Return the registration of "app.Model". Raises LookupError if there is none."""
    registration = registration_for(apps.get_model(label))
    if registration is None:
        raise LookupError(f"{label} is not registered with moderation.")
    return registration


def alias_of(row: Model, field: FileField) -> str:
    """Return the alias of the storage that holds the file in a field of a row.

    Raises ImproperlyConfigured if the storage has no alias.
    """
    registration = registration_for(field.model)
    return registration.alias_of(row, field) if registration else storage_alias(field)


def title_text(value: object) -> str:
    """Return a title as the audit log stores it: one line of at most 80 characters."""
    return " ".join(str(value or "").split())[:TITLE_LENGTH]
