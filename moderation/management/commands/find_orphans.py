"""`manage.py find_orphans`: list files in storage that no row and no audit entry refers to."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from moderation.purge.orphans import orphans

# Hours: longer than any upload takes, because the row of a newer file may not be committed yet.
DEFAULT_AGE = 24
# A hundred years. With much more, the time would be outside Python's calendar.
MAX_HOURS = 876_000


class Command(BaseCommand):
    """List the files in a storage that nothing refers to. Deletes nothing."""

    help = (
        "List files that no row and no open audit entry refers to, such as those of an upload that "
        "was killed before its commit. Deletes nothing, because other programs may own the files."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments for the storage, the folder and the age."""
        parser.add_argument("alias", nargs="?", default="default", help="an alias in STORAGES")
        parser.add_argument(
            "--prefix", default="", help="only below this folder, such as posts/2026"
        )
        parser.add_argument(
            "--older-than",
            type=_hours,
            default=str(DEFAULT_AGE),
            metavar="HOURS",
            help=f"only files last modified at least this long ago (default: {DEFAULT_AGE})",
        )

    def handle(self, *, alias: str, prefix: str, older_than: timedelta, **_options: Any) -> None:
        """Print a line for each file. Raises CommandError for an unknown or unreadable storage."""
        if alias not in settings.STORAGES:
            known = ", ".join(sorted(settings.STORAGES))
            raise CommandError(f"{alias} is not in STORAGES. Choose one of {known}.")
        before = timezone.now() - older_than
        found = 0
        try:
            for orphan in orphans(alias, prefix=prefix, older_than=before):
                self.stdout.write(f"{orphan.modified_at:%Y-%m-%d %H:%M}  {orphan.name}")
                found += 1
        except NotImplementedError as error:
            raise CommandError(f"Storage {alias} cannot list its files: {error}") from error
        except FileNotFoundError as error:
            raise CommandError(f"The folder {error.filename} does not exist.") from error
        except NotADirectoryError as error:
            raise CommandError(f"{error.filename} is not a folder.") from error
        except SuspiciousFileOperation as error:
            raise CommandError(f"The folder {prefix} is outside the storage.") from error
        self.stdout.write(f"Files that nothing refers to: {found}")


def _hours(text: str) -> timedelta:
    """Return a number of hours as a duration. Raises ArgumentTypeError for other text."""
    try:
        hours = float(text)
    except ValueError:
        hours = -1
    if not 0 <= hours <= MAX_HOURS:
        raise ArgumentTypeError(f"{text} is not a number of hours from 0 to {MAX_HOURS}")
    return timedelta(hours=hours)
