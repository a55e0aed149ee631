"""Helpers of the tests: files in storage, and a removal as a draft or confirmed."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db.models import Model

from moderation.models import Removal
from moderation.removals.draft import confirm
from moderation.removals.freeze import freeze
from posts.models import Post

CODES = ["posts.delete_post", "posts.delete_postimage", "posts.delete_report"]


def stored(name: str, alias: str = "default") -> str:
    """Put a small file into storage; gives the name it got."""
    return storages[alias].save(name, ContentFile(f"bytes of {name}".encode()))


def drafted(rows: Sequence[Model], moderator: User, permissions: Sequence[str] = CODES) -> Removal:
    """A draft of these rows of one model. Without rows, it is an empty selection of posts."""
    model = type(rows[0]) if rows else Post
    selected = model._default_manager.filter(pk__in=[row.pk for row in rows])
    return freeze(selected, actor=moderator, permissions=permissions)


def confirmed(removal: Removal, moderator: User) -> Removal:
    """The removal as it stands after its confirmation, as spam and with the right count."""
    difference = confirm(
        removal,
        actor=moderator,
        seal=removal.seal,
        reason="spam",
        typed_count=str(removal.objects_total),
    )
    assert not difference
    removal.refresh_from_db()
    return removal
