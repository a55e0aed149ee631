"""The audit log: an entry for each key to erase, an event for each action of a person.

Both outlive the rows that they refer to.
"""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from moderation.models.indexes import BlockRangeIndex
from moderation.models.key import KeyField, KeyIndex
from moderation.models.querysets import AuditEntryQuerySet
from moderation.models.removal import Removal
from moderation.models.states import (
    FOUND_AGAIN,
    RARE_STATES,
    REASON_LENGTH,
    WAS_MISSING,
    EntryState,
    EventType,
    Reason,
)
from moderation.redaction import ERROR_LENGTH

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser

# Texts that are only displayed are truncated to the length of their column. Names, keys and labels
# identify a file and are not truncated. Their columns have no length, which would prevent the
# deletion of rows with longer ones.
TITLE_LENGTH = 80


class AuditEntry(models.Model):
    """The audit entry of one storage key: what was requested and what happened.

    Entries are both the audit log and the work list of the purge. Their foreign keys have no
    constraint and use DO_NOTHING, so that no deletion cascades into the log.
    Database triggers forbid deleting or replacing an entry, changing what identifies it, and
    changing it in a final state; `moderation.models.triggers` declares when each field may change.
    """

    storage = models.TextField(_("storage"))
    # The identity of the storage, from StorageIdentity; null until the storage has one.
    identity = models.UUIDField(_("storage identity"), null=True)
    location = models.TextField(_("bucket or folder"), blank=True)
    key = KeyField(_("key"))
    name = models.TextField(_("name"))
    # Fixed when the entry is written, so that hiding can be repeated; empty until hiding exists.
    hidden_name = models.TextField(_("hidden name"), blank=True)
    size = models.PositiveBigIntegerField(_("size in bytes"), null=True)
    # Null if it is unknown, so that a partial index of the others works on both databases.
    sha256 = models.TextField(_("SHA-256"), blank=True, null=True)  # noqa: DJ001
    # The ids of the versions (and delete markers) that the purge deletes, on a versioned bucket.
    versions = models.JSONField(_("versions"), default=list)
    object_label = models.TextField(_("model"))
    object_key = models.TextField(_("object key"))
    field = models.TextField(_("field"), blank=True)
    parent_label = models.TextField(_("parent model"), blank=True)
    parent_key = models.TextField(_("parent key"), blank=True)
    title = models.CharField(_("title"), max_length=TITLE_LENGTH, blank=True)
    owner = models.CharField(_("owner"), max_length=150, blank=True)
    removal = models.ForeignKey(
        Removal,
        verbose_name=_("removal"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,  # the index on removal and state starts with it
        null=True,
        related_name="entries",
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("moderator"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,  # found by their removals, or by entry_actor
        null=True,
        related_name="+",
    )
    actor_name = models.TextField(_("moderator"), blank=True)
    reason = models.CharField(_("reason"), max_length=REASON_LENGTH, choices=Reason, blank=True)
    # For an extra file: {alias: the names in the file fields of the same row}. A live row that
    # shares one of these names may use this file as well. Null for all other files.
    row_names = models.JSONField(_("names in the fields of the row"), null=True)
    state = models.CharField(
        _("state"), max_length=10, choices=EntryState, default=EntryState.PENDING
    )
    in_use_reason = models.CharField(_("in use because"), max_length=300, blank=True)
    detail = models.CharField(_("detail"), max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    error_code = models.CharField(_("error code"), max_length=100, blank=True)
    error = models.CharField(_("error"), max_length=ERROR_LENGTH, blank=True)
    # The work list: when the entry is due next, and until when a worker has leased it. An expired
    # lease says that the file may have been erased: the worker died, or the storage gave no clear
    # answer. It stays until the result is clear. Other leases end with null.
    due_at = models.DateTimeField(_("due at"))
    leased_until = models.DateTimeField(_("leased until"), null=True)
    recorded_at = models.DateTimeField(_("recorded at"))
    hidden_at = models.DateTimeField(_("hidden at"), null=True)
    erased_at = models.DateTimeField(_("erased at"), null=True)
    in_use_at = models.DateTimeField(_("found in use at"), null=True)
    failed_at = models.DateTimeField(_("failed at"), null=True)
    restored_at = models.DateTimeField(_("restored at"), null=True)
    verified_at = models.DateTimeField(_("absence verified at"), null=True)
    # While in use: when to check again whether a row uses the file (null: as soon as possible), and
    # when no such row was found for the first time.
    recheck_at = models.DateTimeField(_("next check of use at"), null=True)
    unused_at = models.DateTimeField(_("found unused at"), null=True)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        permissions = [
            ("view_own_auditentry", _("Can view the audit entries of their own removals")),
            ("export_auditentry", _("Can export audit entries")),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(name="") & ~Q(key=""), name="entry_key_not_empty")
        ]
        indexes = [
            # Most of the cost of writing an entry comes from its two indexes on random values: on
            # the key, and on the digest, which half of the entries do not have.
            KeyIndex(fields=["key"], name="entry_key"),
            models.Index(fields=["sha256"], name="entry_sha256", condition=Q(sha256__isnull=False)),
            models.Index(fields=["removal", "state"], name="entry_removal_state"),
            # Entries of no removal: those of other admin pages, for instance.
            models.Index(
                fields=["actor"],
                name="entry_actor",
                condition=Q(removal=None, actor__isnull=False),
            ),
            # Entries are stored in the order of time.
            BlockRangeIndex(fields=["recorded_at"], name="entry_recorded"),
            models.Index(
                fields=["due_at"], name="entry_due", condition=Q(state=EntryState.PENDING)
            ),
            models.Index(
                fields=["storage", "id"],
                name="entry_unverified",
                condition=Q(state=EntryState.ERASED, verified_at=None),
            ),
            # Keys that failed and are retried. No entry starts in this state.
            models.Index(
                fields=["attempts", "due_at"],
                name="entry_tried",
                condition=Q(state=EntryState.PENDING) & ~Q(error_code=""),
            ),
            # Files that were missing. A removal's page and `purge --check` count them.
            models.Index(
                fields=["removal", "erased_at"],
                name="entry_missing",
                condition=Q(detail=WAS_MISSING),
            ),
            models.Index(
                fields=["failed_at"], name="entry_failed", condition=Q(state=EntryState.FAILED)
            ),
            models.Index(
                fields=["recheck_at"], name="entry_recheck", condition=Q(state=EntryState.IN_USE)
            ),
            # The entries in rare states, in the order of the list. No entry starts in one.
            models.Index(
                fields=["state", "id"],
                name="entry_rare_state",
                condition=Q(state__in=RARE_STATES),
            ),
            models.Index(
                fields=["removal", "verified_at"],
                name="entry_found_again",
                condition=Q(state=EntryState.ERASED, detail=FOUND_AGAIN),
            ),
        ]

    def __str__(self) -> str:
        return str(self.key)


class AuditEvent(models.Model):
    """An action of a person. Triggers forbid changing and deleting it."""

    type = models.CharField(_("event"), max_length=10, choices=EventType)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("moderator"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="+",
    )
    actor_name = models.TextField(_("moderator"))
    removal = models.ForeignKey(
        Removal,
        verbose_name=_("removal"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="events",
    )
    # confirm: reason, note, counts, seal; retry: batches, entries; export: format, filters, search,
    # rows; mark: storage, replace, identity, environment; dismiss, reopen: model, objects, reports,
    # dismissal, keys (the first ones); refuse, lift: pictures, sha256s, note, until; disable,
    # enable: accounts, names, keys.
    details = models.JSONField(_("details"), default=dict)
    recorded_at = models.DateTimeField(_("time"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        indexes = [models.Index(fields=["removal", "recorded_at"], name="event_removal_at")]

    def __str__(self) -> str:
        return f"{self.get_type_display()} {self.recorded_at:%Y-%m-%d %H:%M}"

    @classmethod
    def record(
        cls,
        event: EventType,
        *,
        actor: AbstractUser,
        details: dict[str, Any],
        removal: Removal | None = None,
    ) -> None:
        """Record the action of a user, with the user's current name."""
        cls.objects.create(
            type=event,
            actor_id=actor.pk,
            actor_name=actor.get_username(),
            removal=removal,
            details=details,
        )

    @classmethod
    def record_command(cls, event: EventType, *, details: dict[str, Any]) -> None:
        """Record the action of a person in a terminal, with their name in the operating system."""
        cls.objects.create(type=event, actor_name=f"{_system_user()} (terminal)", details=details)


def _system_user() -> str:
    """Return the name of the operating system's user, or the uid if it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # KeyError until Python 3.12
        return f"uid {os.getuid()}"
