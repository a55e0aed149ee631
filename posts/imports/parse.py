"""The lines of an import file: read one by one, each turned into an entry or refused."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from posts.dates import validate_moment
from posts.models import Post

GZIP_MAGIC = b"\x1f\x8b"
MAX_LINE_BYTES = 1024 * 1024  # what one line may take of the memory; a post is a few kilobytes
MAX_REPORTS = 1000  # of one post: each one is a row, and some need a new user
MAX_PICTURES = 100  # of one post


class UnreadableFileError(Exception):
    """The file itself cannot be read to its end; its message says where and why."""


class RepeatedFieldError(ValueError):
    """A line's object has two fields of one name."""


class BadLineError(Exception):
    """A line that is no post; `number` counts from 1."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(number, reason)
        self.number = number
        self.reason = reason

    def __str__(self) -> str:
        return f"line {self.number}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A post as a line tells it. `reports` is their number, `images` are names of files."""

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

    Calls `advance` with the number of bytes read since its last call. With `skip_long`, a line that
    is too long is yielded truncated, and `parse` refuses it. Raises UnreadableFileError.
    """
    number = position = 0
    try:
        with path.open("rb") as raw, _unpacked(raw) as file:
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


def _unpacked(raw: IO[bytes]) -> IO[bytes]:
    packed = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    raw.seek(0)
    return cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if packed else raw


def parse(number: int, line: bytes) -> Entry:
    """Turn a line into an entry. Raises BadLineError with the first thing that is wrong."""
    if len(line) > MAX_LINE_BYTES:
        raise BadLineError(number, "it is longer than 1 MB")
    try:
        return _entry(number, _fields(line))
    except ValueError as error:
        raise BadLineError(number, str(error)) from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dict of an object's fields. Raises RepeatedFieldError for a name that comes twice."""
    fields = dict(pairs)
    if len(fields) < len(pairs):  # which of both was meant, nobody knows
        twice = next(
            name for name, count in Counter(name for name, _ in pairs).items() if count > 1
        )
        raise RepeatedFieldError(f"{twice[:40]!r} stands in it more than once")
    return fields


def _fields(line: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(line, object_pairs_hook=_each_once)
    except RepeatedFieldError:
        raise
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(fields, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - parse() knows one kind
    return fields


def _entry(number: int, fields: dict[str, Any]) -> Entry:
    return Entry(
        number=number,
        author=_text(fields, "author", get_user_model(), "username"),
        title=_text(fields, "title", Post, "title"),
        body=_text(fields, "body", Post, "body"),
        created_at=_moment(fields, "created_at"),
        reports=_count(fields, "reports"),
        images=_names(fields, "images"),
    )


def _value(fields: dict[str, Any], name: str, kind: type) -> Any:
    if name not in fields:
        raise ValueError(f"{name} is missing")
    value = fields[name]
    if type(value) is not kind:  # not isinstance: true is an int in Python
        raise ValueError(f"{name} is {type(value).__name__}, not {kind.__name__}")
    return value


def _text(fields: dict[str, Any], name: str, model: type[Any], field_name: str) -> str:
    """Return a text that the model's field and every database can hold."""
    text: str = _value(fields, name, str)
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"{name} holds characters that are no text")
    try:
        model._meta.get_field(field_name).clean(text, None)
    except ValidationError as error:
        raise ValueError(f"{name}: {' '.join(error.messages)}") from error
    return text


def _moment(fields: dict[str, Any], name: str) -> datetime:
    text: str = _value(fields, name, str)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC)
            validate_moment(moment)
            return moment
    except ValidationError as error:
        raise ValueError(f"{name}: {' '.join(error.messages)}") from error
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{name} is no date: {text[:40]!r}") from error
    raise ValueError(f"{name} has no time zone: {text[:40]!r}")


def _count(fields: dict[str, Any], name: str) -> int:
    count: int = _value(fields, name, int)
    if not 0 <= count <= MAX_REPORTS:
        raise ValueError(f"{name} is not between 0 and {MAX_REPORTS}")
    return count


def _names(fields: dict[str, Any], name: str) -> tuple[str, ...]:
    names: list[Any] = _value(fields, name, list)
    if len(names) > MAX_PICTURES:
        raise ValueError(f"{name} has more than {MAX_PICTURES} names")
    if not all(isinstance(each, str) and each for each in names):
        raise ValueError(f"{name} is not a list of file names")
    return tuple(names)
