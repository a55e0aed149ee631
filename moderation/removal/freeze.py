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
from moderation.database_time import DatabaseNow
from moderation.errors import NotPlannable
from moderation.insertion import insert
from moderation.models import AuditEntry, Removal, RemovalSlice
from moderation.models.removal import RemovalState
from moderation.plan import uncuttable_because
from moderation.removal.selection import check_model, frozen_keys, keys_selected
from moderation.removal.slices import SLICES_AT_ONCE, fill_slices, reseal, slices_in_turn

# Numbers are spaced so that a slice with too many rows can be halved, again and again, in place:
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
    """Freeze a selection into a draft removal of `actor`, sealed and ready to be shown.

    The queryset is read once, for its keys; afterwards the slices are filled a few at a time, so
    that neither memory nor a transaction grows with the selection. Where the actor has as many open
    drafts as one may have, the oldest is closed. `permissions` are the codes that the actor needs
    for it, checked again with each slice. `admin_site` and `admin_label` name the ModelAdmin in
    which the objects were selected, if it was one. Raises NotPlannable, leaving no draft, for an
    empty selection, for one that cannot be cut into slices and is too large for one, and for
    objects that a removal cannot take.
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
    uncuttable = uncuttable_because(model)
    objects = conf.slice_rows() + 1 if uncuttable else conf.slice_objects()
    with transaction.atomic():  # short: the actor's row is locked
        _close_oldest_drafts(actor)
        removal.save()
    with discarded_on_error(removal):
        try:
            with transaction.atomic():
                _store_keys(removal, keys, objects)
        except NotSupportedError as error:  # DISTINCT ON is PostgreSQL's alone
            raise NotPlannable(_("The database cannot read this list: %s") % error) from error
        _plan_slices(removal, uncuttable)
    return removal


def _close_oldest_drafts(actor: AbstractUser) -> None:
    """Expire the actor's oldest drafts, so that one more is not too many.

    They are nearly always tabs that were closed; to refuse the new one would make the moderator
    look for them first. To be called in the transaction that saves the new one.
    """
    # One at a time for each moderator: two at once would not count each other.
    get_user_model()._base_manager.select_for_update(no_key=True).filter(pk=actor.pk).first()
    open_ = Removal.objects.filter(actor=actor.pk, state=RemovalState.DRAFT).order_by("-pk")
    oldest = list(open_.values_list("pk", flat=True)[conf.open_drafts() - 1 :])
    closed = Removal.objects.filter(pk__in=oldest, state=RemovalState.DRAFT)
    closed.update(state=RemovalState.EXPIRED, finished_at=DatabaseNow())
    RemovalSlice.objects.filter(removal__in=oldest, removal__state=RemovalState.EXPIRED).delete()


@contextmanager
def discarded_on_error(removal: Removal) -> Iterator[None]:
    """Delete a draft that is not yet complete when the block fails, whatever the error is."""
    try:
        yield
    except BaseException:
        removal.delete()
        raise


def _store_keys(removal: Removal, keys: models.QuerySet[Any, Any], objects: int) -> None:
    at_once = SLICES_AT_ONCE * objects
    slices = (
        {"number": number, "shown": [(key, "") for key in page]}
        for number, page in _paged(frozen_keys(keys.model, keys.iterator(at_once)), objects)
    )
    while batch := list(islice(slices, SLICES_AT_ONCE)):
        same = {"removal_id": removal.pk}
        insert(RemovalSlice, batch, same=same, using=AuditEntry.objects.db)


def _paged(keys: Iterator[Any], objects: int) -> Iterator[tuple[int, list[Any]]]:
    number = NUMBER_STEP
    while page := list(islice(keys, objects)):
        yield number, page
        number += NUMBER_STEP


def _plan_slices(removal: Removal, uncuttable: str) -> None:
    if uncuttable and removal.slices.count() > 1:
        raise _too_large(uncuttable)
    for parts in slices_in_turn(removal):
        step, too_large = NUMBER_STEP, fill_slices(removal, parts)
        while too_large:
            if uncuttable:
                raise _too_large(uncuttable)
            step //= 2
            halves = [half for part in too_large for half in _halved(part, step)]
            too_large = fill_slices(removal, halves)
    reseal(removal)
    if not removal.objects_total:
        raise NotPlannable(_("Nothing was selected, or what was selected is gone."))


def _halved(part: RemovalSlice, step: int) -> tuple[RemovalSlice, RemovalSlice]:
    """Cut a slice that has too many rows in two, saved but not yet filled."""
    if len(part.shown) == 1:
        raise _one_too_large(part)
    middle = len(part.shown) // 2
    later = RemovalSlice(removal=part.removal, number=part.number + step, shown=part.shown[middle:])
    part.shown = part.shown[:middle]
    part.save(update_fields=["shown"])
    later.save()
    return part, later


def _too_large(uncuttable: str) -> NotPlannable:
    return NotPlannable(
        _("This selection must go in one transaction (%(why)s), and takes more than %(limit)d "
          "rows. Select fewer objects.")
        % {"why": uncuttable, "limit": conf.slice_rows()}
    )  # fmt: skip


def _one_too_large(part: RemovalSlice) -> NotPlannable:
    return NotPlannable(
        _("%(kind)s %(key)s alone takes more than %(limit)d rows, more than one transaction may "
          "hold. Remove what hangs on it first.")
        % {
            "kind": part.removal.model_label,
            "key": part.shown[0][0],
            "limit": conf.slice_rows(),
        }
    )  # fmt: skip
