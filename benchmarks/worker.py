"""A worker's work in a process of its own, and the memory that it took: printed, in MB."""

from __future__ import annotations

import django

from benchmarks.measure import peak_mb

# Batches that are purged after the batches. Each holds as many keys as any other.
BATCHES = 2


def work() -> None:
    """Delete every batch of the one removal, and purge the first batches of its keys."""
    from moderation.models import Removal
    from moderation.purge.run import purge_due_files
    from moderation.removals.delete import delete_next_batch

    removal = Removal.objects.get().pk
    while delete_next_batch(removal):
        pass
    for _ in range(BATCHES):
        purge_due_files()


if __name__ == "__main__":
    django.setup()
    work()
    print(peak_mb())  # noqa: T201 - its answer
