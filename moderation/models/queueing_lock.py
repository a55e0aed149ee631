"""The queueing lock: a task is not enqueued while one with the same lock is queued."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from moderation.db.server_time import DatabaseNow

# A task that has been queued for longer counts as lost, and another may be enqueued.
LOST_AFTER = timedelta(seconds=15)


class QueueingLock(models.Model):
    """The lock of a queued task, held until the task starts. It keeps the queue short.

    Without it, each batch would enqueue a purge task that continues while anything is due, and the
    batches behind those tasks in the queue would have to wait for all of them.
    """

    work = models.CharField(_("work"), max_length=50, primary_key=True)
    token = models.UUIDField(_("token"), default=uuid.uuid4)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("queueing lock")
        verbose_name_plural = _("queueing locks")

    def __str__(self) -> str:
        return self.work

    @classmethod
    def acquire(cls, work: str) -> str | None:
        """Acquire the lock for some work; return the token to pass to its task.

        Return None if a task with this lock is already queued, which will find everything committed
        so far. Do not call this in a transaction, or the task might start before the commit.
        """
        # Delete the lost locks of all work, so that none is left behind.
        cls.objects.filter(at__lt=DatabaseNow(-LOST_AFTER)).delete()
        lock, is_new = cls.objects.get_or_create(work=work, defaults={"at": DatabaseNow()})
        return str(lock.token) if is_new else None

    @classmethod
    def release(cls, work: str, token: str) -> None:
        """Release the lock when the task with this token starts, before it looks for work."""
        cls.objects.filter(work=work, token=token).delete()
