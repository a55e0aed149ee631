"""The objects of a draft that must be reviewed before it can be confirmed."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from moderation.models.removal import Removal


class MarkedObject(models.Model):
    """An object that differs from the rest of a draft's selection, and in which ways.

    It stays marked while the moderator keeps it, so that it must be reviewed if it is returned to
    the selection.
    """

    removal = models.ForeignKey(
        Removal, verbose_name=_("removal"), on_delete=models.CASCADE, related_name="marked_objects"
    )
    key = models.TextField(_("object key"))
    # The rules that mark the object, with the parameters of their phrases: [[name, parameters]].
    rules = models.JSONField(_("review rules"), default=list)
    weight = models.PositiveIntegerField(_("weight"), default=0)  # the sum of the rules' weights
    is_reviewed = models.BooleanField(_("reviewed"), default=False)
    # Whether the most recent review, which can be undone, included this object.
    is_last_reviewed = models.BooleanField(_("reviewed last"), default=False)

    class Meta:
        verbose_name = _("marked object")
        verbose_name_plural = _("marked objects")
        constraints = [
            models.UniqueConstraint(fields=["removal", "key"], name="marked_object_unique")
        ]

    def __str__(self) -> str:
        return f"#{self.removal_id} {self.key}"
