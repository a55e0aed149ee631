"""What the tests of removing share: posts with real files, marked storage, a moderator."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from moderation.models import Removal
from moderation.permission_groups import MODERATORS
from moderation.removals.draft import confirm
from moderation.removals.freeze import freeze
from moderation.storage import write_identity
from posts.models import Post, PostImage

CODES = ["posts.delete_post", "posts.delete_postimage", "posts.delete_report"]


@pytest.fixture
def moderator(db: None) -> User:
    user = User.objects.create_user("mod", is_staff=True)
    user.groups.add(Group.objects.get(name=MODERATORS))
    return user


@pytest.fixture
def marked(transactional_db: None) -> None:
    """The storages carry their marks, as `mark_storage` leaves them."""
    write_identity("default")
    write_identity("attachments")


@pytest.fixture
def make_posts(db: None) -> Callable[..., list[Post]]:
    """Make posts whose pictures are small files in storage; bytes, not pictures, are enough."""

    def make(count: int, *, images: int = 2, author: str = "spammer") -> list[Post]:
        user, _ = User.objects.get_or_create(username=author)
        posts = Post.objects.bulk_create(
            Post(author=user, title=f"Cheap pills {n}", body="Buy!") for n in range(count)
        )
        PostImage.objects.bulk_create(
            PostImage(
                post=post,
                image=stored(f"{post.pk}-{n}.jpg"),
                thumbnail=stored(f"{post.pk}-{n}-thumb.webp"),
                sha256="0" * 64,
                size=10,
                width=1,
                height=1,
            )
            for post in posts
            for n in range(images)
        )
        return posts

    return make


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
