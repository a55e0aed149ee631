"""Indexes by which a database finds hashes that differ from another one in a few bits.

A hash is cut into chunks. Two hashes that differ in fewer than twice as many bits as there are
chunks have a chunk that differs in at most one bit. Each chunk has an index, in which the database
looks up the chunk of the other hash, and that chunk with each of its bits inverted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any

from django.db.models import CharField, Func, Index, Q, QuerySet

BITS_PER_DIGIT = 4

# The hexadecimal digits of each chunk of a hash of 64 digits. More chunks would take more room and
# time for each row, fewer would need more than one inverted bit, and so thousands of values.
CHUNK_DIGITS = (7, 7, 7, 7, 6, 6, 6, 6, 6, 6)

# The first digit of each chunk, counted from 1, and the number of its digits.
CHUNKS = tuple(zip(accumulate(CHUNK_DIGITS, initial=1), CHUNK_DIGITS, strict=False))

# The most bits in which two hashes may differ and still be found in every case.
MAX_BITS = 2 * len(CHUNKS) - 1


class HashChunk(Func):
    """Some digits of a hash.

    The numbers are part of the SQL. As parameters, they would keep SQLite from using the index.
    """

    function = "SUBSTR"
    template = "%(function)s(%(expressions)s, %(first)d, %(digits)d)"

    def __init__(self, column: str, first: int, digits: int, **extra: Any) -> None:
        extra.setdefault("output_field", CharField())
        super().__init__(column, first=first, digits=digits, **extra)


def similarity_indexes(column: str, *, name: str) -> list[Index]:
    """Return the indexes for a column of perceptual hashes; `name` begins the name of each.

    They contain rows without a hash too: PostgreSQL has no statistics about partial indexes, and
    would read the whole table.
    """
    return [
        Index(chunk, name=f"{name}_{number}")
        for number, chunk in enumerate(_chunks(column), start=1)
    ]


def has_similarity_indexes(indexes: Iterable[Index], column: str) -> bool:
    """Return whether a model's indexes contain those that `similarity_indexes` returns."""
    indexed = {expression for index in indexes for expression in index.expressions}
    return indexed.issuperset(_chunks(column))


def with_similar_chunk(rows: QuerySet[Any], column: str, hashes: Iterable[str]) -> QuerySet[Any]:
    """Return the rows that share a chunk with one of the hashes, except for at most one bit of it.

    These are all rows whose hash differs in at most MAX_BITS bits, and a few others.
    """
    found, known = Q(), list(hashes)
    for number, (chunk, (first, digits)) in enumerate(zip(_chunks(column), CHUNKS, strict=True)):
        rows = rows.alias(**{f"hash_chunk_{number}": chunk})
        values = {value for each in known for value in _variants(each, first, digits)}
        found |= Q(**{f"hash_chunk_{number}__in": sorted(values)})
    return rows.filter(found) if known else rows.none()


def _chunks(column: str) -> list[HashChunk]:
    return [HashChunk(column, first, digits) for first, digits in CHUNKS]


def _variants(perceptual_hash: str, first: int, digits: int) -> Iterator[str]:
    """Yield a chunk of a hash, and the chunk with each of its bits inverted."""
    chunk = int(perceptual_hash[first - 1 : first - 1 + digits], 16)
    for inverted in (0, *(1 << bit for bit in range(BITS_PER_DIGIT * digits))):
        yield f"{chunk ^ inverted:0{digits}x}"
