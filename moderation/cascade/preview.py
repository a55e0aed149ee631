"""What is shown of a page of objects, and digested, whether the walk or the database tells it.

An object's digest covers its model and key and, for each model that owns files of it, the lines of
those rows: key and stored names. Rows without files do not count: a new report must not break
a seal. A batch's digest covers what it holds as JSON: the keys and digests of its objects.

The digest is MD5, since PostgreSQL has the same. It finds changes; it is not there to withstand
somebody who forges names, and who could write them could delete the rows.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# Between the columns of a line, and between lines: no key or file name holds these.
UNIT, RECORD = "\x1f", "\x1e"


@dataclass(slots=True)
class Preview:
    """Counts for a page of objects, and the digest of each: [(JSON value of the key, digest)].

    `rows`, `updates`, `protected` and `restricted` count rows by model label: those deleted, those
    changed (SET_NULL and the like) and those that block the deletion. `size` is the sum of the
    known sizes in bytes. `pictures` counts the files that a page shows, `without_picture`
    the objects that have none.
    """

    objects: list[tuple[int | str, str]] = field(default_factory=list)
    files: int = 0
    pictures: int = 0
    without_picture: int = 0
    size: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    updates: Counter[str] = field(default_factory=Counter)
    protected: Counter[str] = field(default_factory=Counter)
    restricted: Counter[str] = field(default_factory=Counter)


def json_key(key: Any) -> int | str:
    """Return a primary key as JSON holds it."""
    return key if isinstance(key, int | str) else str(key)


def digest_of(text: str) -> str:
    """Return the digest of a text, as hex."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def line_of(key: Any, names: Iterable[str]) -> str:
    """Return the line of a row that owns files."""
    return UNIT.join([str(key), *names])


def digest_of_object(label: str, key: Any, owned: Mapping[str, Iterable[str]]) -> str:
    """Return the digest of an object with what goes with it: {owning model: lines in key order}."""
    parts = [label, str(key)]
    for owner in sorted(owned):
        parts += [owner, *owned[owner]]
    return digest_of(RECORD.join(parts))


def digest_of_batch(objects: Sequence[tuple[Any, str]]) -> str:
    """Return the digest over (key, digest) of a batch's objects, in their order."""
    return digest_of(json.dumps(objects, separators=(",", ":")))
