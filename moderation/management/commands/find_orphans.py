"""`manage.py find_orphans`: files in storage that neither a row nor the audit log accounts for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from moderation.purge.orphans import orphans

# Hours. Longer than any upload takes: what is younger may be waiting for its commit.
OLDER_THAN = 24.0


class Command(BaseCommand):
    """List the files below a folder of a storage that nothing names. Deletes nothing."""

    help = (
        "List files that neither a row nor an open audit entry names, such as those of an upload "
        "that was killed before its commit. Only lists: a storage may hold other programs' files."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the storage, the folder and the age."""
        parser.add_argument("alias", nargs="?", default="default", help="an alias in STORAGES")
        parser.add_argument(
            "--prefix", default="", help="only below this folder, such as posts/2026"
        )
        parser.add_argument(
            "--older-than",
            type=float,
            default=OLDER_THAN,
            metavar="HOURS",
            help=f"only files that were last written so long ago (default: {OLDER_THAN:g})",
        )

    def handle(self, *, alias: str, prefix: str, older_than: float, **_options: Any) -> None:
        """Print a line for each file; CommandError for an unknown storage or an unreadable one."""
        if alias not in settings.STORAGES:
            known = ", ".join(sorted(settings.STORAGES))
            raise CommandError(f"{alias} is not in STORAGES; it has {known}.")
        before = timezone.now() - timedelta(hours=older_than)
        found = 0
        try:
            for orphan in orphans(alias, prefix=prefix, older_than=before):
                self.stdout.write(f"{orphan.modified_at:%Y-%m-%d %H:%M}  {orphan.name}")
                found += 1
        except NotImplementedError as error:
            raise CommandError(f"Storage {alias} cannot list its files: {error}") from error
        except FileNotFoundError as error:
            raise CommandError(f"{error.filename}: there is no such folder.") from error
        self.stdout.write(f"{found} files that nothing names.")
