"""The open drafts that contain certain objects, so that moderators can divide the work."""

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
    drafts_by_key,
    has_exact_keys,
    shared_with_drafts,
)

# The columns of a draft that a notice needs; others, such as `history`, may be long.
COLUMNS = ("actor", "actor_name", "created_at", "objects_total")
# A draft is compared with other drafts of at most this many objects. That takes a fraction of a
# second, and nearly always includes all of them.
MOST_COMPARED = 100_000


def open_drafts(model: type[Model], *, site: str) -> list[Removal]:
    """Return the drafts of a model's objects that can be confirmed on an admin site, oldest first.

    `site` is the name of the admin site. Drafts of people who are no longer staff are left out, as
    are all drafts of a model whose keys SQL cannot compare. There are at most `conf.open_drafts()`
    for each moderator. Runs one query.
    """
    concrete = model._meta.concrete_model or model
    if not has_exact_keys(concrete):
        return []
    drafts = Removal.objects.drafts().filter(
        model_label=concrete._meta.label,
        created_at__gte=DatabaseNow(-timedelta(hours=conf.draft_hours())),
        admin_site__in=("", site),
        actor_is_staff=True,
        **{f"actor__{name}": True for name in ("is_active", "is_staff") if _users_have(name)},
    )
    return list(drafts.order_by("created_at", "pk").only(*COLUMNS))


def drafts_with(
    model: type[Model], keys: Collection[Any], drafts: Sequence[Removal]
) -> dict[Any, list[Removal]]:
    """Return those of the drafts that contain each of these keys: {key: drafts}.

    Runs one query, or none without keys or drafts.
    """
    if not keys or not drafts:
        return {}
    found = drafts_by_key(model, keys, [draft.pk for draft in drafts])
    return {key: [each for each in drafts if each.pk in found[key]] for key in found}


def overlaps(removal: Removal, *, site: str) -> tuple[list[tuple[Removal, int]], bool]:
    """Return other people's drafts that contain objects of a draft, each with their number.

    Also returns whether all of their drafts were compared: the smallest ones are, up to a total of
    MOST_COMPARED objects.
    """
    drafts = _others_drafts(model_of(removal), removal.actor_id, site)
    compared = list(_within_limit(drafts))
    if not compared or not removal.objects_total:
        return [], not drafts
    numbers = shared_with_drafts(removal, [draft.pk for draft in compared])
    found = [(draft, numbers[draft.pk]) for draft in compared if draft.pk in numbers]
    return found, len(compared) == len(drafts)


def others_drafts_with(
    objects: QuerySet[Any], *, actor: Any, site: str
) -> tuple[list[tuple[Removal, int]], bool]:
    """Return other people's drafts that contain some of these objects, as `overlaps` does.

    `actor` is the key of the user whose own drafts are left out. Runs at most two queries.
    """
    drafts = _others_drafts(objects.model, actor, site)
    compared = list(_within_limit(drafts))
    numbers = objects.order_by().aggregate(**{
        f"draft_{draft.pk}": Count("pk", filter=Q(pk__in=FrozenKeys(draft, objects.model)))
        for draft in compared
    })  # fmt: skip
    found = [(draft, numbers[f"draft_{draft.pk}"]) for draft in compared]
    return [each for each in found if each[1]], len(compared) == len(drafts)


def _others_drafts(model: type[Model], actor: Any, site: str) -> list[Removal]:
    return [draft for draft in open_drafts(model, site=site) if draft.actor_id != actor]


def _within_limit(drafts: Sequence[Removal]) -> Iterator[Removal]:
    """Yield the drafts, smallest first, up to a total of MOST_COMPARED objects."""
    total = 0
    for draft in sorted(drafts, key=lambda each: each.objects_total):
        total += draft.objects_total
        if total > MOST_COMPARED:
            return
        yield draft


def _users_have(name: str) -> bool:
    """Return whether the user model has a field with this name."""
    try:
        get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True
