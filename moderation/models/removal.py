"""Removals and their batches."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from moderation.models.querysets import RemovalBatchQuerySet, RemovalQuerySet
from moderation.models.states import REASON_LENGTH, BatchState, Reason, RemovalState


class Removal(models.Model):
    """A bulk deletion: who, why, and which objects. Until it is confirmed, it is a draft."""

    model_label = models.TextField(_("model"))
    state = models.CharField(
        _("state"), max_length=10, choices=RemovalState, default=RemovalState.DRAFT
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("moderator"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
    )
    actor_name = models.TextField(_("moderator"))
    # Whether the actor was staff when the draft was created, and so must be staff for each batch.
    actor_is_staff = models.BooleanField(_("moderator is staff"), default=False)
    # The admin site and the model (possibly a proxy) of the ModelAdmin in which the objects were
    # selected; its object permissions apply. Empty if the draft was not created in an admin.
    admin_site = models.CharField(_("admin site"), max_length=100, blank=True)
    admin_label = models.CharField(_("model in the admin"), max_length=100, blank=True)
    reason = models.CharField(_("reason"), max_length=REASON_LENGTH, choices=Reason, blank=True)
    note = models.TextField(_("note"), blank=True, max_length=2000)
    # The digest of exactly what the preview showed; empty until the freeze is complete.
    seal = models.CharField(_("seal"), max_length=64, blank=True)
    # The codes of the permissions that the actor needs, at the confirmation and for each batch.
    permissions = models.JSONField(_("permissions"), default=list)
    # Sums of the same fields of the batches.
    objects_total = models.PositiveIntegerField(_("objects"), default=0)
    kept_total = models.PositiveIntegerField(_("kept objects"), default=0)
    files_total = models.PositiveIntegerField(_("files"), default=0)
    pictures_total = models.PositiveIntegerField(_("pictures"), default=0)
    without_picture_total = models.PositiveIntegerField(_("objects without pictures"), default=0)
    bytes_total = models.PositiveBigIntegerField(_("bytes"), default=0)
    rows_by_model = models.JSONField(_("rows by model"), default=dict)
    updates_by_model = models.JSONField(_("changed rows by model"), default=dict)
    # How the selection changed since the freeze; see moderation.removals.history.
    history = models.JSONField(_("changes of the draft"), default=list)
    # What prevents the confirmation, with numbers of rows:
    # {"protected": {model: rows}, "restricted": {model: rows}}.
    blockers = models.JSONField(_("blockers"), default=dict)
    # The review rules that were not applied, because too many objects differ in this way:
    # [[name of the rule, number of these objects, number of all objects]].
    dropped_rules = models.JSONField(_("dropped review rules"), default=list)
    # The query string of the change list in which the objects were selected, for the link back.
    list_query = models.CharField(_("filters of the list"), max_length=2000, blank=True)
    stop_reason = models.CharField(_("reason for stopping"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    objects = RemovalQuerySet.as_manager()

    class Meta:
        verbose_name = _("removal")
        verbose_name_plural = _("removals")
        permissions = [
            ("manage_removal", _("Can stop, resume and retry the removals of other users")),
            ("exceed_ceilings", _("Can remove more than the ceilings allow")),
        ]
        indexes = [
            models.Index(fields=["actor", "confirmed_at"], name="removal_actor_confirmed"),
            models.Index(fields=["state", "created_at"], name="removal_state_created"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class RemovalBatch(models.Model):
    """A part of a removal that is deleted in one transaction.

    It has at most `conf.batch_rows()` rows and, unless the selection cannot be split, at most
    `conf.batch_objects()` objects.

    `frozen` is the selection: a list of [key, digest] in key order. It is empty if all objects were
    kept; such a batch is deleted when the draft is confirmed. A digest covers the object and
    its files as the preview showed them. A key is a JSON value, which `to_python` of the model's
    primary key converts back.
    """

    removal = models.ForeignKey(
        Removal, verbose_name=_("removal"), on_delete=models.CASCADE, related_name="batches"
    )
    number = models.PositiveIntegerField(_("number"))
    # 0 for the original selection, n for the objects that were added to it at the n-th time. The
    # keys of successive batches are in order only if they have the same value here.
    addition = models.PositiveSmallIntegerField(_("addition"), default=0)
    state = models.CharField(
        _("state"), max_length=10, choices=BatchState, default=BatchState.WAITING
    )
    frozen = models.JSONField(_("objects with their digests"), default=list)
    digest = models.CharField(_("digest"), max_length=64, blank=True)
    objects_total = models.PositiveIntegerField(_("objects"), default=0)
    # The keys of the objects that the moderator kept, in the order in which they were kept. The
    # most recent Keep, which can be undone, added the last `last_kept_total` of them.
    kept = models.JSONField(_("keys of kept objects"), default=list)
    kept_total = models.PositiveIntegerField(_("kept objects"), default=0)
    last_kept_total = models.PositiveIntegerField(_("objects that can be returned"), default=0)
    # The keys of those most recently added objects that are still selected, so that the addition
    # can be undone.
    last_added = models.JSONField(_("keys of objects that were added"), default=list)
    last_added_total = models.PositiveIntegerField(_("objects that were added"), default=0)
    files_total = models.PositiveIntegerField(_("files"), default=0)
    pictures_total = models.PositiveIntegerField(_("rows with a picture"), default=0)
    without_picture_total = models.PositiveIntegerField(_("objects without pictures"), default=0)
    bytes_total = models.PositiveBigIntegerField(_("bytes"), default=0)
    rows_by_model = models.JSONField(_("rows by model"), default=dict)
    updates_by_model = models.JSONField(_("changed rows by model"), default=dict)
    blockers = models.JSONField(_("blockers"), default=dict)
    # The fingerprints of the pictures and other files of each object, by which the page says what
    # changed in it: {text of the key: fingerprints, joined}; see moderation.cascade.preview.
    fingerprints = models.JSONField(_("fingerprints of files"), default=dict)
    # The result of the deletion.
    deleted_total = models.PositiveIntegerField(_("objects deleted"), default=0)
    changed = models.JSONField(_("keys of changed objects that were kept"), default=list)
    already_deleted = models.JSONField(_("keys of objects that were already deleted"), default=list)
    error = models.CharField(_("error"), max_length=300, blank=True)
    # The number of attempts that failed with a database error, and the time of the next attempt
    # (null: as soon as possible).
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("due at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    objects = RemovalBatchQuerySet.as_manager()

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        constraints = [
            models.UniqueConstraint(fields=["removal", "number"], name="batch_number_unique")
        ]
        indexes = [
            models.Index(
                fields=["removal", "number"],
                name="batch_waiting",
                condition=Q(state=BatchState.WAITING),
            ),
            models.Index(
                fields=["removal"],
                name="batch_failed",
                condition=Q(state=BatchState.FAILED),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.removal_id}.{self.number}"
