"""What the walk would tell of many slices at once, counted and digested inside PostgreSQL.

The walk brings each row's key and names to Python, which takes seconds for 50,000 posts; the
confirmation page and the comparison with the seal have less. Here one query an owning model tells
the same of any number of frozen slices. It serves where the cascade is a tree of plain foreign
keys; for the rest, and on SQLite, the walk does it. A test holds the two against each other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.db import connections, models
from django.db.models import Count, F, Q, Sum, TextField, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import MD5, Cast, Coalesce, Concat

from moderation.models import RemovalSlice
from moderation.plan.graph import OnDelete, Relation, parents_of, relations_of
from moderation.plan.shown import RECORD, UNIT, Shown, digest_of_object, json_key
from moderation.registry import Registration, registration_for

# Keys whose text PostgreSQL and Python write alike, and put in the same order.
KEYS = (models.IntegerField, models.UUIDField)


@dataclass(frozen=True, slots=True)
class _Branch:
    """A relation somewhere in the tree, and the path of keys from its rows up to the object."""

    relation: Relation
    path: str


@cache
def branches_of(root: type[models.Model]) -> tuple[_Branch, ...] | None:
    """The tree of relations below a model; None where it is no tree of plain foreign keys."""
    if not _is_plain(root):
        return None
    found: list[_Branch] = []
    waiting = [_Branch(relation, relation.name) for relation in relations_of(root)]
    taken = {root}
    while waiting:
        branch = waiting.pop(0)
        relation = branch.relation
        if relation.on_delete is OnDelete.RESTRICT or not relation.is_plain:
            return None
        found.append(branch)
        if relation.on_delete is not OnDelete.CASCADE:
            continue
        if relation.model in taken or not _is_plain(relation.model):
            return None
        taken.add(relation.model)
        onward = relations_of(relation.model)
        waiting += [_Branch(each, f"{each.name}__{branch.path}") for each in onward]
    return tuple(found)


def _is_plain(model: type[models.Model]) -> bool:
    registration = registration_for(model)
    extra = registration is not None and registration.extra_files is not None
    return isinstance(model._meta.pk, KEYS) and not parents_of(model) and not extra


def can_summarize(model: type[models.Model], using: str) -> bool:
    """Whether `summarize` serves for a model: the database is PostgreSQL, the cascade a tree."""
    return connections[using].vendor == "postgresql" and branches_of(model) is not None


def summarize(
    model: type[models.Model], parts: Sequence[RemovalSlice], *, using: str
) -> Iterator[Shown]:
    """What is shown of each of these frozen slices of one removal as it is now, in their order.

    The number of queries depends on the model alone. The frozen keys are read where they stand, so
    that they need not be sent.
    """
    asked = _Summary(model, _frozen_keys(model, parts, using), using)
    to_python = model._meta.pk.to_python
    for part in parts:
        keys = (to_python(key) for key, _ in part.shown)
        yield asked.of([key for key in keys if key in asked.there])


def _frozen_keys(model: type[models.Model], parts: Sequence[RemovalSlice], using: str) -> RawSQL:
    table, kind = RemovalSlice._meta.db_table, model._meta.pk.db_type(connections[using])
    kind = {"bigserial": "bigint", "serial": "integer"}.get(str(kind), str(kind))
    return RawSQL(  # noqa: S611 - a table's and a type's name of our own models
        f"SELECT (pair->>0)::{kind} FROM {table}, jsonb_array_elements({table}.shown) AS pair "  # noqa: S608
        f"WHERE {table}.id = ANY(%s)",
        [[part.pk for part in parts]],
    )


@dataclass(slots=True)
class _Owned:
    """What one object owns, by owning model; tuples as the query gives them."""

    digests: dict[str, str] = field(default_factory=dict)
    numbers: list[tuple[str, int, int, int, int]] = field(default_factory=list)


class _Summary:
    """The answers for all objects of some slices."""

    def __init__(self, model: type[models.Model], keys: RawSQL, using: str) -> None:
        self.model, self.keys, self.using = model, keys, using
        roots = model._base_manager.using(using).filter(pk__in=keys)
        self.there = set(roots.values_list("pk", flat=True))
        self.owned: dict[Any, _Owned] = defaultdict(_Owned)
        self.counted: dict[str, dict[str, dict[Any, int]]] = defaultdict(dict)
        self._ask_of_rows(model, "pk", OnDelete.CASCADE)
        for branch in branches_of(model) or ():
            self._ask_of_rows(branch.relation.model, branch.path, branch.relation.on_delete)

    def _ask_of_rows(self, model: type[models.Model], path: str, on_delete: OnDelete) -> None:
        rows = model._base_manager.using(self.using).filter(**{f"{path}__in": self.keys})
        registration = registration_for(model)
        label = model._meta.label
        if on_delete is OnDelete.CASCADE and registration is not None:
            asked = rows.values_list(path).annotate(**_file_columns(registration))
            for root, digest, *numbers in asked:
                owned = self.owned[root]
                if digest is not None:
                    owned.digests[label] = digest
                owned.numbers.append((label, *numbers))
        elif path != "pk":
            counts = rows.values_list(path).annotate(rows=Count("pk"))
            of_kind = self.counted[on_delete.value].setdefault(label, Counter())
            for root, number in counts:
                of_kind[root] += number

    def of(self, keys: Sequence[Any]) -> Shown:
        """What is shown of the objects with these keys, which are there."""
        label = self.model._meta.label
        shown = Shown(rows=Counter({label: len(keys)} if keys else {}))
        nothing: Mapping[str, str] = {}
        for key in keys:
            owned = self.owned.get(key)
            digests = owned.digests if owned else nothing
            shown.objects.append((json_key(key), digest_of_object(label, key, digests)))
            for kind, rows, files, cards, size in owned.numbers if owned else ():
                if kind != label:
                    shown.rows[kind] += rows
                shown.files += files
                shown.cards += cards
                shown.size += size
        self._add_counts(shown, keys)
        return shown

    def _add_counts(self, shown: Shown, keys: Sequence[Any]) -> None:
        counters = {
            OnDelete.CASCADE: shown.rows,
            OnDelete.UPDATE: shown.updates,
            OnDelete.PROTECT: shown.protected,
        }
        for on_delete, counter in counters.items():
            for label, by_root in self.counted[on_delete.value].items():
                if number := sum(by_root[key] for key in keys if key in by_root):
                    counter[label] += number


def _file_columns(registration: Registration) -> dict[str, Any]:
    """Columns for the rows of one object: digest, rows, files, cards, size; the walk's, in SQL."""
    from django.contrib.postgres.aggregates import StringAgg  # needs psycopg

    names = [Coalesce(F(each.name), Value(""), output_field=TextField())
             for each in registration.fields]  # fmt: skip
    pieces = [piece for name in names for piece in (Value(UNIT), name)]
    line = Concat(Cast("pk", TextField()), *pieces, output_field=TextField())
    stored = {each.name: ~Q(**{each.name: ""}) & Q(**{f"{each.name}__isnull": False})
              for each in registration.fields}  # fmt: skip
    any_stored = Q()
    for condition in stored.values():
        any_stored |= condition
    files = {name: Count("pk", filter=condition) for name, condition in stored.items()}
    with_card = [count for name, count in files.items() if name != registration.thumbnail]
    size: Any = Value(0)
    if registration.size_column:
        size = Sum(registration.size_column, default=0)
    return {
        "lines_digest": MD5(StringAgg(line, RECORD, filter=any_stored, order_by="pk")),
        "rows_total": Count("pk"),
        "files_total": _total(list(files.values())),
        "cards_total": _total(with_card),
        "bytes_total": size,
    }


def _total(counts: list[Any]) -> Any:
    total: Any = Value(0)
    for count in counts:
        total = total + count
    return total
