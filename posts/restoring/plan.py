"""What a restoration has to do: compare the fixture with the database and the storage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from posts.models import PostImage
from posts.restoring.accounts import missing_groups
from posts.restoring.kinds import Kind
from posts.restoring.originals import Original
from posts.restoring.rows import FixtureError, Row

FILES = ("image", "thumbnail")  # of a picture's row


@dataclass(frozen=True, slots=True)
class LostFile:
    """A file that a stored row names and its storage does not hold."""

    pk: int
    field: str
    original: Original


@dataclass(slots=True)
class Plan:
    """The rows to write, the files to put back, and how many rows are there and stay."""

    new: list[Row] = field(default_factory=list)
    lost: list[LostFile] = field(default_factory=list)
    present: int = 0

    def new_of_each_kind(self) -> Counter[Kind]:
        """Return how many rows of each kind are to be written."""
        return Counter(row.kind for row in self.new)


def make_plan(rows: Sequence[Row]) -> Plan:
    """Compare checked rows with what the site has. Writes nothing.

    Raises FixtureError that lists every row whose key or unique value something else has taken.
    """
    plan, conflicts = Plan(), []
    for kind in dict.fromkeys(row.kind for row in rows):
        some = [row for row in rows if row.kind == kind]
        stored = _stored(kind, some)
        taken = _taken(kind, some)
        for row in some:
            found = list(_conflicts(row, stored, taken))
            conflicts += found
            if not found:
                _add(plan, row, stored.get(_identity(row)))
    if conflicts:
        raise FixtureError("\n".join([*conflicts, "Nothing was written."]))
    _refuse_missing_groups(plan)
    return plan


def _identity(row: Row) -> Any:
    """Return what a row is looked up by: its primary key, or its name where it has none."""
    return row.pk if row.kind.has_pk else row.values[row.kind.unique[0]]


def _stored(kind: Kind, rows: Sequence[Row]) -> dict[Any, models.Model]:
    by = "pk" if kind.has_pk else kind.unique[0]
    wanted = [_identity(row) for row in rows]
    found = kind.model._base_manager.filter(**{f"{by}__in": wanted})
    return {getattr(instance, by): instance for instance in found}


def _taken(kind: Kind, rows: Sequence[Row]) -> dict[tuple[Any, ...], Any]:
    """Return the keys of stored rows that share unique values with the fixture's rows."""
    if not (kind.unique and kind.has_pk):
        return {}
    first = kind.unique[0]
    wanted = {row.values[first] for row in rows}
    found = kind.model._base_manager.filter(**{f"{first}__in": wanted})
    names = [kind.attname(name) for name in kind.unique]
    return {tuple(values): pk for pk, *values in found.values_list("pk", *names)}


def _conflicts(
    row: Row, stored: dict[Any, models.Model], taken: dict[tuple[Any, ...], Any]
) -> Iterator[str]:
    """Yield what stands in a row's way, in words."""
    if (instance := stored.get(_identity(row))) is not None:
        differing = [name for name in row.kind.told_by if _differs(row, name, instance)]
        if differing:
            names = ", ".join(differing)
            yield f"{row.place}, field pk: another row has taken it (its {names} differs)"
    holder = taken.get(tuple(row.values[name] for name in row.kind.unique))
    if holder is not None and holder != row.pk:
        names = ", ".join(row.kind.unique)
        yield f"{row.place}, field {names}: {row.kind.label} {holder} has taken it"


def _differs(row: Row, name: str, instance: models.Model) -> bool:
    """Say whether a stored row has another value; a picture is compared by its bytes' digest."""
    if name not in row.values:
        return False
    value = row.values[name]
    if isinstance(instance, PostImage) and isinstance(value, Original):
        return instance.sha256 != value.picture.sha256
    return bool(getattr(instance, row.kind.attname(name)) != value)


def _add(plan: Plan, row: Row, instance: models.Model | None) -> None:
    if instance is None:
        plan.new.append(row)
        return
    plan.present += 1
    if isinstance(instance, PostImage):
        for name in FILES:
            file = getattr(instance, name)
            if not file.storage.exists(file.name):
                plan.lost.append(LostFile(instance.pk, name, row.values["image"]))


def _refuse_missing_groups(plan: Plan) -> None:
    names = [row.values["username"] for row in plan.new if "username" in row.values]
    if groups := missing_groups(names):
        raise FixtureError(f"The demo accounts need {', '.join(groups)}: run manage.py migrate.")
