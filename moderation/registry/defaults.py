"""The file names that are defaults of file fields and therefore never erased.

A default belongs to no row. It is not recorded when a row is deleted, not counted in a preview, and
not refused when a row is saved.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db.models import FileField, Value

from moderation.registry.caches import cached_per_models
from moderation.registry.fields import own_file_fields, storage_alias

# Redundant slashes and dots in a name: "./a", "a//b". PostgreSQL accepts the same expression.
ODD_SLASHES = r"(^|/)(\.?/)+"
_odd_slashes = re.compile(ODD_SLASHES)


def is_default(name: object, defaults: frozenset[str]) -> bool:
    """Return whether a name without odd slashes is one of `defaults`, from `default_names_on`."""
    return bool(defaults) and bool(name) and plain_name(str(name)) in defaults


def plain_name(name: str) -> str:
    """Return a name without redundant slashes and dots."""
    return _odd_slashes.sub(r"\1", name)


def default_names_on(alias: str) -> frozenset[str]:
    """Return the names in a storage that are the default of any file field."""
    found: set[str] = set()
    for field, names in fields_with_default():
        try:
            found |= names if storage_alias(field) == alias else set()
        except ImproperlyConfigured:
            continue  # no files are erased from a storage without an alias
    return frozenset(found)


def default_names_of(field: FileField) -> frozenset[str]:
    """Return the constant defaults of one field, in their plain spelling.

    A callable default counts if it returns the same name twice.
    """
    found = set()
    for name in (_python_default(field), _database_default(field)):
        if isinstance(name, str) and name:
            found.add(plain_name(name))
    return frozenset(found)


def has_changing_default(field: FileField) -> bool:
    """Return whether a field has a default whose name is not constant."""
    # Without a default, `default` is Django's NOT_PROVIDED, a class and so callable as well.
    if field.has_default() and callable(field.default) and _constant(field.default) is None:
        return True
    return bool(_has_database_default(field)) and _database_default(field) is None


@cached_per_models
def fields_with_default() -> tuple[tuple[FileField, frozenset[str]], ...]:
    """Return the file fields of installed models that have constant defaults, with the names."""
    return tuple(_find_fields_with_default())


def _find_fields_with_default() -> Iterator[tuple[FileField, frozenset[str]]]:
    for model in apps.get_models():
        for field in () if model._meta.proxy else own_file_fields(model):
            if names := default_names_of(field):
                yield field, names


def _python_default(field: FileField) -> object:
    if not field.has_default():
        return None
    return _constant(field.default) if callable(field.default) else str(field.default or "")


@cached_per_models
def _constant(default: Callable[[], Any]) -> str | None:
    """Return the name that a callable returns, or None if two calls return different names.

    Also None if it fails, for instance because it needs a request: no purge may fail with it.
    """
    try:
        first, second = (str(default() or "") for _ in range(2))
    except Exception:  # noqa: BLE001 - the function is the site's
        return None
    return first if first == second else None


def _has_database_default(field: Any) -> bool:
    return bool(field.has_db_default())


def _database_default(field: Any) -> object:
    """Return the text of a `db_default`, or None if the database computes it."""
    if not _has_database_default(field):
        return None
    default = field.db_default
    if isinstance(default, Value):
        return default.value
    return default if type(default) is str else None
