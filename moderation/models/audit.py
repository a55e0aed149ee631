"""The audit log: one entry a storage key, one event a human act. Both outlive what they name."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from moderation.models.removal import Reason, Removal

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser

# Characters of a primary key: the most that Django lets an indexed text have everywhere.
KEY_LENGTH = 255
TITLE_LENGTH = 80
ERROR_LENGTH = 300


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
# The remark of an entry whose file was not there when it was to be erased, as adapters write it.
WAS_MISSING = "was missing already"
RARE_STATES = (EntryState.KEPT, EntryState.FAILED, EntryState.RESTORED)


class AuditEntry(models.Model):
    """The row for one storage key: what was asked of it and what became of it.

    It is the audit log and the work list at once. Its references to removal and actor are plain
    numbers with a join (`db_constraint=False`, DO_NOTHING): nothing cascades into the log. Database
    triggers forbid deleting or replacing it, changing what identifies it, and rewriting what stands
    in a final state; `moderation.triggers` declares when each field may change.
    """

    storage = models.CharField(_("storage"), max_length=100)
    # The identity of the StorageMark at the time; null where the storage had none yet.
    identity = models.UUIDField(_("storage identity"), null=True)
    location = models.CharField(_("bucket or folder"), max_length=500, blank=True)
    key = models.CharField(_("key"), max_length=1024)
    name = models.CharField(_("name"), max_length=1024)
    # Fixed when the entry is written, so that hiding can be repeated; empty until hiding exists.
    hidden_name = models.CharField(_("hidden name"), max_length=1024, blank=True)
    size = models.PositiveBigIntegerField(_("size in bytes"), null=True)
    # Null where it is not known of the file: an index of those that have one serves both engines.
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True, null=True)  # noqa: DJ001
    # Version ids (and delete markers) that the removal took, on a versioned bucket.
    versions = models.JSONField(_("versions"), default=list)
    object_label = models.CharField(_("object kind"), max_length=100)
    object_key = models.CharField(_("object key"), max_length=KEY_LENGTH)
    field = models.CharField(_("field"), max_length=100, blank=True)
    parent_label = models.CharField(_("parent kind"), max_length=100, blank=True)
    parent_key = models.CharField(_("parent key"), max_length=KEY_LENGTH, blank=True)
    title = models.CharField(_("title"), max_length=TITLE_LENGTH, blank=True)
    owner = models.CharField(_("owner"), max_length=150, blank=True)
    removal = models.ForeignKey(
        Removal,
        verbose_name=_("removal"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,  # the index on removal and state begins with it
        null=True,
        related_name="entries",
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("moderator"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,  # as has the one on actor and time
        null=True,
        related_name="+",
    )
    actor_name = models.CharField(_("moderator"), max_length=150, blank=True)
    reason = models.CharField(_("reason"), max_length=10, choices=Reason, blank=True)
    state = models.CharField(
        _("state"), max_length=10, choices=EntryState, default=EntryState.PENDING
    )
    kept_because = models.CharField(_("kept because"), max_length=300, blank=True)
    remark = models.CharField(_("remark"), max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    error_code = models.CharField(_("error code"), max_length=100, blank=True)
    error = models.CharField(_("error"), max_length=ERROR_LENGTH, blank=True)
    # The work list: when it is next due, and until when a worker holds it.
    due_at = models.DateTimeField(_("due at"))
    leased_until = models.DateTimeField(_("leased until"), null=True)
    recorded_at = models.DateTimeField(_("recorded at"))
    hidden_at = models.DateTimeField(_("hidden at"), null=True)
    erased_at = models.DateTimeField(_("erased at"), null=True)
    kept_at = models.DateTimeField(_("kept at"), null=True)
    failed_at = models.DateTimeField(_("failed at"), null=True)
    restored_at = models.DateTimeField(_("restored at"), null=True)
    verified_at = models.DateTimeField(_("absence verified at"), null=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        permissions = [
            ("view_own_auditentry", _("Can view the audit entries of own removals")),
            ("export_auditentry", _("Can export audit entries")),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(name="") & ~Q(key=""), name="entry_key_not_empty")
        ]
        indexes = [
            # Writing an entry costs about as much as its indexes on values without order: this one,
            # and the digest's, which half of the entries have none of.
            # The operator class lets PostgreSQL find the beginning of a key by the index as well,
            # whatever the collation; SQLite has no such thing and needs none.
            models.Index(fields=["key"], name="entry_key", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["sha256"], name="entry_sha256", condition=Q(sha256__isnull=False)),
            models.Index(fields=["removal", "state"], name="entry_removal_state"),
            models.Index(fields=["actor", "recorded_at"], name="entry_actor_recorded"),
            models.Index(fields=["recorded_at"], name="entry_recorded"),
            models.Index(
                fields=["due_at"], name="entry_due", condition=Q(state=EntryState.PENDING)
            ),
            models.Index(
                fields=["storage", "erased_at"],
                name="entry_unverified",
                condition=Q(state=EntryState.ERASED, verified_at=None),
            ),
            # Keys that failed and are tried again. No entry begins as one.
            models.Index(
                fields=["attempts", "due_at"],
                name="entry_tried",
                condition=Q(state=EntryState.PENDING) & ~Q(error_code=""),
            ),
            # Files that were missing: counted on a removal's page, and for an alarm.
            models.Index(
                fields=["removal", "erased_at"],
                name="entry_missing",
                condition=Q(remark=WAS_MISSING),
            ),
            models.Index(
                fields=["failed_at"], name="entry_failed", condition=Q(state=EntryState.FAILED)
            ),
            # The rare states, newest first. No entry begins in one, so writing costs nothing.
            models.Index(
                fields=["state", "recorded_at"],
                name="entry_rare_state",
                condition=Q(state__in=RARE_STATES),
            ),
        ]

    def __str__(self) -> str:
        return self.key


class EventKind(models.TextChoices):
    """The human acts that the audit log keeps."""

    CONFIRM = "confirm", _("confirm")
    STOP = "stop", _("stop")
    GO_ON = "go_on", _("go on")
    RETRY = "retry", _("retry")
    UNDO = "undo", _("undo")
    EXPORT = "export", _("export")
    MARK = "mark", _("mark a storage")


class AuditEvent(models.Model):
    """The row for one human act. Triggers forbid changing and deleting it."""

    kind = models.CharField(_("act"), max_length=10, choices=EventKind)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("who"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="+",
    )
    actor_name = models.CharField(_("who"), max_length=150)
    removal = models.ForeignKey(
        Removal,
        verbose_name=_("removal"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="events",
    )
    # confirm: reason, note, counts, seal; export: format, filters, rows.
    details = models.JSONField(_("details"), default=dict)
    at = models.DateTimeField(_("at"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        indexes = [models.Index(fields=["removal", "at"], name="event_removal_at")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.at:%Y-%m-%d %H:%M}"

    @classmethod
    def note(
        cls,
        kind: EventKind,
        *,
        actor: AbstractUser,
        details: dict[str, Any],
        removal: Removal | None = None,
    ) -> None:
        """Write down what a person of the site did, with their name as it is now."""
        cls.objects.create(
            kind=kind,
            actor_id=actor.pk,
            actor_name=actor.get_username(),
            removal=removal,
            details=details,
        )

    @classmethod
    def note_command(cls, kind: EventKind, *, details: dict[str, Any]) -> None:
        """Record what somebody did in a terminal, by the name that the system knows them by."""
        cls.objects.create(kind=kind, actor_name=f"{getpass.getuser()} (terminal)", details=details)
