"""Delete a batch: one transaction, and the most dangerous code of this app.

What holds. An object goes only in the state in which it was shown. First it and every row that the
plan reads are locked, by queries of their own (`queryset.delete()` on a locked queryset locks
nothing); then the digests are compared; then Django's own cascade deletes, and the receivers write
one audit entry a file in the same transaction. No storage is touched here: the purge does that,
after the commit, and only by what the audit log says. When anything fails, all of the batch is
rolled back. An error of the database that may pass is tried again later, a few times, spread over
minutes; any other marks the batch as failed with the reason, also one that comes only with the
commit, where deferred constraints are checked. The other batches go on in any case.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import close_old_connections, transaction
from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from moderation import conf
from moderation.cascade.batches import model_of
from moderation.cascade.engine import Locked, engine_for
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
from moderation.templatetags.moderation_numbers import grouped

logger = logging.getLogger(__name__)

# Immediate attempts for a batch that hits another transaction's lock (a deadlock, a busy database).
TRIES = 3
# The pause after them, which doubles each time, and its maximum: eight attempts take ten minutes.
# That is longer than a restart of the database, and short enough for a moderator to wait.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)
MOST_DOUBLINGS = 6  # enough to exceed the longest pause


class ActorNotAllowed(ModerationError):
    """The moderator may not remove any more: the account is gone, disabled or lacks permission."""


class CountDiffers(ModerationError):
    """The database deleted other numbers of rows than were locked."""


class BatchFailed(ModerationError):
    """A batch was rolled back; its cause says why."""

    def __init__(self, batch: RemovalBatch) -> None:
        self.batch = batch
        super().__init__(str(batch))


class BatchRescheduled(BatchFailed):
    """A batch was rolled back after a transient database error."""


def delete_next_batch(removal: int) -> bool:
    """Delete the next waiting batch of a removal, by the removal's number.

    Return whether more batches are due. Skips batches that another worker holds or that will be
    retried later. Writes the result to the batch's row. Stops a removal whose actor may no longer
    remove. Raises one of TRANSIENT if the database is unreachable; then no batch was started, and
    no attempt is counted.
    """
    try:
        _attempt(removal)
    except ActorNotAllowed as refused:
        lifecycle.stop_because(removal, str(refused))
    except BatchRescheduled as reschedule:
        _try_later(reschedule)
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
            close_old_connections()  # a broken one; the next query opens another
            if not tries_left:
                if batch is None:
                    raise
                raise BatchRescheduled(batch) from error
            logger.warning("Removal %s tries again after an error: %s", removal, error)
        except (ActorNotAllowed, BatchFailed):
            raise
        except Exception as error:  # of the commit: a deferred constraint, or another's callback
            if batch is None:
                raise
            raise BatchFailed(batch) from error
        else:
            return


def _due(removal: int) -> RemovalBatchQuerySet:
    return RemovalBatch.objects.due().filter(removal=removal, removal__state=RemovalState.DELETING)


def _claim(removal: int) -> RemovalBatch | None:
    """Lock the first due batch that nobody else holds. The lock ends if this process is killed."""
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
    except Exception as error:  # a batch's boundary: all is rolled back, and the reason is kept
        raise BatchFailed(batch) from error


def _delete(batch: RemovalBatch) -> None:
    _check_actor(batch.removal)
    locked = engine_for(model_of(batch.removal), AuditEntry.objects.db).lock(batch)
    batch.gone, batch.changed = locked.deleted, locked.changed
    if locked.keys:
        _delete_as_shown(batch.removal, locked)
    batches.mark_deleted(batch, deleted=len(locked.keys))


def _delete_as_shown(removal: Removal, locked: Locked) -> None:
    using = AuditEntry.objects.db
    context = DeletionContext(
        actor=removal.actor_id,
        actor_name=removal.actor_name,
        reason=removal.reason,
        removal=removal.pk,
        expected_files=locked.files,
        known=known_details(locked.files, using=using),
    )
    going = all_rows(model_of(removal), using).filter(pk__any_of=set(locked.keys))
    attribute(going, context)
    _total, deleted = going.delete()
    _check_count(model_of(removal), deleted, locked.rows)


def _check_count(model: type[Model], deleted: Mapping[str, int], locked: Mapping[str, int]) -> None:
    """Raise CountDiffers if the number of deleted objects, or rows with files, is not the expected.

    A trigger or a receiver may prevent deletions or delete rows first. Other rows are not compared:
    some were only counted, and their number may have changed since.
    """
    for each in (model, *registered_models()):
        label = each._meta.label
        rows, planned = deleted.get(label, 0), locked.get(label, 0)
        if rows != planned:
            raise CountDiffers(
                _("%(rows)s rows of %(model)s were deleted instead of %(planned)s, perhaps because "
                "of a trigger or a signal receiver. Everything was rolled back.")
                % {"rows": grouped(rows), "model": label, "planned": grouped(planned)}
            )  # fmt: skip


def _check_actor(removal: Removal) -> None:
    actor = get_user_model()._base_manager.filter(pk=removal.actor_id or 0).first()
    if actor is None or not actor.is_active:
        raise ActorNotAllowed(
            _("The account of %(name)s is disabled.") % {"name": removal.actor_name}
        )
    if is_shut_out(removal, actor):
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


def is_shut_out(removal: Removal, actor: Any) -> bool:
    """Return whether an actor who was staff when the draft was created no longer is.

    An admin site may admit users who are not staff; they need not be staff later either.
    """
    return removal.actor_is_staff and not getattr(actor, "is_staff", False)


def missing_permissions(codes: Sequence[str], actor: Any) -> list[str]:
    """Return the permissions that an actor lacks; all of them if the account is disabled."""
    return [code for code in codes if not actor.has_perm(code)]


def _try_later(reschedule: BatchRescheduled) -> None:
    """Count an attempt; put the batch off, or mark it as failed after the last attempt."""
    batch, cause = reschedule.batch, reschedule.__cause__
    if batch.attempts + 1 >= conf.max_attempts():
        _fail(reschedule)
        return
    logger.warning("Batch %s will be retried later.", batch, exc_info=cause)
    pause = min(FIRST_PAUSE * 2 ** min(batch.attempts, MOST_DOUBLINGS), LONGEST_PAUSE)
    batches.reschedule(batch, pause=pause, error=_reason(reschedule))


def _fail(failed: BatchFailed) -> None:
    """Mark a batch as failed; one that is committed, and whose callback failed, stays deleted."""
    was_rolled_back = batches.fail(failed.batch, error=_reason(failed))
    says = (
        "was rolled back" if was_rolled_back else "is deleted, but what follows its commit failed"
    )
    logger.error("Batch %s %s.", failed.batch, says, exc_info=failed.__cause__)


def _reason(failed: BatchFailed) -> str:
    return clean(reason_of(failed.__cause__ or failed))
