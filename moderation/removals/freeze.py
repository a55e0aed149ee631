"""Select and freeze: the keys of a selection go into a draft, with what can be seen of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from django.contrib.auth import get_user_model
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
from moderation.removals.seal import BATCHES_A_PAGE, fill_batches, pages_of_batches, reseal
from moderation.removals.selection import check_model, frozen_keys, keys_selected
from moderation.templatetags.moderation_numbers import grouped

# Numbers are spaced so that a batch with too many rows can be halved, again and again, in place:
# 500 objects are halved nine times at most.
NUMBER_STEP = 1024


def freeze(
    queryset: models.QuerySet[Any],
    *,
    actor: AbstractUser,
    permissions: Sequence[str],
    admin_site: str = "",
    admin_label: str = "",
) -> Removal:
    """Freeze a selection into a draft of `actor`, sealed and ready to be shown; return it.

    The queryset is read once, for its keys. Then the batches are filled a few at a time, so that
    neither memory nor a transaction grows with the selection. If the actor has the maximum number
    of open drafts, the oldest is closed. `permissions` are the codes that the actor needs, and are
    checked again for each batch. `admin_site` and `admin_label` name the ModelAdmin in which the
    objects were selected, if there is one. Raises CannotFreeze, leaving no draft, if the selection
    is empty, if it cannot be split into batches and is too large for one, or if its objects cannot
    be removed.
    """
    model = queryset.model._meta.concrete_model or queryset.model
    check_model(model)
    keys = keys_selected(queryset)
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
    objects = conf.batch_rows() + 1 if indivisible else conf.batch_objects()
    with transaction.atomic():  # short, because it locks the actor's row
        _close_oldest_drafts(actor)
        removal.save()
    with discarded_on_error(removal):
        try:
            with transaction.atomic():
                _store_keys(removal, keys, objects)
        except NotSupportedError as error:  # only PostgreSQL has DISTINCT ON
            raise CannotFreeze(_("The database cannot read this list: %s") % error) from error
        _plan_batches(removal, indivisible)
    return removal


def _close_oldest_drafts(actor: AbstractUser) -> None:
    """Expire the actor's oldest drafts, so that another one stays within the limit.

    They are nearly always closed tabs; refusing the new draft would make the moderator look for
    them first. Call this in the transaction that saves the new draft.
    """
    # One at a time for each moderator: two concurrent drafts would not count each other.
    get_user_model()._base_manager.select_for_update(no_key=True).filter(pk=actor.pk).first()
    drafts = Removal.objects.drafts().filter(actor=actor.pk).order_by("-pk")
    lifecycle.expire(list(drafts.values_list("pk", flat=True)[conf.open_drafts() - 1 :]))


@contextmanager
def discarded_on_error(removal: Removal) -> Iterator[None]:
    """Delete an incomplete draft if the block fails with any error."""
    try:
        yield
    except BaseException:
        removal.delete()
        raise


def _store_keys(removal: Removal, keys: models.QuerySet[Any, Any], objects: int) -> None:
    at_once = BATCHES_A_PAGE * objects
    batches = (
        {"number": number, "frozen": [(key, "") for key in page]}
        for number, page in _paged(frozen_keys(keys.model, keys.iterator(at_once)), objects)
    )
    while batch := list(islice(batches, BATCHES_A_PAGE)):
        same = {"removal_id": removal.pk}
        insert(RemovalBatch, batch, same=same, using=AuditEntry.objects.db)


def _paged(keys: Iterator[Any], objects: int) -> Iterator[tuple[int, list[Any]]]:
    number = NUMBER_STEP
    while page := list(islice(keys, objects)):
        yield number, page
        number += NUMBER_STEP


def _plan_batches(removal: Removal, indivisible: str) -> None:
    if indivisible and removal.batches.count() > 1:
        raise _too_large(indivisible)
    for batches in pages_of_batches(removal):
        step, too_large = NUMBER_STEP, fill_batches(removal, batches)
        while too_large:
            if indivisible:
                raise _too_large(indivisible)
            step //= 2
            halves = [half for batch in too_large for half in _halved(batch, step)]
            too_large = fill_batches(removal, halves)
    reseal(removal)
    if not removal.objects_total:
        raise CannotFreeze(_("Nothing was selected, or the selected objects no longer exist."))


def _halved(batch: RemovalBatch, step: int) -> tuple[RemovalBatch, RemovalBatch]:
    """Cut a batch that has too many rows in two, saved but not yet filled."""
    if len(batch.frozen) == 1:
        raise _one_too_large(batch)
    middle = len(batch.frozen) // 2
    later = RemovalBatch(
        removal=batch.removal, number=batch.number + step, frozen=batch.frozen[middle:]
    )
    batch.frozen = batch.frozen[:middle]
    batch.save(update_fields=["frozen"])
    later.save()
    return batch, later


def _too_large(indivisible: str) -> CannotFreeze:
    return CannotFreeze(
        _("This selection must be removed in one transaction (%(reason)s), but includes more than "
          "%(limit)s rows. Select fewer objects.")
        % {"reason": indivisible, "limit": grouped(conf.batch_rows())}
    )  # fmt: skip


def _one_too_large(batch: RemovalBatch) -> CannotFreeze:
    return CannotFreeze(
        _("Removing the %(object)s %(key)s alone would delete more than %(limit)s rows, the limit "
          "of one transaction. Remove the rows that refer to it first.")
        % {
            "object": model_of(batch.removal)._meta.verbose_name,
            "key": batch.frozen[0][0],
            "limit": grouped(conf.batch_rows()),
        }
    )  # fmt: skip
