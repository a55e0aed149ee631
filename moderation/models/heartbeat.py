"""The heartbeats of the background processes."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from moderation.db.server_time import DatabaseNow

# After this time without a heartbeat, the admin's pages say that no worker is running. Longer than
# a worker waits for a storage that does not answer.
MISSING_AFTER = timedelta(minutes=5)


class Heartbeat(models.Model):
    """When a "worker", whichever it was, or a "scheduler" last showed that it was running."""

    process = models.CharField(_("process"), max_length=20, primary_key=True)
    recorded_at = models.DateTimeField(_("recorded at"))

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.process

    @classmethod
    def beat(cls, process: str) -> None:
        """Record that a "worker" or a "scheduler" is running now."""
        cls.objects.update_or_create(process=process, defaults={"recorded_at": DatabaseNow()})

    @classmethod
    def is_recent(cls, *processes: str, within: timedelta = MISSING_AFTER) -> bool:
        """Return whether one of the processes (default: any) had a heartbeat `within` that time."""
        beats = cls.objects.filter(recorded_at__gte=DatabaseNow(-within))
        return (beats.filter(process__in=processes) if processes else beats).exists()
