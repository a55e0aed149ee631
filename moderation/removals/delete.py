"""Delete a batch in one transaction. This is the most dangerous code of this app.

Invariants: An object is deleted only in the state that the preview showed. First, the object and
every row that the plan reads are locked, in separate queries (`queryset.delete()` on a locked
queryset locks nothing). Then the digests are compared. Then Django's own cascade deletes the rows,
and receivers write one audit entry for each file, in the same transaction. No storage is accessed
here: the purge erases the files after the commit, and only those that the audit log names.

If anything fails, the whole batch is rolled back. A batch that fails with a transient database
error is retried later, a few times, over minutes. Any other error marks the batch as failed, with
the reason; this includes errors of the commit itself, which checks deferred constraints. The other
batches continue in both cases. Only if the moderator may no longer remove objects, the removal is
stopped and its batches keep waiting.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import close_old_connections, transaction
from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from moderation import conf
from moderation.cascade.batches import model_of
from moderation.cascade.engine import LockedBatch, engine_for
from moderation.db.errors import TRANSIENT, reason_of
from moderation.db.rows import all_rows
from moderation.exceptions import ModerationError
from moderation.lifecycle import batches
from moderation.lifecycle import removals as lifecycle
from moderation.models import AuditEntry, Removal, RemovalBatch
from moderation.models.querysets import RemovalBatchQuerySet
from moderation.models.states import RemovalState
from moderation.recording.attribution import DeletionContext, attribute
from moderation.redaction import clean
from moderation.registry import registered_models
from moderation.registry.files import known_details
from moderation.removals.permission_names import permission_names
from moderation.signals import objects_removed
from moderation.templatetags.moderation_numbers import grouped

logger = logging.getLogger(__name__)

# Immediate attempts for a batch that hits another transaction's lock (a deadlock, a busy database).
TRIES = 3
# The pause after these attempts, which doubles each time, and its maximum. Eight attempts take ten
# minutes, which is longer than a restart of the database and short enough for a moderator to wait.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)
MAX_DOUBLINGS = 6  # enough to exceed the longest pause


class ActorNotAllowed(ModerationError):
    """The moderator may no longer remove objects.

    The account is deleted or disabled, is no longer staff, or lacks a permission.
    """


class CountDiffers(ModerationError):
    """The number of deleted rows differs from the number of locked rows."""


class BatchFailed(ModerationError):
    """The deletion of a batch raised the exception that is the cause of this one.

    The batch was rolled back, unless it was committed and only an on_commit callback failed.
    """

    def __init__(self, batch: RemovalBatch) -> None:
        self.batch = batch
        super().__init__(str(batch))


class BatchRescheduled(BatchFailed):
    """A batch was rolled back after a transient database error."""


def delete_next_batch(removal: int) -> bool:
    """Delete the next waiting batch of a removal, by the removal's number.

    Returns whether more batches are due. Skips batches that another worker has locked or that will
    be retried later. Saves the result in the batch. Stops the removal if its actor may no longer
    remove objects. Raises one of TRANSIENT if the database is unreachable; then no batch was
    started, and no attempt is counted.
    """
    try:
        _attempt(removal)
    except ActorNotAllowed as not_allowed:
        lifecycle.stop_automatically(removal, reason=str(not_allowed))
    except BatchRescheduled as rescheduled:
        _retry_later(rescheduled)
    except BatchFailed as failed:
        _fail(failed)
    lifecycle.advance(removal)
    return _due(removal).exists()


def _attempt(removal: int) -> None:
    for tries_left in reversed(range(TRIES)):
        batch = None
        try:
            with transaction.atomic():
                if batch := _claim(removal):
                    _delete_or_fail(batch)
        except TRANSIENT as error:
            close_old_connections()  # closes a broken one; the next query opens a new one
            if not tries_left:
                if batch is None:
                    raise
                raise BatchRescheduled(batch) from error
            logger.warning("Retrying removal %s after a database error: %s", removal, error)
        except (ActorNotAllowed, BatchFailed):
            raise
        except Exception as error:  # from the commit: a deferred constraint or a callback
            if batch is None:
                raise
            raise BatchFailed(batch) from error
        else:
            return


def _due(removal: int) -> RemovalBatchQuerySet:
    return RemovalBatch.objects.due().filter(removal=removal, removal__state=RemovalState.DELETING)


def _claim(removal: int) -> RemovalBatch | None:
    """Lock the first due batch that no other worker has locked; return None if there is none.

    The lock ends if this process is killed.
    """
    return (
        _due(removal)
        .select_related("removal")
        .select_for_update(skip_locked=True, of=("self",))
        .order_by("number")
        .first()
    )


def _delete_or_fail(batch: RemovalBatch) -> None:
    try:
        _delete(batch)
    except (ActorNotAllowed, *TRANSIENT):
        raise
    except Exception as error:  # any error rolls back the batch, and is recorded as its reason
        raise BatchFailed(batch) from error


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Pause Python's search for reference cycles in this process.

    The search visits every object of the process. A batch creates so many objects that it would
    run several times, and take a sixth of the time, but reference counts free nearly all of them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@_without_garbage_collection()
def _delete(batch: RemovalBatch) -> None:
    _check_actor(batch.removal)
    locked = engine_for(model_of(batch.removal), AuditEntry.objects.db).lock(batch)
    batch.already_deleted, batch.changed = locked.deleted, locked.changed
    if locked.keys:
        _delete_locked(batch.removal, locked)
    batches.mark_deleted(batch, deleted=len(locked.keys))


def _delete_locked(removal: Removal, locked: LockedBatch) -> None:
    using = AuditEntry.objects.db
    context = DeletionContext(
        actor=removal.actor_id,
        actor_name=removal.actor_name,
        reason=removal.reason,
        removal=removal.pk,
        expected_files=locked.files,
        known=known_details(locked.files, using=using),
    )
    model = model_of(removal)
    objects = all_rows(model, using).filter(pk__any_of=set(locked.keys))
    objects_removed.send(sender=model, objects=objects.all(), removal=removal, using=using)
    attribute(objects, context)
    _total, deleted = objects.delete()
    _check_count(model, deleted, locked.rows)


def _check_count(model: type[Model], deleted: Mapping[str, int], locked: Mapping[str, int]) -> None:
    """Raise CountDiffers if more or fewer objects, or rows with files, were deleted than locked.

    A trigger or a receiver may prevent deletions or delete rows first. Rows without files are not
    compared: they were counted but not locked, so their number may have changed since.
    """
    for each in (model, *registered_models()):
        label = each._meta.label
        rows, planned = deleted.get(label, 0), locked.get(label, 0)
        if rows != planned:
            raise CountDiffers(
                _("The number of deleted rows of %(model)s was %(rows)s instead of %(planned)s, "
                "perhaps because of a trigger or a signal receiver. Everything was rolled back.")
                % {"rows": grouped(rows), "model": label, "planned": grouped(planned)}
            )  # fmt: skip


def _check_actor(removal: Removal) -> None:
    actor = get_user_model()._base_manager.filter(pk=removal.actor_id or 0).first()
    if actor is None or not actor.is_active:
        raise ActorNotAllowed(
            _("The account of %(name)s is disabled or deleted.") % {"name": removal.actor_name}
        )
    if has_lost_staff_status(removal, actor):
        raise ActorNotAllowed(_("%(name)s is no longer staff.") % {"name": removal.actor_name})
    if missing := missing_permissions(removal.permissions, actor):
        raise ActorNotAllowed(
            ngettext(
                "%(name)s no longer has the permission %(permissions)s.",
                "%(name)s no longer has the permissions %(permissions)s.",
                len(missing),
            )
            % {"name": removal.actor_name, "permissions": ", ".join(permission_names(missing))}
        )


def has_lost_staff_status(removal: Removal, actor: Any) -> bool:
    """Return whether an actor who was staff when the draft was created no longer is.

    An admin site may admit users who are not staff; they need not be staff later either.
    """
    return removal.actor_is_staff and not getattr(actor, "is_staff", False)


def missing_permissions(codes: Sequence[str], actor: Any) -> list[str]:
    """Return the permissions that an actor lacks; all of them if the account is disabled."""
    return [code for code in codes if not actor.has_perm(code)]


def _retry_later(rescheduled: BatchRescheduled) -> None:
    """Count an attempt; reschedule the batch, or mark it as failed after the last attempt."""
    batch, cause = rescheduled.batch, rescheduled.__cause__
    if batch.attempts + 1 >= conf.max_attempts():
        _fail(rescheduled)
        return
    logger.warning("Batch %s will be retried later.", batch, exc_info=cause)
    pause = min(FIRST_PAUSE * 2 ** min(batch.attempts, MAX_DOUBLINGS), LONGEST_PAUSE)
    batches.reschedule(batch, pause=pause, error=_reason(rescheduled))


def _fail(failed: BatchFailed) -> None:
    """Mark a batch as failed, unless it was committed and only an on_commit callback failed."""
    was_rolled_back = batches.mark_failed(failed.batch, error=_reason(failed))
    outcome = (
        "was rolled back" if was_rolled_back else "is deleted, but an on_commit callback failed"
    )
    logger.error("Batch %s %s.", failed.batch, outcome, exc_info=failed.__cause__)


def _reason(failed: BatchFailed) -> str:
    return clean(reason_of(failed.__cause__ or failed))
