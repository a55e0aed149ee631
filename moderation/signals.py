"""The signals of this app, through which other modules start background jobs."""

from __future__ import annotations

from django.dispatch import Signal

# Sent when a removal has batches to delete, with the number of the removal as `removal`. It is sent
# inside or after the transaction that makes them due, so receivers must act on commit.
batches_waiting = Signal()
# Sent when files are due to be erased, in the same way but without arguments.
files_due = Signal()
