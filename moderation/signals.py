"""Signals of this app. Background work listens to them, so that the domain need not know it."""

from __future__ import annotations

from django.dispatch import Signal

# Sent when a removal has batches to delete, by its number: `removal`. Sent inside or after the
# transaction that makes them due, so receivers act on commit.
batches_waiting = Signal()
# Sent when files are due to be erased, in the same way.
files_due = Signal()
