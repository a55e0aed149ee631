"""The identities of storages, which each purge verifies first."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from moderation.redaction import clean


class StorageIdentity(models.Model):
    """The identity that `mark_storage` gave to the storage behind `alias`.

    The storage holds the same identity and environment in its identity file. A purge reads that
    file after each claim, before it erases anything; if the two differ, it erases nothing and
    `problem` says why. If the storage cannot report whether erased keys are absent, `unverifiable`
    says why, and verification pauses until `verify_at`. Keys that it cannot report on are skipped:
    verification continues after the audit entry `verify_after`, and returns to them later.
    """

    alias = models.TextField(_("storage"), primary_key=True)
    identity = models.UUIDField(_("identity"), default=uuid.uuid4, unique=True)
    environment = models.TextField(_("environment"))
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    problem_at = models.DateTimeField(_("problem seen at"), null=True)
    # What could not be searched for files in use: {a field, function or storage: the problem}. Not
    # related to the identity.
    reference_problems = models.JSONField(
        _("why it is not known which files are in use"), default=dict, blank=True
    )
    unverifiable = models.CharField(
        _("why erased keys are not verified"), max_length=300, blank=True
    )
    verify_at = models.DateTimeField(_("next verification at"), null=True)
    verify_after = models.BigIntegerField(_("verified up to audit entry"), default=0)
    marked_at = models.DateTimeField(_("marked at"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("storage identity")
        verbose_name_plural = _("storage identities")

    def __str__(self) -> str:
        return self.alias

    @property
    def reference_problem(self) -> str:
        """Return why it is not known which files are in use, or "" if it is known."""
        return clean("; ".join(dict.fromkeys(self.reference_problems.values())))
