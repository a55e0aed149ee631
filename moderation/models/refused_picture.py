"""The pictures that moderators refuse: they are not accepted when they are uploaded again."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from moderation.db.hash_chunks import similarity_indexes
from moderation.models.querysets import RefusedPictureQuerySet

NOTE_LENGTH = 2000  # characters

# Later dates are mistakes, and the last ones of the calendar do not exist in every time zone.
LAST_YEAR = 2199

# The format of a SHA-256, and of a perceptual hash.
DIGEST = re.compile("[0-9a-f]{64}")


class RefusedPicture(models.Model):
    """A picture that is not accepted again, known by its SHA-256 and its perceptual hash.

    Its content is not stored. The row stays when the end date has passed or when a moderator allows
    the picture again. It has no foreign keys to users, only names, because it outlives them.
    """

    sha256 = models.CharField(_("SHA-256"), max_length=64)
    # "" if it is unknown, or if the picture is an animation or has no structure. Then only the same
    # file is refused.
    perceptual_hash = models.CharField(_("perceptual hash"), max_length=64, blank=True)
    note = models.TextField(_("note"), blank=True, max_length=NOTE_LENGTH)
    # Midnight after the last day, in the time zone of the site; null if there is no last day.
    refused_until = models.DateTimeField(_("refused until"), null=True)
    refused_by = models.TextField(_("refused by"))
    refused_at = models.DateTimeField(_("refused at"))
    lifted_by = models.TextField(_("allowed again by"), blank=True)
    lifted_at = models.DateTimeField(_("allowed again at"), null=True)
    # How often somebody tried to add the picture, or one like it, and when last.
    matches_total = models.PositiveIntegerField(_("times matched"), default=0)
    last_matched_at = models.DateTimeField(_("last matched at"), null=True)

    objects = RefusedPictureQuerySet.as_manager()

    class Meta:
        verbose_name = _("refused picture")
        verbose_name_plural = _("refused pictures")
        default_permissions = ("view",)
        permissions = [("refuse_picture", _("Can refuse pictures and allow them again"))]
        constraints = [models.UniqueConstraint(fields=["sha256"], name="refused_picture_sha256")]
        indexes = [
            models.Index(fields=["-refused_at", "-id"], name="refused_picture_newest"),
            *similarity_indexes("perceptual_hash", name="refused_hash"),
        ]

    def __str__(self) -> str:
        return self.sha256

    @property
    def changed_at(self) -> datetime:
        """Return when the picture was last refused or allowed again."""
        return self.lifted_at or self.refused_at

    @property
    def last_day(self) -> date | None:
        """Return the last day on which the picture is refused, or None if there is none."""
        if self.refused_until is None:
            return None
        before = self.refused_until - timedelta(microseconds=1)
        return before.astimezone(timezone.get_default_timezone()).date()


def end_of(day: date) -> datetime:
    """Return the moment at which a day ends in the time zone of the site."""
    midnight = datetime.combine(day + timedelta(days=1), time.min)
    return timezone.make_aware(midnight, timezone.get_default_timezone())
