"""Freeze a selection: store its keys in the batches of a draft, with the preview of each object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import NotSupportedError, models, transaction
from django.utils.translation import gettext as _

from moderation import conf
from moderation.cascade import indivisible_reason
from moderation.cascade.batches import model_of
from moderation.db.bulk_insert import insert
from moderation.exceptions import CannotFreeze
from moderation.lifecycle import removals as lifecycle
from moderation.models import AuditEntry, Removal, RemovalBatch
from moderation.removals.check_first import mark
from moderation.removals.limits import lock_actor
from moderation.removals.seal import BATCHES_PER_CHUNK, chunks_of_batches, fill_batches, reseal
from moderation.removals.selection import check_model, frozen_keys, selected_keys
from moderation.templatetags.moderation_numbers import grouped

# The difference between the numbers of consecutive batches, so that a batch with too many rows can
# be halved repeatedly. 500 objects are halved at most nine times.
NUMBER_SPACING = 1024


def freeze(
    queryset: models.QuerySet[Any],
    *,
    actor: AbstractUser,
    permissions: Sequence[str],
    admin_site: str = "",
    admin_label: str = "",
) -> Removal:
    """Freeze a selection as a sealed draft of `actor`, and return it.

    The queryset is read once, for its keys. Then the batches are filled a few at a time, so that
    neither memory nor a transaction grows with the selection. If the actor has the maximum number
    of open drafts, the oldest one expires. `permissions` are the codes of the permissions that the
    actor needs; they are checked again for each batch. `admin_site` and `admin_label` name the
    ModelAdmin in which the objects were selected, if any. Raises CannotFreeze, and leaves no draft,
    if the selection is empty, if it cannot be split into batches and is too large for one, or if
    its objects cannot be removed.
    """
    model = queryset.model._meta.concrete_model or queryset.model
    check_model(model)
    keys = selected_keys(queryset)
    removal = Removal(
        model_label=model._meta.label,
        actor_id=actor.pk,
        actor_name=actor.get_username(),
        actor_is_staff=getattr(actor, "is_staff", False),
        permissions=sorted(permissions),
        admin_site=admin_site,
        admin_label=admin_label,
    )
    indivisible = indivisible_reason(model)
    batch_size = conf.batch_rows() + 1 if indivisible else conf.batch_objects()
    with transaction.atomic():  # short, because it locks the actor's row
        _expire_oldest_drafts(actor)
        removal.save()
    with discarded_on_error(removal):
        try:
            with transaction.atomic():
                _store_keys(removal, keys, batch_size)
        except NotSupportedError as error:  # only PostgreSQL has DISTINCT ON
            raise CannotFreeze(_("The database cannot read this list: %s") % error) from error
        _fill_and_seal(removal, indivisible)
    return removal


def _expire_oldest_drafts(actor: AbstractUser) -> None:
    """Expire the actor's oldest drafts, so that one more does not exceed the limit.

    Refusing the new draft would force the moderator to find the old ones, whose tabs are nearly
    always closed. Call this in the transaction that saves the new draft.
    """
    lock_actor(actor)
    drafts = Removal.objects.drafts().filter(actor=actor.pk).order_by("-pk")
    lifecycle.expire(list(drafts.values_list("pk", flat=True)[conf.open_drafts() - 1 :]))


@contextmanager
def discarded_on_error(removal: Removal) -> Iterator[None]:
    """Delete an incomplete draft if the block raises any exception."""
    try:
        yield
    except BaseException:
        removal.delete()
        raise


def _store_keys(removal: Removal, keys: models.QuerySet[Any, Any], batch_size: int) -> None:
    """Insert batches that hold only keys, `batch_size` in each."""
    frozen = frozen_keys(keys.model, keys.iterator(BATCHES_PER_CHUNK * batch_size))
    batches = (
        {"number": number, "frozen": [(key, "") for key in keys_of_batch]}
        for number, keys_of_batch in numbered_batches(frozen, batch_size)
    )
    while chunk := list(islice(batches, BATCHES_PER_CHUNK)):
        same = {"removal_id": removal.pk}
        insert(RemovalBatch, chunk, same=same, using=AuditEntry.objects.db)


def numbered_batches(
    keys: Iterator[Any], batch_size: int, *, number: int = NUMBER_SPACING
) -> Iterator[tuple[int, list[Any]]]:
    """Yield the number and the keys of each batch, from this number on."""
    while batch := list(islice(keys, batch_size)):
        yield number, batch
        number += NUMBER_SPACING


def _fill_and_seal(removal: Removal, indivisible: str) -> None:
    """Fill the batches of a draft and seal it, unless it expires in the meantime."""
    try:
        _fill_batches(removal, indivisible)
    except RemovalBatch.DoesNotExist:
        if not _clean_up_if_expired(removal):
            raise
        return
    mark(removal)  # first, because a draft with a seal can be confirmed
    reseal(removal)
    if not _clean_up_if_expired(removal) and not removal.objects_total:
        text = _("Nothing was selected, or it no longer exists. Select the objects again.")
        raise CannotFreeze(text)


def _fill_batches(removal: Removal, indivisible: str) -> None:
    """Fill the batches of a draft, and halve those with too many rows."""
    if indivisible and removal.batches.count() > 1:
        raise too_large_for_one_batch(indivisible)
    for batches in chunks_of_batches(removal):
        fill_and_halve(removal, batches, indivisible)


def fill_and_halve(removal: Removal, batches: Sequence[RemovalBatch], indivisible: str) -> None:
    """Fill batches of a draft, and halve those with too many rows.

    Raises CannotFreeze if such a batch cannot be halved. `indivisible` is the reason why none can,
    or "".
    """
    spacing, too_large = NUMBER_SPACING, fill_batches(removal, batches)
    while too_large:
        if indivisible:
            raise too_large_for_one_batch(indivisible)
        spacing //= 2
        halves = [half for batch in too_large for half in _halve(batch, spacing)]
        too_large = fill_batches(removal, halves)


def _clean_up_if_expired(removal: Removal) -> bool:
    """Return whether this is no longer a draft, because newer ones expired it while it was filled.

    If so, deletes the batches and marked objects that were saved afterwards.
    """
    with transaction.atomic():
        if Removal.objects.drafts().select_for_update().filter(pk=removal.pk).first():
            return False
        removal.batches.all().delete()
        removal.marked_objects.all().delete()
    removal.refresh_from_db(fields=["state", "finished_at"])
    return True


def _halve(batch: RemovalBatch, spacing: int) -> tuple[RemovalBatch, RemovalBatch]:
    """Split a batch with too many rows into two; return them, saved but not filled."""
    if len(batch.frozen) == 1:
        raise _object_too_large(batch)
    middle = len(batch.frozen) // 2
    second = RemovalBatch(
        removal=batch.removal,
        number=batch.number + spacing,
        addition=batch.addition,
        frozen=batch.frozen[middle:],
    )
    batch.frozen = batch.frozen[:middle]
    batch.save(update_fields=["frozen"])
    second.save()
    return batch, second


def too_large_for_one_batch(indivisible: str) -> CannotFreeze:
    """Return the exception for a selection that is too large and cannot be split."""
    return CannotFreeze(
        _("This selection must be removed in one transaction (%(reason)s), but includes more than "
          "%(limit)s rows. Select fewer objects.")
        % {"reason": indivisible, "limit": grouped(conf.batch_rows())}
    )  # fmt: skip


def _object_too_large(batch: RemovalBatch) -> CannotFreeze:
    return CannotFreeze(
        _("Removing the %(object)s %(key)s alone would delete more than %(limit)s rows, the limit "
          "of one transaction. Remove the rows that refer to it first.")
        % {
            "object": model_of(batch.removal)._meta.verbose_name,
            "key": batch.frozen[0][0],
            "limit": grouped(conf.batch_rows()),
        }
    )  # fmt: skip
