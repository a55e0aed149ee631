"""`manage.py export_audit`: the audit log as a file, from the terminal."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils.dateparse import parse_date
from tqdm import tqdm

from moderation.errors import ExportFailed
from moderation.export.formats import FORMATS
from moderation.models import AuditEntry, AuditEvent
from moderation.models.audit import EntryState, EventKind

FORMATS_BY_NAME = {each().get_title(): each for each in FORMATS}


class Command(BaseCommand):
    """Write the audit entries that the options name into a file, and note the export."""

    help = (
        "Write audit entries to FILE, a few at a time, whatever their number. Times are in UTC; in "
        "CSV and XLSX an apostrophe stands before a text that a spreadsheet would run. The export "
        "itself is noted in the audit log. Until the file is whole it is called FILE.part; what a "
        "killed export left under that name is written anew."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="a file that is not there yet")
        parser.add_argument("--format", choices=sorted(FORMATS_BY_NAME), default="csv")
        parser.add_argument("--removal", type=int, help="of this removal alone, by its number")
        parser.add_argument("--state", choices=EntryState.values)
        parser.add_argument(
            "--from", dest="first", help="recorded on or after this day, YYYY-MM-DD"
        )
        parser.add_argument("--to", dest="last", help="recorded until this day, YYYY-MM-DD")

    def handle(self, **options: Any) -> None:
        path, file_format = options["file"], FORMATS_BY_NAME[options["format"]]()
        entries = _chosen(options)
        expected = entries.count()
        if file_format.row_limit is not None and expected > file_format.row_limit:
            raise CommandError(
                f"{options['format']} holds {file_format.row_limit:,} rows at most, and there are "
                f"{expected:,}. Use --format csv, or narrow the choice."
            )
        try:
            with _whole_file(path) as file:
                rows = _written(file_format.write(entries, file), expected)
                _note(options, rows)
        except ExportFailed as failed:
            raise CommandError(f"{failed} Use --format csv or jsonl.") from failed
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        self.stdout.write(f"{rows} audit entries are in {path}.")


@contextmanager
def _whole_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write to, which takes the name `path` once the block has ended without error.

    Half a log must not look like a whole one, and nobody tidies up after a kill: so until then it
    has a name of its own. Raises CommandError where the name is taken, OSError where the disk says
    no.
    """
    _refuse_taken(path)
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with part.open("xb") as file:
        try:
            yield file
            _finish(file, part, path)
        except BaseException:  # Ctrl-C too
            if _is_called(file, part):
                part.unlink()
            raise


def _finish(file: BinaryIO, part: Path, path: Path) -> None:
    file.flush()
    os.fsync(file.fileno())  # or a power cut could leave the name without the bytes
    _refuse_taken(path)
    if not _is_called(file, part):
        raise CommandError(f"{path}: another export into this file has begun meanwhile.")
    part.replace(path)


def _refuse_taken(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise CommandError(f"{path}: there is such a file already.")


def _is_called(file: BinaryIO, path: Path) -> bool:
    """Say whether the path still leads to the open file, and not to one that replaced it."""
    return path.exists() and os.path.samestat(path.lstat(), os.fstat(file.fileno()))


def _chosen(options: dict[str, Any]) -> QuerySet[AuditEntry]:
    entries = AuditEntry.objects.order_by("pk")
    if options["removal"] is not None:
        entries = entries.filter(removal=options["removal"])
    if options["state"]:
        entries = entries.filter(state=options["state"])
    if options["first"]:
        entries = entries.filter(recorded_at__gte=_moment(options["first"], time.min))
    if options["last"]:
        entries = entries.filter(recorded_at__lte=_moment(options["last"], time.max))
    return entries


def _moment(text: str, at: time) -> datetime:
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise CommandError(f"{text}: a day is written YYYY-MM-DD.")
    return datetime.combine(day, at, tzinfo=UTC)


def _note(options: dict[str, Any], rows: int) -> None:
    names = ("removal", "state", "first", "last")
    AuditEvent.note_command(
        EventKind.EXPORT,
        details={
            "format": options["format"],
            "filters": {name: options[name] for name in names if options[name] is not None},
            "rows": rows,
        },
    )


def _written(pieces: Iterator[int], expected: int) -> int:
    """Show how far the writing got; return the number of rows."""
    rows = 0
    with tqdm(total=expected, unit=" entries", disable=None) as bar:
        for piece in pieces:
            rows += piece
            bar.update(piece)
    return rows
