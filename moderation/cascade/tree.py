"""The cascades that are a tree of plain foreign keys, where SQL can tell whose each row is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from django.db import models

from moderation.cascade.relations import OnDelete, Relation, is_leaf, parents_of, relations_of
from moderation.registry import Registration, registration_for
from moderation.registry.caches import cached_per_models
from moderation.registry.files import StoredFile, files_in_columns

# Keys whose text PostgreSQL and Python write alike, and put in the same order; only Django's own
# classes of them, since a subclass may show another value than its column holds.
KEYS = (models.IntegerField, models.UUIDField)
OWN_CLASSES = models.Field.__module__


@dataclass(frozen=True, slots=True)
class Branch:
    """Rows of a model that hang on the objects, what becomes of them, and the relations to them.

    The first is the objects themselves, whose path is empty.
    """

    model: type[models.Model]
    on_delete: OnDelete
    path: tuple[Relation, ...]

    @property
    def owner(self) -> Registration | None:
        """Return the model's registration, where its rows go and take files along."""
        return registration_for(self.model) if self.on_delete is OnDelete.CASCADE else None

    @property
    def lookup(self) -> str:
        """Return the lookup that leads from the branch's rows to the key of their object."""
        return "__".join(relation.name for relation in reversed(self.path)) or "pk"

    def rows(self, keys: Sequence[Any], using: str) -> models.QuerySet[Any]:
        """Return the branch's rows of the objects with these keys."""
        rows = self.model._base_manager.using(using)
        return rows.filter(**{f"{self.lookup}__any_of": set(keys)})


@cached_per_models
def branches_of(root: type[models.Model]) -> tuple[Branch, ...] | None:
    """Return the tree below a model, itself first, or None if it is not a tree of foreign keys."""
    found: list[Branch] = []
    waiting = [Branch(root, OnDelete.CASCADE, ())]
    taken: set[type[models.Model]] = set()
    while waiting:
        branch = waiting.pop(0)
        model, goes = branch.model, branch.on_delete is OnDelete.CASCADE
        if branch.on_delete is OnDelete.RESTRICT or not _is_plainly_read(branch):
            return None
        found.append(branch)
        if goes and (model in taken or not _is_plain(model)):
            return None
        if goes:
            taken.add(model)
            waiting += [
                Branch(r.model, r.on_delete, (*branch.path, r)) for r in relations_of(model)
            ]
    return tuple(found)


def lock_tree(
    root: type[models.Model], keys: Sequence[Any], using: str, *, limit: int
) -> tuple[AbstractSet[StoredFile], Counter[str]] | None:
    """Lock objects FOR UPDATE in key order, then each row below them that the walk would read.

    Return the files of the locked rows and the number of these rows by model label, or None if more
    than `limit` rows would be deleted, including those that are only counted.
    """
    found: set[StoredFile] = set()
    rows_locked: Counter[str] = Counter()
    room = limit
    for branch in branches_of(root) or ():
        if branch.on_delete is not OnDelete.CASCADE:
            continue
        rows = branch.rows(keys, using)
        if branch.path and is_leaf(branch.model):
            room -= rows[: room + 1].count()
        else:
            owner = branch.owner
            names = [field.name for field in owner.fields] if owner else []
            locked = rows.select_for_update().order_by("pk").values("pk", *names)[: room + 1]
            room -= len(locked)
            rows_locked[branch.model._meta.label] += len(locked)
            found.update(files_in_columns(owner, locked) if owner else ())
        if room < 0:
            return None
    return found, rows_locked


def _is_plainly_read(branch: Branch) -> bool:
    """Return whether a model's rows are all of its table; a base manager may hide some."""
    through_key = all(relation.is_plain for relation in branch.path)
    return through_key and type(branch.model._base_manager) is models.Manager


def _is_plain(model: type[models.Model]) -> bool:
    key: Any = model._meta.pk
    has_key = isinstance(key, KEYS) and type(key).__module__ == OWN_CLASSES
    return has_key and not parents_of(model) and _is_told_by_columns(registration_for(model))


def _is_told_by_columns(owner: Registration | None) -> bool:
    """Return whether SQL can read the names and sizes of a model's files from its columns."""
    if owner is None:
        return True
    if owner.storage is not None:  # only the registration can tell which storage a row chooses
        return False
    names = [field.name for field in owner.fields] + [owner.size_column] * bool(owner.size_column)
    fields = [owner.model._meta.get_field(name) for name in names]
    return owner.extra_files is None and not any(hasattr(f, "from_db_value") for f in fields)
