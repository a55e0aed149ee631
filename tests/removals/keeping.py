"""Keep and return objects as a page does: by their keys and the numbers of their batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User

from moderation.cascade import json_key
from moderation.models import Removal
from moderation.removals.keep import NotReturned, exclude, kept_keys, return_kept
from moderation.removals.refused_objects import Guard


def places(removal: Removal, objects: Sequence[Any]) -> list[tuple[int, list[str]]]:
    """Return the keys of objects, selected or kept, with the numbers of their batches."""
    keys = {json_key(each.pk) for each in objects}
    found = []
    for batch in removal.batches.order_by("number"):
        own = [key for key in [*dict(batch.frozen), *batch.kept] if key in keys]
        if own:
            found.append((batch.number, list(map(str, own))))
    return found


def keep(removal: Removal, *objects: Any) -> None:
    exclude(removal, seal=removal.seal, keys_by_batch=places(removal, objects))


def give_back(
    removal: Removal, actor: User, *objects: Any, guard: Guard | None = None
) -> NotReturned:
    """Return these kept objects to the selection, or all of them."""
    keys = places(removal, objects) if objects else kept_keys(removal)
    return return_kept(removal, seal=removal.seal, keys_by_batch=keys, actor=actor, guard=guard)


def frozen_keys(removal: Removal) -> list[Any]:
    return [key for batch in removal.batches.order_by("number") for key, _ in batch.frozen]


def kept(removal: Removal) -> list[Any]:
    return [key for batch in removal.batches.order_by("number") for key in batch.kept]
