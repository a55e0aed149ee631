"""Wake-ups on their way: what keeps the queue short however often somebody is to be woken."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from moderation.database_time import DatabaseNow

# A wake-up that is longer on its way counts as lost, and another may follow it.
LOST = timedelta(seconds=15)


class WakeUp(models.Model):
    """A task that was enqueued for some work and has not begun. A second one would tell no more.

    Without it each slice would add a purge task that goes on as long as anything is due, and the
    slices behind them in the queue would wait for them all.
    """

    work = models.CharField(_("work"), max_length=50, primary_key=True)
    token = models.UUIDField(_("token"), default=uuid.uuid4)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("wake-up")
        verbose_name_plural = _("wake-ups")

    def __str__(self) -> str:
        return self.work

    @classmethod
    def take(cls, work: str) -> str | None:
        """Note that somebody is woken for some work; gives the token for the task.

        None where a wake-up is on its way: it finds what is committed by now. Not to be called in a
        transaction, or it might begin before that is committed.
        """
        # Those of other work too, so that none is left behind.
        cls.objects.filter(at__lt=DatabaseNow(-LOST)).delete()
        wake_up, is_new = cls.objects.get_or_create(work=work, defaults={"at": DatabaseNow()})
        return str(wake_up.token) if is_new else None

    @classmethod
    def arrived(cls, work: str, token: str) -> None:
        """Note that the task with this token begins. To be called before it looks for work."""
        cls.objects.filter(work=work, token=token).delete()
