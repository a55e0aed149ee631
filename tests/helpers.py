"""Helpers of the tests: files in storage, and a removal as a draft or confirmed."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from moderation.models import Removal
from moderation.removals.draft import confirm
from moderation.removals.freeze import freeze
from posts.models import Post

CODES = ["posts.delete_post", "posts.delete_postimage", "posts.delete_report"]


def stored(name: str, alias: str = "default") -> str:
    """Put a small file into storage; gives the name it got."""
    return storages[alias].save(name, ContentFile(f"bytes of {name}".encode()))


def drafted(posts: list[Post], moderator: User) -> Removal:
    """A draft of these posts."""
    selected = Post.objects.filter(pk__in=[post.pk for post in posts])
    return freeze(selected, actor=moderator, permissions=CODES)


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
