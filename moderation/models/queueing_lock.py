"""The queueing lock: a task is not enqueued while one with the same lock is queued."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import Q, Subquery
from django.utils.translation import gettext_lazy as _

from moderation.db.server_time import DatabaseNow

# A task that has been queued for longer counts as lost, and another may be enqueued. Longer than
# any task runs, even with a storage that does not answer: the next task waits for it in the queue.
LOST_AFTER = timedelta(minutes=5)
# Queues are first in, first out. So a task also counts as lost if one that was queued this much
# later has already started. Several workers start their tasks within a second or two of each other.
OVERTAKEN_BY = timedelta(seconds=10)


class QueueingLock(models.Model):
    """The lock of a queued task, held until the task starts. It keeps the queue short.

    Without it, each batch would enqueue a purge task that continues while anything is due, and the
    batches behind those tasks in the queue would have to wait for all of them.
    """

    work = models.CharField(_("work"), max_length=50, primary_key=True)
    acquired_at = models.DateTimeField(_("acquired at"))

    class Meta:
        verbose_name = _("queueing lock")
        verbose_name_plural = _("queueing locks")

    def __str__(self) -> str:
        return self.work

    @classmethod
    def acquire(cls, work: str) -> bool:
        """Acquire the lock before a task for some work is enqueued; return whether it was free.

        If it was not, the queued task will find everything committed so far. Do not call this in a
        transaction, or the task might start before the commit.
        """
        # Delete the lost locks of all work, so that none is left behind.
        cls.objects.filter(acquired_at__lt=DatabaseNow(-LOST_AFTER)).delete()
        defaults = {"acquired_at": DatabaseNow()}
        _lock, is_new = cls.objects.get_or_create(work=work, defaults=defaults)
        return is_new

    @classmethod
    def release(cls, work: str) -> None:
        """Release the lock when the task starts, before it looks for work.

        Also release the locks of lost tasks that were queued before it. While the workers are busy,
        nothing else would find those for as long as `LOST_AFTER`.
        """
        started_at = cls.objects.filter(work=work).values("acquired_at")
        overtaken = Q(acquired_at__lt=Subquery(started_at) - OVERTAKEN_BY)
        cls.objects.filter(Q(work=work) | overtaken).delete()
