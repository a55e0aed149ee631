"""Import posts with their pictures from a file of JSON Lines."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from moderation.templatetags.moderation_numbers import counted
from posts.imports.images import CACHED_PICTURES, ImportImages
from posts.imports.parse import (
    MAX_PICTURES,
    BadLineError,
    Entry,
    UnreadableFileError,
    parse,
    read_lines,
)
from posts.imports.write import NumberedEntry, Occurrences, Tally, count, new_entries, write
from posts.management.formats import IMPORT_FORMAT, FormatHelp
from posts.storage_identity import WrongStorage, verify_storages

MAX_LISTED_BAD_LINES = 100  # bad lines that are listed; further ones are only counted
MAX_BAD_LINES_AT_START = 1000  # if so many lines at the start are bad, even --skip-bad stops
HINT = "Is it the right file? See --help for the format."
BATCH = 200  # posts in one transaction: it blocks other writers (on SQLite) for about a second
# A batch ends when it has at least this many pictures. Even with those of one more post, all fit
# into the cache of validated pictures, so that none is decoded while the transaction is open.
BATCH_PICTURES = CACHED_PICTURES - MAX_PICTURES


class Command(BaseCommand):
    """Check the whole file, then add its posts. With --skip-bad, add good lines immediately."""

    help = (
        "Add the posts of FILE (JSON Lines, plain or gzipped) with their pictures from DIR. "
        "Without --skip-bad, every line is checked before the first post is written, and if one is "
        "bad, nothing is imported. A post that already exists (same author, title, body and time) "
        "is not added again."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser. Its help ends with the format of the file."""
        kwargs = {"epilog": IMPORT_FORMAT, "formatter_class": FormatHelp, **kwargs}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="the posts, one per line")
        parser.add_argument(
            "--images", metavar="DIR", type=Path, required=True, help="the folder of the pictures"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="check and count everything, write nothing"
        )
        parser.add_argument(
            "--skip-bad",
            action="store_true",
            help="add the good lines and report the bad ones, instead of stopping at them",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        path, folder = options["file"], options["images"]
        if not path.is_file():
            raise CommandError(f"{path}: there is no such file.")
        if not folder.is_dir():
            raise CommandError(f"{folder}: there is no such folder.")
        self.dry_run, self.skip_bad = options["dry_run"], options["skip_bad"]
        self.path, self.tally = path, Tally()
        self.images = ImportImages(folder, is_dry_run=self.dry_run)
        self.unreadable: UnreadableFileError | None = None
        try:
            self._import()
        except (UnreadableFileError, WrongStorage) as error:
            raise CommandError(f"{error}{self._imported()}") from error
        except BadLineError as error:
            reason = str(error).rstrip(".")
            raise CommandError(
                f"{reason}. Something changed after the check.{self._imported()}"
            ) from error

    def _import(self) -> None:
        if not self.dry_run:
            verify_storages()
        if self.dry_run or not self.skip_bad:
            self._check()
            if self.tally.skipped and not self.skip_bad:
                bad = counted(self.tally.skipped, "bad line")
                raise CommandError(f"{bad}: nothing was imported.")
        if not self.dry_run:
            for batch in self._batches("Importing", stop=not self.skip_bad):
                write(batch, self.images, self.tally)
        self._summarize()
        if self.unreadable:
            raise self.unreadable

    def _check(self) -> None:
        """Read the whole file; in a dry run, also count what would be added."""
        for batch in self._batches("Checking", stop=False):
            if self.dry_run:
                count(batch, new_entries(batch), self.tally)

    def _batches(self, label: str, *, stop: bool) -> Iterator[list[NumberedEntry]]:
        """Yield batches of good lines with a progress bar; stop at a bad line, or report it."""
        total = self.path.stat().st_size
        bar = tqdm(desc=label, total=total, unit="B", unit_scale=True, disable=None)
        with closing(Occurrences()) as occurrences, bar as self.bar:
            entries = self._entries(stop=stop)
            while batch := list(_one_batch(entries)):
                yield list(self._allowed(occurrences.number(batch), stop=stop))

    def _entries(self, *, stop: bool) -> Iterator[Entry]:
        """Yield the lines that are posts with valid pictures."""
        lines = 0
        for number, line in self._lines(self.bar.update):
            lines += 1
            try:
                entry = parse(number, line)
                self.images.check(entry)
            except BadLineError as error:
                if stop:
                    raise
                self._report(error, all_bad=self.tally.skipped + 1 == lines)
            else:
                yield entry
        if not lines:
            raise self.unreadable or CommandError(f"{self.path}: the file contains no posts.")

    def _allowed(self, batch: Sequence[NumberedEntry], *, stop: bool) -> Iterator[NumberedEntry]:
        """Yield the batch without the new posts that have a picture that moderators refused."""
        new = {entry.number for entry in new_entries(batch)}
        for entry, occurrence in batch:
            try:
                if entry.number in new:
                    self.images.check_allowed(entry)
            except BadLineError as error:
                if stop:
                    raise
                self._report(error)
            else:
                yield entry, occurrence

    def _lines(self, advance: Callable[[int], object]) -> Iterator[tuple[int, bytes]]:
        """Yield the lines. With --skip-bad, end where the file is broken instead of raising."""
        try:
            yield from read_lines(self.path, advance, skip_long=self.skip_bad)
        except UnreadableFileError as error:
            if not self.skip_bad:
                raise
            self.unreadable = error

    def _report(self, error: BadLineError, *, all_bad: bool = False) -> None:
        """Count a bad line, and list it unless too many are listed. `all_bad`: all were, so far.

        Raises CommandError if it makes no sense to continue.
        """
        self.tally.skipped += 1
        bad = self.tally.skipped
        self.bar.clear()
        if bad <= MAX_LISTED_BAD_LINES:
            self.stderr.write(str(error))
        if bad == MAX_LISTED_BAD_LINES and not self.skip_bad:
            raise CommandError(f"{bad} or more bad lines: nothing was imported. {HINT}")
        if bad == MAX_LISTED_BAD_LINES:
            self.stderr.write("Further bad lines are counted but not listed.")
        if bad == MAX_BAD_LINES_AT_START and all_bad:
            raise CommandError(f"The first {bad} lines are not posts. Nothing was imported. {HINT}")

    def _imported(self) -> str:
        """Return the end of an error message: which posts have been written."""
        if self.dry_run or not self.tally.added:
            return " Nothing was imported."
        added = counted(self.tally.added, "post")
        return f" {added} had already been added; a second run adds the rest."

    def _summarize(self) -> None:
        tally = self.tally
        verb = "would be added" if self.dry_run else "added"
        users = "" if self.dry_run else f" {counted(tally.users, 'user')} created."
        pictures, reports = counted(tally.pictures, "picture"), counted(tally.reports, "report")
        self.stdout.write(
            f"{counted(tally.added, 'post')} {verb}, with {pictures} and {reports}; "
            f"{tally.existing:,} already existed; {counted(tally.skipped, 'bad line')} skipped."
            f"{users}"
        )


def _one_batch(entries: Iterator[Entry]) -> Iterator[Entry]:
    """Yield the entries of one batch."""
    pictures = 0
    for entry in islice(entries, BATCH):
        yield entry
        pictures += len(entry.images)
        if pictures >= BATCH_PICTURES:
            return
