"""Did everything end as it must? Judged by tables and files alone.

It reads the tables by plain SQL and is handed a listing of the storage. No code of the deletion or
the purge runs here, so none of their mistakes can hide what they did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

# A file of one row: the row's key and the name.
RowFile = tuple[int, str]

ENDED = {"erased", "in_use", "failed"}
STILL_THERE = {"in_use", "failed"}


@dataclass(frozen=True, slots=True)
class Before:
    """What there was before a removal: the files of each picture row, and those to be removed."""

    files: frozenset[RowFile]
    removed: frozenset[RowFile]


def look(spam_posts: Iterable[int]) -> Before:
    """Note what is in the tables now."""
    posts = set(spam_posts)
    rows = _sql("SELECT id, post_id, image, thumbnail FROM posts_postimage")
    removed = [(row, image, thumb) for row, post, image, thumb in rows if post in posts]
    return Before(
        files=frozenset(_files((row, image, thumb) for row, _post, image, thumb in rows)),
        removed=frozenset(_files(removed)),
    )


def problems(before: Before, removal: int, stored: set[str]) -> list[str]:
    """Every breach of the invariants 1 and 2 that tables and storage show after a removal.

    `stored` are the names of all files in storage. Gives sentences; none means that all is well.
    """
    live = _live_files()
    entries = _entries(removal)
    gone = before.files - live
    found = [
        *_missing(live, stored),
        *_not_once(gone, entries),
        *_not_ended(entries),
        *_stranded(live, entries, stored),
        *_left_out(before, gone),
        *_not_finished(removal),
    ]
    return found[:20]


def _missing(live: frozenset[RowFile], stored: set[str]) -> Iterator[str]:
    for row, name in live:
        if name not in stored:
            yield f"the live row {row} points to {name}, which is gone"


def _not_once(gone: frozenset[RowFile], entries: Mapping[RowFile, list[str]]) -> Iterator[str]:
    for file in gone | entries.keys():
        times = len(entries.get(file, []))
        if times != (file in gone):
            row = "gone" if file in gone else "there"
            yield f"{file} has {times} entries, and its row is {row}"


def _not_ended(entries: Mapping[RowFile, list[str]]) -> Iterator[str]:
    for file, states in entries.items():
        if not ENDED.issuperset(states):
            yield f"the entry of {file} is {states}"


def _stranded(
    live: frozenset[RowFile], entries: Mapping[RowFile, list[str]], stored: set[str]
) -> Iterator[str]:
    explained = {name for _row, name in live}
    explained |= {name for (_, name), states in entries.items() if STILL_THERE.intersection(states)}
    for name in stored - explained:
        yield f"{name} is left in storage, and nothing says why"


def _left_out(before: Before, gone: frozenset[RowFile]) -> Iterator[str]:
    for file in gone - before.removed:
        yield f"{file} is gone, and nobody selected it"
    for file in before.removed - gone:
        yield f"{file} was selected and is still there"


def _not_finished(removal: int) -> Iterator[str]:
    [(state, objects)] = _sql(
        "SELECT state, objects_total FROM moderation_removal WHERE id = %s", removal
    )
    batches = _sql(
        "SELECT number, state, deleted_total, changed, already_deleted "
        "FROM moderation_removalbatch WHERE removal_id = %s",
        removal,
    )
    if state != "done":
        yield f"the removal is {state}"
    for number, state_of_batch, _deleted, changed, gone in batches:
        if (state_of_batch, str(changed), str(gone)) != ("deleted", "[]", "[]"):
            yield f"batch {number} is {state_of_batch}, changed {changed}, gone {gone}"
    if sum(row[2] for row in batches) != objects:
        yield f"{sum(row[2] for row in batches)} of {objects} objects count as deleted"


def states(removal: int) -> Counter[str]:
    """How many entries of a removal are in each state."""
    rows = _sql(
        "SELECT state, count(*) FROM moderation_auditentry WHERE removal_id = %s GROUP BY state",
        removal,
    )
    return Counter(dict(rows))


def _live_files() -> frozenset[RowFile]:
    return frozenset(_files(_sql("SELECT id, image, thumbnail FROM posts_postimage")))


def _files(rows: Iterable[Any]) -> Iterator[RowFile]:
    for row, *names in rows:
        yield from ((row, name) for name in names if name)


def _entries(removal: int) -> dict[RowFile, list[str]]:
    """The states of all entries of each file of a removal."""
    found: dict[RowFile, list[str]] = {}
    rows = _sql(
        "SELECT object_key, name, state FROM moderation_auditentry WHERE removal_id = %s", removal
    )
    for key, name, state in rows:
        found.setdefault((int(key), name), []).append(state)
    return found


def _sql(query: str, *values: int) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())
