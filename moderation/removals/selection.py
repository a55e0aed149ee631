"""Check which querysets can be selected, and read their keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models, router
from django.db.models.query import ModelIterable
from django.utils.translation import gettext as _

from moderation.cascade import json_key
from moderation.cascade.relations import deleted_with, has_composite_key, is_leaf
from moderation.db.rows import all_rows
from moderation.exceptions import CannotFreeze
from moderation.models import AuditEntry

# Types of keys that are unchanged after a round trip through JSON.
JSON_SAFE_TYPES = (int, str, UUID)


def check_model(model: type[models.Model]) -> None:
    """Raise CannotFreeze for a model whose objects cannot be removed, with the reason."""
    for each in sorted(deleted_with(model), key=lambda found: found._meta.label):
        if has_composite_key(each) and (each is model or not is_leaf(each)):
            raise CannotFreeze(
                _("%(model)s has a composite primary key, which removals do not support.")
                % {"model": each._meta.label}
            )
    _check_database(model, router.db_for_write(model))


def selected_keys(queryset: models.QuerySet[Any]) -> models.QuerySet[Any, Any]:
    """Return a queryset of the keys of the objects in a queryset, in key order.

    A key may occur twice. The queryset uses the audit log's database, whatever a router says.
    Raises CannotFreeze if its objects are in another database, or if it returns values.
    """
    # `_db` is the argument of `using()`; `db` would call the router.
    using = queryset._db  # type: ignore[attr-defined]  # noqa: SLF001
    _check_database(queryset.model, using or AuditEntry.objects.db)
    if not issubclass(queryset._iterable_class, ModelIterable):  # noqa: SLF001 - or values()
        raise CannotFreeze(_("This list contains values, not objects, so nothing can be removed."))
    return filterable(queryset).order_by("pk").values_list("pk", flat=True)


def frozen_keys(model: type[models.Model], keys: Iterable[Any]) -> Iterator[int | str]:
    """Yield each key once, as a JSON value. The keys must be sorted.

    Raises CannotFreeze for a key that changes in a round trip through JSON.
    """
    last = None
    for key in keys:
        if key != last:
            frozen = json_key(key)
            if not isinstance(key, JSON_SAFE_TYPES) and not _is_unchanged(model, key, frozen):
                raise CannotFreeze(
                    _("The keys of %(objects)s cannot be stored in a draft: %(key)s")
                    % {"objects": model._meta.verbose_name_plural, "key": frozen}
                )
            yield frozen
        last = key


def filterable(queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Return a queryset with the same objects that can be filtered and ordered.

    A sliced queryset, a union, DISTINCT ON and a reversed order do not allow that, or change its
    meaning, so their objects are selected by a subquery.
    """
    using, query = AuditEntry.objects.db, queryset.query
    needs_subquery = query.is_sliced or query.combinator or query.distinct_fields
    if needs_subquery or not query.standard_ordering:
        rows = all_rows(queryset.model, using)
        return rows.filter(pk__in=queryset.using(using).values("pk"))
    found = queryset.using(using)
    found.query.select_for_update = False
    return found


def _is_unchanged(model: type[models.Model], key: Any, frozen: int | str) -> bool:
    try:
        return bool(model._meta.pk.to_python(frozen) == key)
    except (ValidationError, ValueError, TypeError):
        return False


def _check_database(model: type[models.Model], using: str) -> None:
    audit_database = AuditEntry.objects.db
    if using != audit_database:
        raise CannotFreeze(
            _("The %(objects)s are in the database “%(using)s”. Only objects in “%(audit)s”, the "
            "database of the audit log, can be removed. Nothing was selected.")
            % {"objects": model._meta.verbose_name_plural, "using": using, "audit": audit_database}
        )  # fmt: skip
