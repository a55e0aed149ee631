"""Cascades that form a tree of plain foreign keys, so that joins in SQL find the same rows.

A generic relation is part of a tree if no other relation leads on from its rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from django.db import models

from moderation.cascade.relations import OnDelete, Relation, is_leaf, parents_of, relations_of
from moderation.registry import Registration, registration_for
from moderation.registry.caches import cached_per_models
from moderation.registry.files import StoredFile, files_in_columns

# Primary keys that have the same text and the same order in PostgreSQL and in Python. Only fields
# of Django's own classes count: a subclass may return another value than its column holds.
KEY_FIELDS = (models.IntegerField, models.UUIDField)
DJANGO_FIELDS_MODULE = models.Field.__module__
# Columns in which a generic relation may hold a key as text.
TEXT_FIELDS = (models.CharField, models.TextField)


@dataclass(frozen=True, slots=True)
class Branch:
    """A model whose rows are deleted or updated with the objects of another model, or protect them.

    `path` contains the relations that lead from the objects to these rows. The first branch is the
    objects themselves; its path is empty.
    """

    model: type[models.Model]
    on_delete: OnDelete
    path: tuple[Relation, ...]

    @property
    def owner(self) -> Registration | None:
        """Return the model's registration if its rows, and with them their files, are deleted."""
        return registration_for(self.model) if self.on_delete is OnDelete.CASCADE else None

    @property
    def is_generic(self) -> bool:
        """Return whether a generic relation leads to the rows, so that they have no `lookup`."""
        return bool(self.path and self.path[-1].content_type_model)

    @property
    def lookup(self) -> str:
        """Return the lookup that leads from the branch's rows to the key of their object."""
        return "__".join(relation.name for relation in reversed(self.path)) or "pk"

    def rows(self, keys: Sequence[Any], using: str) -> models.QuerySet[Any]:
        """Return the rows of the branch that belong to the objects with these keys."""
        rows = self.model._base_manager.using(using)
        if self.is_generic:
            return rows.filter(self.path[-1].where(self._referenced_keys(keys, using), using))
        return rows.filter(**{f"{self.lookup}__any_of": set(keys)})

    def _referenced_keys(self, keys: Sequence[Any], using: str) -> Sequence[Any]:
        """Return the keys of the rows that the last relation of the path leads from."""
        if len(self.path) == 1:
            return keys
        source = Branch(self.path[-2].model, OnDelete.CASCADE, self.path[:-1])
        return list(source.rows(keys, using).values_list("pk", flat=True))


@cached_per_models
def branches_of(root: type[models.Model]) -> tuple[Branch, ...] | None:
    """Return the branches below a model, its own first, or None if SQL cannot compute its plan."""
    found: list[Branch] = []
    queue = [Branch(root, OnDelete.CASCADE, ())]
    deleted: set[type[models.Model]] = set()
    while queue:
        branch = queue.pop(0)
        model, is_deleted = branch.model, branch.on_delete is OnDelete.CASCADE
        if branch.on_delete is OnDelete.RESTRICT or not _is_joinable(branch):
            return None
        found.append(branch)
        if is_deleted and (model in deleted or not _has_plain_columns(model)):
            return None
        if is_deleted:
            deleted.add(model)
            queue += [Branch(r.model, r.on_delete, (*branch.path, r)) for r in relations_of(model)]
    return tuple(found)


def lock_tree(
    root: type[models.Model], keys: Sequence[Any], using: str, *, limit: int
) -> tuple[AbstractSet[StoredFile], Counter[str]] | None:
    """Lock objects FOR UPDATE in key order, then each row below them that the walk would read.

    Return the files of the locked rows, and the number of these rows by model label. Return None if
    more than `limit` rows would be deleted, including those that are only counted.
    """
    found: set[StoredFile] = set()
    rows_locked: Counter[str] = Counter()
    remaining = limit
    for branch in branches_of(root) or ():
        if branch.on_delete is not OnDelete.CASCADE:
            continue
        rows = branch.rows(keys, using)
        if branch.path and is_leaf(branch.model):
            remaining -= rows[: remaining + 1].count()
        else:
            owner = branch.owner
            names = [field.name for field in owner.fields] if owner else []
            rows = rows.select_for_update().order_by("pk")
            locked = rows.values("pk", *names)[: remaining + 1]
            remaining -= len(locked)
            rows_locked[branch.model._meta.label] += len(locked)
            found.update(files_in_columns(owner, locked) if owner else ())
        if remaining < 0:
            return None
    return found, rows_locked


def holds_text(relation: Relation) -> bool:
    """Return whether the rows of a relation hold the keys that they refer to as text."""
    return isinstance(relation.model._meta.get_field(relation.column), TEXT_FIELDS)


def _is_joinable(branch: Branch) -> bool:
    """Return whether plain joins find the rows that Django finds. A base manager may hide some."""
    if type(branch.model._base_manager) is not models.Manager:
        return False
    return all(each.refers_to_primary_key or _is_generic_leaf(each) for each in branch.path)


def _is_generic_leaf(relation: Relation) -> bool:
    """Return whether a generic relation can be joined in SQL, and no relation leads on from it."""
    if relation.content_type_model is None or relations_of(relation.model):
        return False
    column: Any = relation.model._meta.get_field(relation.column)
    key = relation.content_type_model._meta.pk
    has_type_of_key = any(isinstance(column, cls) and isinstance(key, cls) for cls in KEY_FIELDS)
    is_comparable = _is_django_field(column) and (has_type_of_key or holds_text(relation))
    return is_comparable and _is_indexed(relation)


def _is_indexed(relation: Relation) -> bool:
    """Return whether an index begins with the column of a generic relation, or with its type too.

    Without one, PostgreSQL would read the table again for each object of a single batch.
    """
    field: Any = relation.model._meta.get_field(relation.column)
    both = {relation.column, relation.content_type_column}
    return bool(field.db_index or field.unique) or any(
        columns[:1] == [relation.column] or set(columns[:2]) == both
        for columns in _indexed_columns(relation.model)
    )


def _indexed_columns(model: type[models.Model]) -> Iterator[list[str]]:
    """Yield the columns of each index that `Meta` declares for all rows."""
    options: Any = model._meta
    unique = (each for each in options.constraints if isinstance(each, models.UniqueConstraint))
    indexes = (each for each in options.indexes if type(each) is models.Index)
    declared: list[Iterable[str]] = list(options.unique_together)
    declared += [each.fields for each in unique if not each.condition]
    declared += [dict(each.fields_orders) for each in indexes if not each.condition]
    for names in declared:
        yield [options.get_field(name).attname for name in names]


def _has_plain_columns(model: type[models.Model]) -> bool:
    """Return whether SQL can compute the lines of a model's rows from one table."""
    key: Any = model._meta.pk
    has_plain_key = isinstance(key, KEY_FIELDS) and _is_django_field(key)
    return has_plain_key and not parents_of(model) and _has_file_columns(registration_for(model))


def _is_django_field(field: models.Field[Any, Any]) -> bool:
    return type(field).__module__ == DJANGO_FIELDS_MODULE


def _has_file_columns(owner: Registration | None) -> bool:
    """Return whether SQL can read the names and sizes of a model's files from its columns."""
    if owner is None:
        return True
    if owner.storage is not None:  # only the registration knows which storage a row chooses
        return False
    names = [field.name for field in owner.fields] + [owner.size_column] * bool(owner.size_column)
    fields = [owner.model._meta.get_field(name) for name in names]
    return owner.extra_files is None and not any(hasattr(f, "from_db_value") for f in fields)
