"""Queued wake-ups, which keep the task queue short however often work is announced."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from moderation.db.server_time import DatabaseNow

# A wake-up that has been queued for longer counts as lost, and another may be enqueued.
LOST = timedelta(seconds=15)


class QueueingLock(models.Model):
    """A queued task that has not started. A second one for the same work would be redundant.

    Without it, each batch would add a purge task that continues while anything is due, and the
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
    def take(cls, work: str) -> str | None:
        """Record a wake-up for some work; return the token for its task.

        Returns None if one is already queued, which will find everything committed so far. Do not
        call this in a transaction, or the task might start before the commit.
        """
        # Those of other work too, so that none is left behind.
        cls.objects.filter(at__lt=DatabaseNow(-LOST)).delete()
        wake_up, is_new = cls.objects.get_or_create(work=work, defaults={"at": DatabaseNow()})
        return str(wake_up.token) if is_new else None

    @classmethod
    def arrived(cls, work: str, token: str) -> None:
        """Record that the task with this token has started. Call this before looking for work."""
        cls.objects.filter(work=work, token=token).delete()
