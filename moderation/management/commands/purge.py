"""`manage.py purge`: the clock, and the purge of files by hand."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, close_old_connections, transaction
from tqdm import tqdm

from moderation.clock import clock_problems, overdue, removals_with_waiting_slices, tick
from moderation.models import AuditEntry, AuditEvent
from moderation.models.audit import EventKind
from moderation.purge.claim import due_entries
from moderation.removal.progress import retry_entries

# Seconds between two looks of the clock. A lost wake-up costs this much, and ten seconds more.
INTERVAL = 2.0


class Command(BaseCommand):
    """Do what is due: waiting slices, due audit entries, old drafts."""

    help = (
        "Without an option: delete the waiting slices and purge the files that are due now, then "
        "stop. Failed keys are left until --retry-failed. See the options for the clock."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options, of which at most one may be given."""
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--loop",
            action="store_true",
            help="run as the clock until stopped: wake workers for what is due, and do it here "
            "where no worker takes it up",
        )
        which.add_argument(
            "--check",
            action="store_true",
            help="do nothing; exit 1 when work is overdue or a storage is not the marked one",
        )
        which.add_argument(
            "--dry-run", action="store_true", help="do nothing; say how much is due now"
        )
        which.add_argument(
            "--retry-failed",
            action="store_true",
            help="first make every failed audit entry due again",
        )

    def handle(self, **options: Any) -> None:
        """Run in the way that the options name; CommandError when --check finds work late."""
        if options["check"]:
            self._check()
        elif options["dry_run"]:
            self._say_what_is_due()
        elif options["loop"]:
            self._loop()
        else:
            if options["retry_failed"]:
                self._retry_failed()
            self._once()

    def _retry_failed(self) -> None:
        with transaction.atomic():
            if entries := retry_entries(AuditEntry.objects.all()):
                AuditEvent.note_command(EventKind.RETRY, details={"entries": entries})
        self.stdout.write(f"{entries} keys are due again.")

    def _check(self) -> None:
        late = overdue()
        if late:
            raise CommandError(
                "; ".join(
                    [
                        f"overdue: {late.removals} removals, {late.entries} audit entries",
                        *late.problems,
                    ]
                ),
                returncode=1,
            )
        self.stdout.write("Nothing is overdue.")

    def _say_what_is_due(self) -> None:
        removals = len(removals_with_waiting_slices())
        self.stdout.write(
            f"Due: {removals} removals with slices, {due_entries().count()} audit entries."
        )

    def _once(self) -> None:
        bar = tqdm(desc="steps", unit="", disable=None)
        while tick(alone=True):
            bar.update()
        bar.close()
        failed = AuditEntry.objects.filter(state="failed").count()
        self.stdout.write(f"Done. {failed} keys have failed and wait for --retry-failed.")

    def _loop(self) -> None:
        stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        for problem in clock_problems():
            self.stderr.write(problem)
        self.stdout.write("The clock runs.")
        while not stopping.is_set():
            close_old_connections()
            try:
                worked = tick()
            except OperationalError as error:
                self.stderr.write(f"The database is in trouble, trying again: {error}")
                worked = False
            if not worked:
                stopping.wait(INTERVAL)
        self.stdout.write("The clock stops.")
