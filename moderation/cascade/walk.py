"""Make a plan by following the relations; see `moderation.cascade.plan`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from django.db import models
from django.db.models import Q

from moderation.cascade.collation import referenced_values
from moderation.cascade.plan import Plan
from moderation.cascade.preview import line_of
from moderation.cascade.relations import OnDelete, Relation, is_leaf, parents_of, relations_of
from moderation.db.rows import all_rows
from moderation.exceptions import TooManyRows
from moderation.registry import Registration, files, own_file_fields, registration_for


def make_plan(
    model: type[models.Model],
    keys: Sequence[Any],
    *,
    using: str,
    limit: int,
    lock: bool = False,
    rows_of: AbstractSet[type[models.Model]] = frozenset(),
    only_files: bool = False,
) -> Plan:
    """Return the plan for the objects of `model` with these keys.

    With `lock`, the objects are locked FOR UPDATE in key order, then each row that the walk reads,
    in separate queries, so that the plan stays valid until the transaction ends. Rows of the models
    in `rows_of` are read even if counting them would be enough. With `only_files`, the
    plan counts neither rows without files nor rows that block or are updated. Raises TooManyRows if
    more than `limit` rows would be deleted, or with `only_files`, would be read.
    """
    walk = Walk(
        model._meta.concrete_model or model,
        using,
        limit,
        lock=lock,
        rows_of=rows_of,
        only_files=only_files,
    )
    return walk.run(keys)


class Walk:
    """A breadth-first walk over the relations.

    `seen` contains the rows read so far, by model, each with its root: the object that it is
    deleted with.
    """

    def __init__(
        self,
        model: type[models.Model],
        using: str,
        limit: int,
        *,
        lock: bool,
        rows_of: AbstractSet[type[models.Model]],
        only_files: bool,
    ) -> None:
        self.plan = Plan(model)
        self.using, self.limit, self.lock, self.rows_of = using, limit, lock, rows_of
        self.only_files = only_files
        self.seen: dict[type[models.Model], dict[Any, Any]] = defaultdict(dict)
        self.leaves: dict[type[models.Model], Q] = {}
        self.restricting: list[tuple[Relation, Q]] = []

    def run(self, keys: Sequence[Any]) -> Plan:
        """Return the plan for the objects with these keys; see `make_plan`."""
        model = self.plan.model
        rows = self._read(model, Q(pk__any_of=set(keys)), "pk")
        self.plan.roots = sorted(row["pk"] for row in rows)
        new = self._add_rows(model, rows, {row["pk"]: row["pk"] for row in rows}, "pk")
        queue = [(model, new)]
        while queue:
            source, rows = queue.pop(0)
            relations = relations_of(source) if rows else ()
            followed = (self._follow(relation, source, rows) for relation in relations)
            queue.extend(found for found in followed if found)
        self.plan.rows_read = Counter(self.plan.counts.rows)
        if not self.only_files:
            self._count_leaves()
            self._count_restricted()
        self.plan.rows = {each: self.seen.get(each, {}) for each in self.rows_of}
        return self.plan

    def _follow(
        self, relation: Relation, source: type[models.Model], rows: list[dict[str, Any]]
    ) -> tuple[type[models.Model], list[dict[str, Any]]] | None:
        """Read or count the rows that a relation leads to; return those to be followed further."""
        if self.only_files and relation.on_delete is not OnDelete.CASCADE:
            return None
        roots = {
            _comparable_key(relation, row[relation.source]): self.seen[source][row["pk"]]
            for row in rows
        }
        condition = relation.where([row[relation.source] for row in rows], self.using)
        label = relation.model._meta.label
        match relation.on_delete:
            case OnDelete.PROTECT:
                self._add(self.plan.counts.protected, label, self._count(relation.model, condition))
                blocking = relation.model._base_manager.using(self.using).filter(condition)
                self.plan.blocking.append(blocking)
            case OnDelete.UPDATE:
                self._add(self.plan.counts.updates, label, self._count(relation.model, condition))
            case OnDelete.RESTRICT:
                self.restricting.append((relation, condition))
            case OnDelete.CASCADE if self._is_counted(relation.model):
                self.leaves[relation.model] = self.leaves.get(relation.model, Q()) | condition
            case OnDelete.CASCADE:
                found = self._read(relation.model, condition, relation.column)
                self._replace_unmatched(relation, source, found, roots)
                return relation.model, self._add_rows(relation.model, found, roots, relation.column)
        return None

    def _is_counted(self, model: type[models.Model]) -> bool:
        """Return whether counting the rows of a model is enough."""
        return is_leaf(model) and model not in self.rows_of

    def _replace_unmatched(
        self,
        relation: Relation,
        source: type[models.Model],
        rows: list[dict[str, Any]],
        roots: dict[Any, Any],
    ) -> None:
        """Replace values that have no match in Python with the values that they refer to."""
        column = relation.column
        unmatched = {row[column] for row in rows if _matching_key(roots, row[column]) not in roots}
        if unmatched:
            found = referenced_values(
                relation.model, column, unmatched, using=self.using,
                target=source, target_column=relation.source,
            )  # fmt: skip
            for row in rows:
                row[column] = found.get(row[column], row[column])

    def _read(self, model: type[models.Model], condition: Q, column: str) -> list[dict[str, Any]]:
        """Return the key, file names and columns for further relations of each row that matches.

        Raises TooManyRows if there are more rows than the limit leaves.
        """
        columns = {"pk", column, *(relation.source for relation in relations_of(model))}
        columns |= {attname for _, attname in parents_of(model)}
        columns |= {each.name for each in own_file_fields(model)}
        if registration := registration_for(model):
            columns |= {registration.size_column} - {""}
        rows = self._found_by_deletion(model, column).filter(condition)
        if self.lock:
            rows = rows.select_for_update().order_by("pk")
        remaining = self.limit - sum(len(seen) for seen in self.seen.values())
        found = list(rows.values(*columns)[: remaining + 1])
        if len(found) > remaining:
            raise self._too_many_rows()
        return found

    def _found_by_deletion(self, model: type[models.Model], column: str) -> Any:
        """Return the rows that Django's deletion can find.

        Django follows a relation through the model's base manager, which may hide rows. It finds
        the objects themselves and the parents of a row by their keys, so nothing hides these.
        """
        if column == "pk":
            return all_rows(model, self.using)
        return model._base_manager.using(self.using)

    def _too_many_rows(self) -> TooManyRows:
        return TooManyRows(f"More than {self.limit:,} rows would be deleted in one transaction.")

    def _add_rows(
        self,
        model: type[models.Model],
        rows: list[dict[str, Any]],
        roots: dict[Any, Any],
        column: str,
    ) -> list[dict[str, Any]]:
        """Add the rows not seen before, with their parents and files, to the plan; return them."""
        seen = self.seen[model]
        new = [row for row in rows if row["pk"] not in seen]
        for row in new:
            seen[row["pk"]] = roots[_matching_key(roots, row[column])]
        self.plan.counts.rows[model._meta.label] += len(new)
        self._add_files(model, new)
        for parent, attname in parents_of(model):
            keys = {row[attname]: seen[row["pk"]] for row in new}
            if keys:
                found = self._read(parent, Q(pk__any_of=list(keys)), "pk")
                if unmatched := keys.keys() - {row["pk"] for row in found}:
                    referenced = referenced_values(
                        model, attname, unmatched, using=self.using,
                        target=parent, target_column="pk",
                    )  # fmt: skip
                    keys |= {match: keys[value] for value, match in referenced.items()}
                self._add_rows(parent, found, keys, "pk")
        return new

    def _add_files(self, model: type[models.Model], rows: list[dict[str, Any]]) -> None:
        registration = registration_for(model)
        if registration is None or not rows:
            return
        seen = self.seen[model]
        aliases = self._aliases(registration, rows) if registration.storage else None
        found = files.files_in_columns(registration, rows, aliases)
        self.plan.files.update((file, seen[file.key]) for file in found)
        names_of_rows = list(files.names_in_columns(registration, rows))
        for row, names in zip(rows, names_of_rows, strict=True):
            if any(names):
                chosen = aliases[row["pk"]].values() if aliases else ()
                self._add_line(seen[row["pk"]], model._meta.label, row["pk"], [*names, *chosen])
        if column := registration.size_column:
            measured = files.measured_rows(registration, rows)
            # A negative size means that the size is unknown. It must not distort the sum.
            self.plan.counts.size += sum(max(row[column] or 0, 0) for row in measured)
        if registration.extra_files is not None:
            self._add_extra_files(registration, rows)

    def _aliases(
        self, registration: Registration, rows: list[dict[str, Any]]
    ) -> dict[Any, dict[str, str]]:
        """Return the storages of rows that choose their own. Reads whole rows."""
        return files.aliases_by_key(registration, self._instances(registration, rows))

    def _instances(
        self, registration: Registration, rows: list[dict[str, Any]]
    ) -> list[models.Model]:
        stored = all_rows(registration.model, self.using)
        return list(stored.in_bulk([row["pk"] for row in rows]).values())

    def _add_extra_files(self, registration: Registration, rows: list[dict[str, Any]]) -> None:
        model, seen = registration.model, self.seen[registration.model]
        for file in files.extra_files(registration, self._instances(registration, rows)):
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
            self._add(self.plan.counts.rows, model._meta.label, self._count(model, condition))
        if sum(self.plan.counts.rows.values()) > self.limit:
            raise self._too_many_rows()

    def _count_restricted(self) -> None:
        """Count the rows that restrict, except those that the same deletion deletes."""
        for relation, condition in self.restricting:
            model = relation.model
            blocking = model._base_manager.using(self.using).filter(condition)
            blocking = blocking.exclude(pk__any_of=list(self.seen.get(model, ())))
            if model in self.leaves:
                blocking = blocking.exclude(self.leaves[model])
            self.plan.blocking.append(blocking)
            self._add(self.plan.counts.restricted, model._meta.label, blocking.count())


def _comparable_key(relation: Relation, value: Any) -> Any:
    """Return a key as it is compared: as text for a generic relation, which may hold texts."""
    return str(value) if relation.content_type_model is not None else value


def _matching_key(roots: dict[Any, Any], value: Any) -> Any:
    """Return the key in `roots` for a value of a referring row: the value or its text."""
    return value if value in roots else str(value)
