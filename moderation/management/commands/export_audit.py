"""`manage.py export_audit`: write the audit log to a file."""

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

from moderation.exceptions import ExportFailed
from moderation.export.formats import FORMATS
from moderation.models import AuditEntry, AuditEvent
from moderation.models.states import EntryState, EventType
from moderation.templatetags.moderation_numbers import counted

FORMATS_BY_NAME = {each().get_title(): each for each in FORMATS}


class Command(BaseCommand):
    """Write the audit entries that the options select to a file, and record the export."""

    help = (
        "Write audit entries to FILE. Times are in UTC. In CSV and XLSX, text that a spreadsheet "
        "would treat as a formula is prefixed with an apostrophe. The export is recorded in the "
        "audit log. The file is called FILE.part until it is complete; the FILE.part of a killed "
        "export is overwritten."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="the file to create")
        parser.add_argument(
            "--format",
            choices=sorted(FORMATS_BY_NAME),
            default="csv",
            help="xlsx is available if openpyxl is installed (default: csv)",
        )
        parser.add_argument("--removal", type=int, help="only entries of this removal (its number)")
        parser.add_argument("--state", choices=EntryState.values, help="only entries in this state")
        parser.add_argument(
            "--from", dest="first", help="recorded on or after this day, YYYY-MM-DD"
        )
        parser.add_argument("--to", dest="last", help="recorded on or before this day, YYYY-MM-DD")

    def handle(self, **options: Any) -> None:
        path, file_format = options["file"], FORMATS_BY_NAME[options["format"]]()
        entries = _selected_entries(options)
        expected = entries.count()
        if file_format.row_limit is not None and expected > file_format.row_limit:
            raise CommandError(
                f"{options['format']} can hold {file_format.row_limit:,} audit entries, and there "
                f"are {expected:,}. Use --format csv, or select fewer entries."
            )
        try:
            with _atomic_file(path) as file:
                rows = _write(file_format.write(entries, file), expected)
                _record(options, rows)
        except ExportFailed as error:
            raise CommandError(f"{error} Use --format csv or jsonl.") from error
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        self.stdout.write(f"Wrote {counted(rows, 'audit entry', 'audit entries')} to {path}.")


@contextmanager
def _atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to write to, which is renamed to `path` if the block ends without an error.

    Until then the file has another name, because a partial log must not look complete, and a killed
    process cannot delete it. Raises CommandError if `path` exists, and OSError if the file cannot
    be written.
    """
    _refuse_existing(path)
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with part.open("xb") as file:
        try:
            yield file
            _finish(file, part, path)
        except BaseException:  # Ctrl-C too
            if _is_same_file(part, file):
                part.unlink()
            raise


def _finish(file: BinaryIO, part: Path, path: Path) -> None:
    file.flush()
    os.fsync(file.fileno())  # so that a power cut cannot leave the name without the bytes
    _refuse_existing(path)
    if not _is_same_file(part, file):
        raise CommandError(f"Another export to {path} has started. Choose another name.")
    part.replace(path)


def _refuse_existing(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise CommandError(f"{path} already exists. Choose another name, or delete it first.")


def _is_same_file(path: Path, file: BinaryIO) -> bool:
    """Return whether the path still leads to the open file, not to one that replaced it."""
    return path.exists() and os.path.samestat(path.lstat(), os.fstat(file.fileno()))


def _selected_entries(options: dict[str, Any]) -> QuerySet[AuditEntry]:
    entries = AuditEntry.objects.order_by("pk")
    if options["removal"] is not None:
        entries = entries.filter(removal=options["removal"])
    if options["state"]:
        entries = entries.filter(state=options["state"])
    if options["first"]:
        entries = entries.filter(recorded_at__gte=_parse_day(options["first"], time.min))
    if options["last"]:
        entries = entries.filter(recorded_at__lte=_parse_day(options["last"], time.max))
    return entries


def _parse_day(text: str, at: time) -> datetime:
    """Return a time on a day, in UTC. Raises CommandError if the text is not a date."""
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise CommandError(f"{text} is not a date. Write it as YYYY-MM-DD.")
    return datetime.combine(day, at, tzinfo=UTC)


def _record(options: dict[str, Any], rows: int) -> None:
    names = ("removal", "state", "first", "last")
    AuditEvent.record_command(
        EventType.EXPORT,
        details={
            "format": options["format"],
            "filters": {name: options[name] for name in names if options[name] is not None},
            "rows": rows,
        },
    )


def _write(chunks: Iterator[int], expected: int) -> int:
    """Write all chunks, with a progress bar; return the number of rows written."""
    rows = 0
    with tqdm(total=expected, unit=" entries", disable=None) as bar:
        for chunk_rows in chunks:
            rows += chunk_rows
            bar.update(chunk_rows)
    return rows
