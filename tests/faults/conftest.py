"""What the fault tests share: waves of posts whose files lie on disk or in a bucket."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection

from moderation.models import Removal
from moderation.permission_groups import MODERATORS
from moderation.storage import write_identity
from posts.models import Post, PostImage
from tests.faults import checker
from tests.faults.file_stores import Bucket, FileStore, Folder, content_of
from tests.helpers import confirmed, drafted
from tests.services.s3_gateway import S3Server

# Good posts beside each wave; the first of them shares a picture with a spam post.
GOOD_POSTS = 3


@dataclass(frozen=True, slots=True)
class Wave:
    """Posts that are to be removed, between posts that must stay."""

    file_store: FileStore
    moderator: User
    spam: tuple[Post, ...]
    before: checker.Before

    def remove(self) -> Removal:
        """Freeze and confirm the removal of the spam posts; workers are woken for it."""
        return self.confirm(self.draft())

    def draft(self) -> Removal:
        """Freeze the spam posts into a draft."""
        return drafted(list(self.spam), self.moderator)

    def confirm(self, draft: Removal) -> Removal:
        """Confirm a draft; workers are woken for it."""
        return confirmed(draft, self.moderator)

    def problems(self, removal: Removal) -> list[str]:
        """What the independent checker has against the removal's end."""
        stored = self.file_store.names()
        spoilt = [
            f"{name} has other bytes than before"
            for name in (name for _row, name in self.before.files - self.before.removed)
            if name in stored and self.file_store.content(name) != content_of(name)
        ]
        return checker.problems(self.before, removal.pk, stored) + spoilt


MakeWave = Callable[..., Wave]


@pytest.fixture
def moderator(transactional_db: None) -> User:
    user = User.objects.create_user("mod", is_staff=True)
    user.groups.add(Group.objects.get(name=MODERATORS))
    return user


@pytest.fixture
def folder(fresh_storage: Path) -> Folder:
    """The default storage on disk."""
    return Folder(fresh_storage)


@pytest.fixture
def bucket(s3_storage: str, s3_gateway: S3Server) -> Bucket:
    """The default storage in a bucket of the gateway."""
    return Bucket(s3_gateway, s3_storage)


@pytest.fixture
def file_store(request: pytest.FixtureRequest) -> FileStore:
    """The storage that usually goes with the database: disk with SQLite, else a bucket."""
    name = "folder" if connection.vendor == "sqlite" else "bucket"
    found: FileStore = request.getfixturevalue(name)
    return found


@pytest.fixture
def make_wave(moderator: User) -> MakeWave:
    """Return a function that makes a wave of posts with one picture each."""

    def make(count: int, file_store: FileStore) -> Wave:
        write_identity("default")
        author, _ = User.objects.get_or_create(username="spammer")
        spam, good = posts_of(author, count), posts_of(author, GOOD_POSTS)
        names = [f"posts/{uuid.uuid4().hex}" for _ in spam + good]
        names[0] = names[count]  # a spam post and a good one show the same picture
        names[1] = names[count - 1]  # and so do the spam posts of two batches
        file_store.put({f"{name}{end}" for name in names for end in (".jpg", "-thumb.webp")})
        PostImage.objects.bulk_create(map(image_of, spam + good, names))
        return Wave(file_store, moderator, tuple(spam), checker.look(post.pk for post in spam))

    return make


def posts_of(author: User, count: int) -> list[Post]:
    """Make posts without pictures."""
    return Post.objects.bulk_create(
        Post(author=author, title=f"Cheap pills {n}", body="Buy!") for n in range(count)
    )


def image_of(post: Post, name: str) -> PostImage:
    """A picture row for two files that are in storage already."""
    return PostImage(
        post=post,
        image=f"{name}.jpg",
        thumbnail=f"{name}-thumb.webp",
        sha256="0" * 64,
        size=10,
        width=1,
        height=1,
    )
