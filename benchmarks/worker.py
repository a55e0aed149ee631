"""Do a worker's work in a separate process, and print its peak memory in MB."""

from __future__ import annotations

import django

from benchmarks.measure import peak_mb

# Claims that are purged after the deletion. Each has the same number of keys.
CLAIMS = 2


def work() -> None:
    """Delete all batches of the only removal, and purge the first claims of its keys."""
    from moderation.models import Removal
    from moderation.purge.run import purge_due_files
    from moderation.removals.delete import delete_next_batch

    removal = Removal.objects.get().pk
    while delete_next_batch(removal):
        pass
    for _ in range(CLAIMS):
        purge_due_files()


if __name__ == "__main__":
    django.setup()
    work()
    print(peak_mb())  # noqa: T201 - read by the parent process
