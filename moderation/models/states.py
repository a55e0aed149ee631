"""The states of removals, batches and audit entries, and the other choices of their fields.

`moderation.lifecycle` changes the states. Nothing sets HIDDEN, RESTORED, UNDONE or UNDO yet: they
are reserved for undo.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

# Characters of the stored value of a reason, with room for a site's own.
REASON_LENGTH = 20


class Reason(models.TextChoices):
    """The reasons for a removal, of which the moderator has to choose one."""

    SPAM = "spam", _("Spam")
    ABUSE = "abuse", _("Abuse")
    ILLEGAL = "illegal", _("Illegal content")
    OTHER = "other", _("Other")


class RemovalState(models.TextChoices):
    """The states of a removal."""

    DRAFT = "draft", _("draft")
    DELETING = "deleting", _("deleting")
    STOPPED = "stopped", _("stopped")
    PURGING = "purging", _("erasing files")
    DONE = "done", _("done")
    CANCELLED = "cancelled", _("cancelled")
    EXPIRED = "expired", _("expired")
    UNDONE = "undone", _("undone")


class BatchState(models.TextChoices):
    """The states of a batch. A failed batch does not delay the others."""

    WAITING = "waiting", _("waiting")
    DELETED = "deleted", _("deleted")
    FAILED = "failed", _("failed")


class EntryState(models.TextChoices):
    """The states of an audit entry."""

    PENDING = "pending", _("pending")
    HIDDEN = "hidden", _("hidden")
    ERASED = "erased", _("erased")
    IN_USE = "in_use", _("in use")
    FAILED = "failed", _("failed")
    RESTORED = "restored", _("restored")


# The states in which a key still has to be erased, or could not be erased.
OPEN_STATES = (EntryState.PENDING, EntryState.HIDDEN, EntryState.FAILED)
FINAL_STATES = (EntryState.ERASED, EntryState.RESTORED)
# The detail of an entry whose file was already missing, as adapters report it.
WAS_MISSING = "was missing already"
RARE_STATES = (EntryState.IN_USE, EntryState.FAILED, EntryState.RESTORED)
# The detail of an erased entry whose key was found in storage again, as stored in the table.
FOUND_AGAIN = "a later check found the key in storage: written again, or never erased"


class EventType(models.TextChoices):
    """The actions of people that the audit log records."""

    CONFIRM = "confirm", _("confirmed")
    STOP = "stop", _("stopped")
    RESUME = "resume", _("resumed")
    RETRY = "retry", _("retried")
    UNDO = "undo", _("undone")
    EXPORT = "export", _("exported")
    MARK = "mark", _("marked a storage")
    DISMISS = "dismiss", _("dismissed reports")
    REOPEN = "reopen", _("reopened reports")
    REFUSE = "refuse", _("refused a picture")
    LIFT = "lift", _("allowed a picture again")
    DISABLE = "disable", _("disabled accounts")
    ENABLE = "enable", _("enabled accounts again")
