"""Read the lines of an import file, and turn each into an entry or refuse it."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from django.contrib.auth import get_user_model

from posts.json_values import read_type, read_value
from posts.models import Post

GZIP_MAGIC = b"\x1f\x8b"
MAX_LINE_BYTES = 1024 * 1024  # read into memory at once; a post has a few kilobytes
MAX_REPORTS = 1000  # per post; each one is a row, and some need a new user
MAX_PICTURES = 100  # per post


class UnreadableFileError(Exception):
    """The file cannot be read to its end; the message says where and why."""


class DuplicateFieldError(ValueError):
    """Two fields of a line's object have the same name."""


class BadLineError(Exception):
    """A line that is not a valid post; `number` counts from 1."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(number, reason)
        self.number = number
        self.reason = reason

    def __str__(self) -> str:
        return f"line {self.number}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A post as read from a line. `reports` is their number, `images` are names of files."""

    number: int
    author: str
    title: str
    body: str
    created_at: datetime
    reports: int
    images: tuple[str, ...]


def read_lines(
    path: Path, advance: Callable[[int], object], *, skip_long: bool = False
) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the bytes of each line that is not blank, from a plain or gzipped file.

    Call `advance` with the number of bytes read since its last call. With `skip_long`, a line that
    is too long is yielded truncated, and `parse` refuses it. Raises UnreadableFileError.
    """
    number = position = 0
    try:
        with path.open("rb") as raw, _decompressed(raw) as file:
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES and not skip_long:
                    raise UnreadableFileError(f"{path}: line {number} is longer than 1 MB.")
                rest = line
                while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
                    rest = file.readline(MAX_LINE_BYTES + 1)
                advance(raw.tell() - position)
                position = raw.tell()
                if line.strip():
                    yield number, line
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableFileError(f"{path}: after line {number}: {error}") from error


def _decompressed(raw: IO[bytes]) -> IO[bytes]:
    is_gzipped = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    raw.seek(0)
    return cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if is_gzipped else raw


def parse(number: int, line: bytes) -> Entry:
    """Return the entry of a line. Raises BadLineError with the first error found."""
    if len(line) > MAX_LINE_BYTES:
        raise BadLineError(number, "it is longer than 1 MB")
    try:
        return _entry(number, _fields(line))
    except ValueError as error:
        raise BadLineError(number, str(error)) from error


def _unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's fields as a dict. Raises DuplicateFieldError."""
    fields = dict(pairs)
    if len(fields) < len(pairs):  # it is unclear which of the values was meant
        counts = Counter(name for name, _ in pairs)
        duplicate = next(name for name, count in counts.items() if count > 1)
        raise DuplicateFieldError(f"{duplicate[:40]!r} occurs more than once")
    return fields


def _fields(line: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(line, object_pairs_hook=_unique_fields)
    except DuplicateFieldError:
        raise
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(fields, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - parse() catches ValueError
    return fields


def _entry(number: int, fields: dict[str, Any]) -> Entry:
    return Entry(
        number=number,
        author=_read_for(get_user_model(), "username", fields, "author"),
        title=_read_for(Post, "title", fields, "title"),
        body=_read_for(Post, "body", fields, "body"),
        created_at=_read_for(Post, "created_at", fields, "created_at"),
        reports=_read(fields, "reports", _report_count),
        images=_read(fields, "images", _file_names),
    )


def _read_for(model: type[Any], field_name: str, fields: dict[str, Any], name: str) -> Any:
    """Return a field of the line as a value of a model field. Raises ValueError."""
    return _read(fields, name, partial(read_value, model._meta.get_field(field_name)))


def _read(fields: dict[str, Any], name: str, read: Callable[[object], Any]) -> Any:
    """Return the result of `read` for a field. Raises ValueError that names the field."""
    if name not in fields:
        raise ValueError(f"{name} is missing")
    try:
        return read(fields[name])
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _report_count(value: object) -> int:
    count: int = read_type(value, int)
    if not 0 <= count <= MAX_REPORTS:
        raise ValueError(f"it is not between 0 and {MAX_REPORTS}")
    return count


def _file_names(value: object) -> tuple[str, ...]:
    names: list[Any] = read_type(value, list)
    if len(names) > MAX_PICTURES:
        raise ValueError(f"it has more than {MAX_PICTURES} names")
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError("it is not a list of file names")
    return tuple(names)
