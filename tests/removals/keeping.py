"""Keep and return objects as a page does: by their keys and the numbers of their batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User

from moderation.cascade import json_key
from moderation.models import Removal
from moderation.removals import keep as keep_module
from moderation.removals.keep import NotReturned, exclude, kept_keys, return_kept
from moderation.removals.refused_objects import Guard
from posts.models import Post, PostImage
from tests.helpers import stored
from tests.testapp.models import Exhibit, Volume


def batch_keys(removal: Removal, objects: Sequence[Any]) -> list[tuple[int, list[str]]]:
    """Return the keys of objects, selected or kept, with the numbers of their batches."""
    keys = {json_key(each.pk) for each in objects}
    found = []
    for batch in removal.batches.order_by("number"):
        own = [key for key in [*dict(batch.frozen), *batch.kept] if key in keys]
        if own:
            found.append((batch.number, list(map(str, own))))
    return found


def keep(removal: Removal, *objects: Any) -> None:
    exclude(removal, seal=removal.seal, keys_by_batch=batch_keys(removal, objects))


def give_back(
    removal: Removal, actor: User, *objects: Any, guard: Guard | None = None
) -> NotReturned:
    """Return these kept objects to the selection, or all of them."""
    keys = batch_keys(removal, objects) if objects else kept_keys(removal)
    return return_kept(removal, seal=removal.seal, keys_by_batch=keys, actor=actor, guard=guard)


def frozen_keys(removal: Removal) -> list[Any]:
    return [key for batch in removal.batches.order_by("number") for key, _ in batch.frozen]


def kept(removal: Removal) -> list[Any]:
    return [key for batch in removal.batches.order_by("number") for key in batch.kept]


def add_picture(post: Post) -> None:
    name = stored("late.jpg")
    PostImage.objects.create(post=post, image=name, thumbnail=name, size=1, width=1, height=1)


def columns(removal: Removal) -> list[dict[str, Any]]:
    return list(removal.batches.order_by("number").values())


def refusing(*refused: Post) -> Any:
    keys = {post.pk: f"Post: {post}" for post in refused}
    return lambda batch: {key: keys[key] for key, _ in batch.frozen if key in keys}


def volumes() -> list[Volume]:
    return [Volume.objects.create(id=UUID(int=n << 90), text=f"{n}.txt") for n in range(1, 6)]


def exhibits() -> list[Exhibit]:
    return [Exhibit.objects.create(id=UUID(int=n << 90), poster=f"{n}.png") for n in range(1, 6)]


class Killed(BaseException):
    """The process ended between two batches."""


def killing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Kill the process at its second call of a function of the module."""
    original, calls = getattr(keep_module, name), []

    def kill(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            raise Killed
        return original(*args)

    monkeypatch.setattr(keep_module, "BATCHES_PER_CHUNK", 1)
    monkeypatch.setattr(keep_module, name, kill)


def titles_of_kept(removal: Removal) -> list[str]:
    """Return the titles of the kept posts, sorted."""
    posts = Post.objects.filter(pk__in=kept(removal))
    return sorted(posts.values_list("title", flat=True))
