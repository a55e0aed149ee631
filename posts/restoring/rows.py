"""Reading a fixture: every row is checked before the first one is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import models

from posts.restoring.kinds import Kind
from posts.restoring.originals import Originals
from posts.restoring.values import read_key, read_name, read_value

PARTS = {"model", "pk", "fields"}


class FixtureError(Exception):
    """A fixture that cannot be restored; the text names file, row and field. Nothing is written."""


@dataclass(frozen=True, slots=True)
class Row:
    """A checked row. `place` names it to a person; `values` are by the name of the field.

    The value of a picture's field is an Original, that of a foreign key the other row's key.
    """

    place: str
    kind: Kind
    pk: int | None
    values: Mapping[str, Any]


def read_rows(
    paths: Sequence[Path],
    kinds: Sequence[Kind],
    originals: Originals,
    advance: Callable[[], object],
) -> list[Row]:
    """Read and check every row of the files, in the order of the kinds.

    `advance` is called after each row. Raises FixtureError with the first thing that is wrong.
    """
    reader = _Reader({kind.label: kind for kind in kinds}, originals)
    rows = []
    for path in paths:
        for place, row in _raw_rows(path):
            rows.append(reader.read(place, row))
            advance()
    _refuse_repeated(rows)
    _refuse_loose_ends(rows)
    return sorted(rows, key=lambda row: kinds.index(row.kind))


def _raw_rows(path: Path) -> Iterator[tuple[str, object]]:
    name = f"{path.parent.name}/{path.name}"
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FixtureError(f"{name}: it cannot be read as JSON: {reason}") from error
    if not isinstance(rows, list):
        raise FixtureError(f"{name}: it is not a list of rows")
    for number, row in enumerate(rows, start=1):
        yield f"{name}, row {number}", row


class _Reader:
    """Turns one row after another from JSON into values that the database can take."""

    def __init__(self, kinds: Mapping[str, Kind], originals: Originals) -> None:
        self.kinds = kinds
        self.originals = originals

    def read(self, place: str, raw: object) -> Row:
        """Check a row. Raises FixtureError."""
        if not isinstance(raw, dict) or not isinstance(raw.get("fields"), dict):
            raise FixtureError(f"{place}: it is not an object with a model and fields")
        if unknown := raw.keys() - PARTS:
            raise FixtureError(f"{place}: a row has no {', '.join(sorted(unknown))}")
        label = raw.get("model")
        kind = self.kinds.get(label) if isinstance(label, str) else None
        if kind is None:
            known = ", ".join(self.kinds)
            raise FixtureError(f"{place}: model {label!r} is not restored, only {known}")
        pk = _pk(place, kind, raw)
        place = f"{place} ({kind.label}{'' if pk is None else f' {pk}'})"
        return Row(place, kind, pk, self._values(place, kind, raw["fields"]))

    def _values(self, place: str, kind: Kind, raw: Mapping[str, object]) -> dict[str, Any]:
        for name in raw:
            if name not in kind.fields:
                raise FixtureError(f"{place}, field {name}: this field is not restored")
        for name in kind.required():
            if name not in raw:
                raise FixtureError(f"{place}, field {name}: it is missing")
        return {name: self._value(place, kind, name, value) for name, value in raw.items()}

    def _value(self, place: str, kind: Kind, name: str, raw: object) -> Any:
        field = kind.field(name)
        try:
            if isinstance(field, models.FileField):
                return self.originals.find(read_name(raw))
            return read_value(field, raw)
        except ValueError as error:
            raise FixtureError(f"{place}, field {name}: {error}") from error


def _pk(place: str, kind: Kind, raw: Mapping[str, object]) -> int | None:
    if not kind.has_pk:
        if raw.get("pk") is not None:
            raise FixtureError(f"{place}, field pk: a {kind.label} is told by its name alone")
        return None
    try:
        return read_key(raw.get("pk"))
    except ValueError as error:
        raise FixtureError(f"{place}, field pk: {error}") from error


def _refuse_repeated(rows: Sequence[Row]) -> None:
    """Raise FixtureError where two rows of the fixture have one key, or one unique value."""
    seen: dict[tuple[object, ...], str] = {}
    for row in rows:
        keys: list[tuple[object, ...]] = []
        if row.pk is not None:
            keys.append((row.kind.label, "pk", row.pk))
        if row.kind.unique:
            values = (row.values[name] for name in row.kind.unique)
            keys.append((row.kind.label, ", ".join(row.kind.unique), *values))
        for key in keys:
            if other := seen.get(key):
                raise FixtureError(f"{row.place}, field {key[1]}: it is the same in {other}")
            seen[key] = row.place


def _refuse_loose_ends(rows: Sequence[Row]) -> None:
    """Raise FixtureError where a foreign key names a row that the fixture does not hold."""
    held = {(row.kind.model, row.pk) for row in rows}
    for row in rows:
        for name, value in row.values.items():
            target = row.kind.field(name).related_model
            if target is not None and (target, value) not in held:
                raise FixtureError(
                    f"{row.place}, field {name}: the fixture holds no {name} with key {value}"
                )
