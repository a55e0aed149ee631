"""The states of removals, slices and audit entries, and the other fixed choices of the log.

`moderation.lifecycle` changes the states.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Reason(models.TextChoices):
    """Why objects are removed; the moderator has to choose one."""

    SPAM = "spam", _("Spam")
    ABUSE = "abuse", _("Abuse")
    ILLEGAL = "illegal", _("Illegal content")
    OTHER = "other", _("Other")


class RemovalState(models.TextChoices):
    """How far a removal got (design, section 5)."""

    DRAFT = "draft", _("draft")
    DELETING = "deleting", _("deleting")
    STOPPED = "stopped", _("stopped")
    PURGING = "purging", _("purging")
    DONE = "done", _("done")
    CANCELLED = "cancelled", _("cancelled")
    EXPIRED = "expired", _("expired")
    UNDONE = "undone", _("undone")


class SliceState(models.TextChoices):
    """How far a slice got; `failed` says why and does not hold up the others."""

    WAITING = "waiting", _("waiting")
    DELETED = "deleted", _("deleted")
    FAILED = "failed", _("failed")


class EntryState(models.TextChoices):
    """What became of a key (design, section 5)."""

    PENDING = "pending", _("pending")
    HIDDEN = "hidden", _("hidden")
    ERASED = "erased", _("erased")
    KEPT = "kept", _("kept")
    FAILED = "failed", _("failed")
    RESTORED = "restored", _("restored")


# Open: something is still to be done to the key, or could not be done.
OPEN_STATES = (EntryState.PENDING, EntryState.HIDDEN, EntryState.FAILED)
FINAL_STATES = (EntryState.ERASED, EntryState.RESTORED)
# The remark of an entry whose file was already missing, as adapters write it.
WAS_MISSING = "was missing already"
RARE_STATES = (EntryState.KEPT, EntryState.FAILED, EntryState.RESTORED)
# The remark of an erased entry whose key was found in storage again, as stored in the table.
THERE_AGAIN = "a later look found the key in storage: written again, or never gone"


class EventKind(models.TextChoices):
    """The human acts that the audit log keeps."""

    CONFIRM = "confirm", _("confirm")
    STOP = "stop", _("stop")
    GO_ON = "go_on", _("go on")
    RETRY = "retry", _("retry")
    UNDO = "undo", _("undo")
    EXPORT = "export", _("export")
    MARK = "mark", _("mark a storage")
