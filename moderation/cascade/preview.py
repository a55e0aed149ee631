"""The preview of objects and their digests, in the form that the walk and PostgreSQL both produce.

An object's digest covers its model and key and, for each model that owns files of it, the lines of
those rows: key and stored names. It does not cover rows without files: a new report must not break
a seal. A batch's digest covers the keys and digests of its objects, as JSON.

The digests are MD5, because PostgreSQL has it too. They detect changes; they need not withstand
forged names, because whoever can write names to the database can also delete its rows.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# The characters of a file's fingerprint. Only the few files of one object are compared with each
# other, so that short ones are enough.
FINGERPRINT_LENGTH = 8

# The separators of a line's columns, and of lines. Only a forged key or name contains them.
UNIT, RECORD = "\x1f", "\x1e"


@dataclass(slots=True)
class Preview:
    """Counts for some objects, and the digest of each: [(JSON value of the key, digest)].

    `rows`, `updates`, `protected` and `restricted` count rows by model label: those that will be
    deleted, those that will be changed (SET_NULL and the like), and those that block the deletion.
    `size` is the sum of the known file sizes, in bytes. `pictures` counts the files that the
    preview shows, `without_picture` the objects that have none. `fingerprints` has those of the
    shown files, joined for each object that has any: {text of the key: fingerprints}.
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
    fingerprints: dict[str, str] = field(default_factory=dict)


def json_key(key: Any) -> int | str:
    """Return a primary key as a JSON value."""
    return key if isinstance(key, int | str) else str(key)


def digest_of(text: str) -> str:
    """Return the digest of a text, in hexadecimal."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def fingerprint_of(name: str) -> str:
    """Return the fingerprint of a file, by which it is found again after a change."""
    return digest_of(name)[:FINGERPRINT_LENGTH]


def line_of(key: Any, names: Iterable[str]) -> str:
    """Return the line of a row that owns files, from its key and their names."""
    return UNIT.join([str(key), *names])


def digest_of_object(label: str, key: Any, owned: Mapping[str, Iterable[str]]) -> str:
    """Return the digest of an object and of its files: {owning model: lines in key order}."""
    parts = [label, str(key)]
    for owner in sorted(owned):
        parts += [owner, *owned[owner]]
    return digest_of(RECORD.join(parts))


def digest_of_batch(objects: Sequence[tuple[Any, str]]) -> str:
    """Return the digest of a batch from the (key, digest) pairs of its objects, in their order."""
    return digest_of(json.dumps(objects, separators=(",", ":")))
