"""What the deletion of a page of objects takes: the one plan behind preview, seal and deed.

The walk reads keys and stored names, never whole rows, and never touches storage. It holds at most
`limit` rows; a selection of any size is planned slice by slice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import models
from django.db.models import Q

from moderation import files
from moderation.errors import TooManyRows
from moderation.files import StoredFile
from moderation.plan.graph import OnDelete, Relation, is_leaf, parents_of, relations_of
from moderation.plan.shown import Shown, digest_of_object, json_key, line_of
from moderation.registry import (
    Registration,
    own_file_fields,
    registration_by_label,
    registration_for,
)


@dataclass(slots=True)
class Plan:
    """What goes with a page of objects.

    `roots` are the keys that exist, in key order; `files` maps each stored file to the object that
    drags it along, and `lines` holds what is digested of each object, by the owning model.
    `numbers` counts; see `Shown`, whose other fields follow from these.
    """

    model: type[models.Model]
    roots: list[Any] = field(default_factory=list)
    files: dict[StoredFile, Any] = field(default_factory=dict)
    lines: dict[Any, dict[str, list[tuple[Any, str]]]] = field(default_factory=dict)
    numbers: Shown = field(default_factory=Shown)

    def cards(self) -> list[StoredFile]:
        """The files that a page shows one by one, in the order of their objects.

        A thumbnail goes with its picture and has no card of its own.
        """
        order = {root: place for place, root in enumerate(self.roots)}
        return sorted(
            (file for file in self.files if _has_card(file.label, file.field)),
            key=lambda f: (order[self.files[f]], f.label, str(f.key), f.name),
        )

    def shown(self) -> Shown:
        """What is shown of the objects."""
        label, objects = self.model._meta.label, []
        for root in self.roots:
            owned = {
                owner: [line for _, line in sorted(lines)]
                for owner, lines in self.lines.get(root, {}).items()
            }
            objects.append((json_key(root), digest_of_object(label, root, owned)))
        kinds = Counter((file.label, file.field) for file in self.files)
        cards = sum(number for kind, number in kinds.items() if _has_card(*kind))
        return replace(self.numbers, objects=objects, files=len(self.files), cards=cards)


def make_plan(
    model: type[models.Model],
    keys: Sequence[Any],
    *,
    using: str,
    limit: int,
    lock: bool = False,
) -> Plan:
    """The plan for the objects of `model` with these keys.

    With `lock`, the objects are locked FOR UPDATE in key order and then each row that the walk
    reads, by queries of their own, so that what is read stays true until the transaction ends.
    Raises TooManyRows when more than `limit` rows would go.
    """
    return _Walk(model._meta.concrete_model or model, using, limit, lock=lock).run(keys)


def _has_card(label: str, field: str) -> bool:
    return not field or field != registration_by_label(label).thumbnail


class _Walk:
    """One breadth-first walk over the relations; `root` travels along with each row."""

    def __init__(self, model: type[models.Model], using: str, limit: int, *, lock: bool) -> None:
        self.plan = Plan(model)
        self.using, self.limit, self.lock = using, limit, lock
        self.seen: dict[type[models.Model], dict[Any, Any]] = defaultdict(dict)
        self.leaves: dict[type[models.Model], Q] = {}
        self.restricting: list[tuple[Relation, Q]] = []

    def run(self, keys: Sequence[Any]) -> Plan:
        model = self.plan.model
        rows = self._read(model, Q(pk__any_of=set(keys)), "pk")
        self.plan.roots = sorted(row["pk"] for row in rows)
        wave = self._take(model, rows, {row["pk"]: row["pk"] for row in rows}, "pk")
        waiting = [(model, wave)]
        while waiting:
            source, rows = waiting.pop(0)
            relations = relations_of(source) if rows else ()
            onward = (self._follow(relation, source, rows) for relation in relations)
            waiting.extend(found for found in onward if found)
        self._count_leaves()
        self._count_restricted()
        return self.plan

    def _follow(
        self, relation: Relation, source: type[models.Model], rows: list[dict[str, Any]]
    ) -> tuple[type[models.Model], list[dict[str, Any]]] | None:
        """Read the rows at a relation's other end; those that lead further on are given back."""
        roots = {
            _mapped(relation, row[relation.source]): self.seen[source][row["pk"]] for row in rows
        }
        condition = relation.where([row[relation.source] for row in rows])
        label = relation.model._meta.label
        match relation.on_delete:
            case OnDelete.PROTECT:
                self._add(
                    self.plan.numbers.protected, label, self._count(relation.model, condition)
                )
            case OnDelete.UPDATE:
                self._add(self.plan.numbers.updates, label, self._count(relation.model, condition))
            case OnDelete.RESTRICT:
                self.restricting.append((relation, condition))
            case OnDelete.CASCADE if is_leaf(relation.model):
                self.leaves[relation.model] = self.leaves.get(relation.model, Q()) | condition
            case OnDelete.CASCADE:
                found = self._read(relation.model, condition, relation.column)
                return relation.model, self._take(relation.model, found, roots, relation.column)
        return None

    def _read(self, model: type[models.Model], condition: Q, column: str) -> list[dict[str, Any]]:
        """Keys, file names and what onward relations need of the rows that meet a condition."""
        columns = {"pk", column, *(relation.source for relation in relations_of(model))}
        columns |= {attname for _, attname in parents_of(model)}
        columns |= {each.name for each in own_file_fields(model)}
        if registration := registration_for(model):
            columns |= {registration.size_column} - {""}
        rows = model._base_manager.using(self.using).filter(condition)
        if self.lock:
            rows = rows.select_for_update().order_by("pk")
        room = self.limit - sum(len(seen) for seen in self.seen.values())
        return self._within_limit(list(rows.values(*columns)[: room + 1]), room)

    def _within_limit(self, rows: list[dict[str, Any]], room: int) -> list[dict[str, Any]]:
        if len(rows) > room:
            raise TooManyRows(f"More than {self.limit} rows would go in one transaction.")
        return rows

    def _take(
        self,
        model: type[models.Model],
        rows: list[dict[str, Any]],
        roots: dict[Any, Any],
        column: str,
    ) -> list[dict[str, Any]]:
        """Count the rows not met before, with their parents and files; give back those."""
        seen = self.seen[model]
        new = [row for row in rows if row["pk"] not in seen]
        for row in new:
            seen[row["pk"]] = roots[_plain(roots, row[column])]
        self.plan.numbers.rows[model._meta.label] += len(new)
        self._take_files(model, new)
        for parent, attname in parents_of(model):
            keys = {row[attname]: seen[row["pk"]] for row in new}
            if keys:
                self._take(parent, self._read(parent, Q(pk__any_of=list(keys)), "pk"), keys, "pk")
        return new

    def _take_files(self, model: type[models.Model], rows: list[dict[str, Any]]) -> None:
        registration = registration_for(model)
        if registration is None or not rows:
            return
        seen = self.seen[model]
        found = files.files_in_columns(registration, rows)
        self.plan.files.update((file, seen[file.key]) for file in found)
        names = [field.name for field in registration.fields]
        for row in rows:
            if any(own := [str(row[name] or "") for name in names]):
                self._add_line(seen[row["pk"]], model._meta.label, row["pk"], own)
        if registration.size_column:
            # A size below nothing says that it is not known, and must not spoil the sum.
            sizes = (row[registration.size_column] or 0 for row in rows)
            self.plan.numbers.size += sum(max(size, 0) for size in sizes)
        if registration.extra_files is not None:
            self._take_extra_files(registration, rows)

    def _take_extra_files(self, registration: Registration, rows: list[dict[str, Any]]) -> None:
        model, seen = registration.model, self.seen[registration.model]
        page = model._base_manager.using(self.using).in_bulk([row["pk"] for row in rows])
        for file in files.extra_files(registration, list(page.values())):
            self.plan.files[file] = seen[file.key]
            label = f"{model._meta.label} beside its fields"
            self._add_line(seen[file.key], label, file.key, [file.storage, file.name])

    def _add_line(self, root: Any, owner: str, key: Any, names: list[str]) -> None:
        lines = self.plan.lines.setdefault(root, {}).setdefault(owner, [])
        lines.append((key, line_of(key, names)))

    def _count(self, model: type[models.Model], condition: Q) -> int:
        return model._base_manager.using(self.using).filter(condition).count()

    @staticmethod
    def _add(counter: Counter[str], label: str, rows: int) -> None:
        if rows:
            counter[label] += rows

    def _count_leaves(self) -> None:
        for model, condition in self.leaves.items():
            self._add(self.plan.numbers.rows, model._meta.label, self._count(model, condition))
        if sum(self.plan.numbers.rows.values()) > self.limit:
            raise TooManyRows(f"More than {self.limit} rows would go in one transaction.")

    def _count_restricted(self) -> None:
        """Rows that restrict, less those that the same deletion takes anyway."""
        for relation, condition in self.restricting:
            model = relation.model
            staying = model._base_manager.using(self.using).filter(condition)
            staying = staying.exclude(pk__any_of=list(self.seen.get(model, ())))
            if model in self.leaves:
                staying = staying.exclude(self.leaves[model])
            self._add(self.plan.numbers.restricted, model._meta.label, staying.count())


def _mapped(relation: Relation, value: Any) -> Any:
    return str(value) if relation.type_model is not None else value


def _plain(roots: dict[Any, Any], value: Any) -> Any:
    """The form in which `roots` holds a value: generic keys are compared as text."""
    return value if value in roots else str(value)
