"""`manage.py hash_images`: compute the perceptual hashes of pictures that have none yet."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from moderation.images.perceptual import INSTALL, is_available
from moderation.picture_groups.missing_hashes import (
    HashedPicture,
    hash_pictures,
    hashed_models,
    rows_without_hash,
)
from moderation.registry import Registration
from moderation.templatetags.moderation_numbers import counted

MAX_LISTED = 100  # pictures that are named; further ones are only counted


class Command(BaseCommand):
    """Read each picture without a hash, and store its hash in its row."""

    help = (
        "Compute missing perceptual hashes, by which drafts group nearly identical pictures. Reads "
        "the file of each picture and changes only the hash column. The site may be running. If a "
        "run is interrupted, the next one continues. A picture that cannot be read is named, and "
        "tried again by the next run; a broken one is named only once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="read and write nothing; print how many hashes are missing",
        )

    def handle(self, *, dry_run: bool, **_options: Any) -> None:
        self.results: Counter[str] = Counter()
        if not is_available():
            raise CommandError(f"The package numpy is missing: {INSTALL}")
        for registration in hashed_models():
            if dry_run:
                self.results["missing"] += rows_without_hash(registration).count()
            else:
                self._hash(registration)
        self._summarize(dry_run=dry_run)

    def _hash(self, registration: Registration) -> None:
        total = rows_without_hash(registration).count()
        label = registration.label
        with tqdm(desc=label, total=total, unit=" pictures", disable=None) as bar:
            for picture in hash_pictures(registration):
                bar.update()
                if picture.problem:
                    bar.clear()
                    self._report(label, picture)
                self.results[_result(picture)] += 1

    def _report(self, label: str, picture: HashedPicture) -> None:
        self.results["problems"] += 1
        if self.results["problems"] <= MAX_LISTED:
            self.stderr.write(f"{label} {picture.name}: {picture.problem}")
        if self.results["problems"] == MAX_LISTED:
            self.stderr.write("Further pictures are counted but not named.")

    def _summarize(self, *, dry_run: bool) -> None:
        """Print the numbers. Raises CommandError if pictures could not be read."""
        results = self.results
        if dry_run:
            self.stdout.write(f"{counted(results['missing'], 'picture')} would be hashed.")
            return
        self.stdout.write(
            f"Hashed: {counted(results['hashed'], 'picture')}. Without a hash: "
            f"{results['without']:,} animated or with too little structure, "
            f"{results['broken']:,} broken."
        )
        if unread := results["unread"]:
            raise CommandError(
                f"{counted(unread, 'picture')} could not be read. Run the command again to retry.",
                returncode=1,
            )


def _result(picture: HashedPicture) -> str:
    if picture.perceptual_hash is None:
        return "unread"
    if picture.problem:
        return "broken"
    return "hashed" if picture.perceptual_hash else "without"
