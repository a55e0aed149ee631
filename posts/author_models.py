"""The authors of removed posts, and those whose accounts were disabled afterwards.

The references have no constraint, as in the audit log: a row must neither prevent the removal
of its user nor be removed with it.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class RemovedAuthor(models.Model):
    """How many posts of an author a batch of a removal deleted.

    Each batch adds rows of its own: if it added to the numbers of the whole removal, two workers
    would wait for each other.
    """

    removal_number = models.PositiveBigIntegerField(_("number of the removal"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("author"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,  # authors are looked up by removal
        related_name="+",
    )
    posts = models.PositiveIntegerField(_("removed posts"))

    class Meta:
        verbose_name = _("author of removed posts")
        verbose_name_plural = _("authors of removed posts")
        default_permissions = ()  # nobody views or changes the rows themselves
        permissions = [("disable_author", _("Can disable accounts of authors of removed posts"))]
        indexes = [models.Index(fields=["removal_number", "author"], name="removedauthor_removal")]

    def __str__(self) -> str:
        return f"#{self.removal_number} {self.author_id}"


class DisabledAuthor(models.Model):
    """An author whose account was disabled after a removal and has not been enabled since.

    The row is deleted when the account is enabled again, no matter by whom.
    """

    removal_number = models.PositiveBigIntegerField(_("number of the removal"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("author"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )

    class Meta:
        verbose_name = _("disabled author")
        verbose_name_plural = _("disabled authors")
        default_permissions = ()
        indexes = [models.Index(fields=["removal_number", "author"], name="disabledauthor_removal")]

    def __str__(self) -> str:
        return f"#{self.removal_number} {self.author_id}"
