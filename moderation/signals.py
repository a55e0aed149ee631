"""The signals of this app, by which other modules and other apps learn what happens.

`objects_removed` may be sent several times for the same objects: if the transaction is rolled back,
it is sent again when the batch is tried again. So a receiver may only write to the database, whose
changes are rolled back too.
"""

from __future__ import annotations

from django.dispatch import Signal

# Sent when a removal has batches to delete, with the number of the removal as `removal`. It is sent
# inside or after the transaction that makes them due, so receivers must act on commit.
batches_waiting = Signal()
# Sent when files are due to be erased, in the same way but without arguments.
files_due = Signal()
# Sent in the transaction of a batch, just before its locked objects are deleted, while rows that
# refer to them can still be read. The sender is the model. The arguments are `objects`, which is a
# QuerySet, `removal` and `using`. Receivers may write only to that database. An error rolls the
# batch back.
objects_removed = Signal()
