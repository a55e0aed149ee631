"""The drafts and removals that contain certain objects, so that moderators can divide the work.

A removal contains the objects of its waiting batches: for a draft, all that are selected; for a
removal that is deleting or stopped, those that are still to be deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Count, Model, Q, QuerySet

from moderation import conf
from moderation.cascade.batches import model_of
from moderation.db.server_time import DatabaseNow
from moderation.models import (
    FrozenKeys,
    Removal,
    has_exact_keys,
    removals_by_key,
    shared_with_removals,
)
from moderation.models.states import RemovalState

# The columns of a removal that a notice needs; others, such as `history`, may be long.
COLUMNS = ("actor", "actor_name", "state", "created_at", "objects_total")
# The states in which a removal counts only for as long as a draft can be confirmed.
RECENT_STATES = (RemovalState.DRAFT, RemovalState.STOPPED)
# A draft is compared with other removals of at most this many objects. That takes a fraction of a
# second, and nearly always includes all of them.
MOST_COMPARED = 100_000


def open_removals(model: type[Model], *, site: str) -> list[Removal]:
    """Return the removals that contain, or may contain, objects of a model, oldest first.

    These are the drafts that can be confirmed, the removals that are deleting, and those that are
    stopped. A stopped one counts for as long as its draft would, because it might never be resumed.
    `site` is the name of the admin site. Drafts and removals of people who are no longer staff are
    left out, as are those of a model whose keys SQL cannot compare. Runs one query.
    """
    concrete = model._meta.concrete_model or model
    if not has_exact_keys(concrete):
        return []
    is_recent = Q(created_at__gte=DatabaseNow(-timedelta(hours=conf.draft_hours())))
    removals = Removal.objects.filter(
        Q(is_recent, state__in=RECENT_STATES) | Q(state=RemovalState.DELETING),
        model_label=concrete._meta.label,
        admin_site__in=("", site),
        actor_is_staff=True,
        **{f"actor__{name}": True for name in ("is_active", "is_staff") if _users_have(name)},
    )
    return list(removals.order_by("created_at", "pk").only(*COLUMNS))


def removals_with(
    model: type[Model], keys: Collection[Any], removals: Sequence[Removal]
) -> dict[Any, list[Removal]]:
    """Return those of the removals that contain each of these keys: {key: removals}.

    Runs one query, or none without keys or removals.
    """
    if not keys or not removals:
        return {}
    found = removals_by_key(model, keys, [each.pk for each in removals])
    return {key: [each for each in removals if each.pk in found[key]] for key in found}


def overlaps(draft: Removal, *, site: str) -> tuple[list[tuple[Removal, int]], bool]:
    """Return other people's removals that share objects with a draft, and how many each shares.

    Also returns whether all of their removals were compared: only the smallest ones are, up to a
    total of MOST_COMPARED objects.
    """
    removals = _others_removals(model_of(draft), draft.actor_id, site)
    compared = list(_within_limit(removals))
    if not compared or not draft.objects_total:
        return [], not draft.objects_total or not removals
    numbers = shared_with_removals(draft, [each.pk for each in compared])
    found = [(each, numbers[each.pk]) for each in compared if each.pk in numbers]
    return found, len(compared) == len(removals)


def others_removals_with(
    objects: QuerySet[Any], *, actor: Any, site: str
) -> tuple[list[tuple[Removal, int]], bool]:
    """Return other people's removals that contain some of these objects, as `overlaps` does.

    `actor` is the key of the user whose own removals are left out. Runs at most two queries.
    """
    removals = _others_removals(objects.model, actor, site)
    compared = list(_within_limit(removals))
    numbers = objects.order_by().aggregate(**{
        f"removal_{each.pk}": Count("pk", filter=Q(pk__in=FrozenKeys(each, objects.model)))
        for each in compared
    })  # fmt: skip
    found = [(each, numbers[f"removal_{each.pk}"]) for each in compared]
    return [each for each in found if each[1]], len(compared) == len(removals)


def _others_removals(model: type[Model], actor: Any, site: str) -> list[Removal]:
    return [each for each in open_removals(model, site=site) if each.actor_id != actor]


def _within_limit(removals: Sequence[Removal]) -> Iterator[Removal]:
    """Yield the removals, smallest first, up to a total of MOST_COMPARED objects."""
    total = 0
    for removal in sorted(removals, key=lambda each: each.objects_total):
        total += removal.objects_total
        if total > MOST_COMPARED:
            return
        yield removal


def _users_have(name: str) -> bool:
    """Return whether the user model has a field with this name."""
    try:
        get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True
