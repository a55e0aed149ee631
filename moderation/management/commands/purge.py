"""`manage.py purge`: run the scheduler, or purge files by hand."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error, close_old_connections, transaction
from tqdm import tqdm

from moderation.jobs import failures
from moderation.jobs.scheduler import clock_problems, overdue, removals_with_due_batches, run_once
from moderation.lifecycle.entries import retry as retry_entries
from moderation.models import AuditEntry, AuditEvent, RemovalBatch
from moderation.models.states import EventType
from moderation.templatetags.moderation_numbers import counted

# Seconds between two runs of the scheduler if nothing is due.
INTERVAL = 2.0


class Command(BaseCommand):
    """Do the work that is due: delete batches, purge files, expire drafts."""

    help = (
        "Without options, delete the waiting batches and purge the files that are due now, then "
        "exit. Failed keys wait for --retry-failed. Use --loop to run as the scheduler."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options. At most one of them may be given."""
        modes = parser.add_mutually_exclusive_group()
        modes.add_argument(
            "--loop",
            action="store_true",
            help="run as the scheduler until stopped: enqueue tasks for due work, and do it here "
            "if no worker does",
        )
        modes.add_argument(
            "--check",
            action="store_true",
            help="change nothing; exit 1 if work is overdue, batches or keys failed, erased keys "
            "were found again, many files were missing, clocks differ, or a storage has the "
            "wrong identity",
        )
        modes.add_argument(
            "--dry-run", action="store_true", help="change nothing; print how much is due now"
        )
        modes.add_argument(
            "--retry-failed",
            action="store_true",
            help="first make every failed audit entry due again",
        )

    def handle(self, **options: Any) -> None:
        """Run the chosen mode. Raises CommandError if --check finds a problem."""
        if options["check"]:
            self._check()
        elif options["dry_run"]:
            self._print_due()
        elif options["loop"]:
            self._loop()
        else:
            if options["retry_failed"]:
                self._retry_failed()
            self._once()

    def _retry_failed(self) -> None:
        with transaction.atomic():
            if entries := retry_entries(AuditEntry.objects.all()):
                AuditEvent.record_command(EventType.RETRY, details={"entries": entries})
        self.stdout.write(f"Due again: {counted(entries, 'key')}.")

    def _check(self) -> None:
        late = overdue()
        alarms = [*late.problems, *failures.alarms()]
        if late.removals or late.entries:
            alarms.insert(0, f"overdue: {_due(late.removals, late.entries)}")
        if alarms:
            raise CommandError("; ".join(alarms), returncode=1)
        self.stdout.write("Nothing is overdue and nothing failed.")

    def _print_due(self) -> None:
        removals = len(removals_with_due_batches())
        self.stdout.write(f"Due: {_due(removals, AuditEntry.objects.due().count())}.")

    def _once(self) -> None:
        with tqdm(desc="runs", unit="", disable=None) as bar:
            while run_once(alone=True):
                bar.update()
        failed = AuditEntry.objects.failed().count()
        self.stdout.write(f"Done. Failed, waiting for --retry-failed: {counted(failed, 'key')}.")
        if later := RemovalBatch.objects.rescheduled().count():
            batches = counted(later, "batch", "batches")
            self.stdout.write(f"{batches} will be retried later, after a database error.")

    def _loop(self) -> None:
        stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        self.stdout.write("The scheduler is running.")
        has_compared_clocks = False
        while not stopping.is_set():
            close_old_connections()
            try:
                if not has_compared_clocks:  # needs the database, which may be away at the start
                    self._warn_of_clocks()
                    has_compared_clocks = True
                has_worked = run_once()
            except Error as error:
                self.stderr.write(f"Database error, retrying: {error}")
                has_worked = False
            if not has_worked:
                stopping.wait(INTERVAL)
        self.stdout.write("The scheduler has stopped.")

    def _warn_of_clocks(self) -> None:
        for problem in clock_problems():
            self.stderr.write(problem)


def _due(removals: int, entries: int) -> str:
    return f"{counted(removals, 'removal')}, {counted(entries, 'audit entry', 'audit entries')}"
