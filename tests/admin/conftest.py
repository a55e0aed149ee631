"""What the tests of the admin's pages share: people of each role, and posts without end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from moderation.models import Removal
from moderation.permission_groups import AUDITORS, MODERATORS
from moderation.removals.freeze import freeze
from posts.models import Post, PostImage, Report

CODES = ["posts.delete_post", "posts.delete_postimage", "posts.delete_report"]
LIST = "/admin/posts/post/"


def make_user(name: str, *groups: str, codes: tuple[str, ...] = ()) -> User:
    """A member of staff, in these groups and with these codes."""
    user = User.objects.create_user(name, is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    user.user_permissions.set(Permission.objects.filter(codename__in=codes))
    return user


@pytest.fixture
def moderator(db: None) -> User:
    return make_user("mod", MODERATORS)


@pytest.fixture
def other(db: None) -> User:
    return make_user("other", MODERATORS)


@pytest.fixture
def auditor(db: None) -> User:
    return make_user("auditor", AUDITORS)


@pytest.fixture
def client(moderator: User) -> Client:
    """The moderator's browser."""
    return browser_of(moderator)


def browser_of(user: User) -> Client:
    """A browser in which a person is logged in."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def make_posts(db: None) -> Callable[..., list[Post]]:
    """Create posts with rows for pictures whose files do not exist; every page must accept that."""

    def make(count: int, *, images: int = 1, title: str = "Cheap pills") -> list[Post]:
        author, _ = User.objects.get_or_create(username="spammer")
        posts = Post.objects.bulk_create(
            Post(author=author, title=f"{title} {n}") for n in range(count)
        )
        PostImage.objects.bulk_create(
            PostImage(
                post=post, image=f"{post.pk}-{n}.jpg", thumbnail=f"{post.pk}-{n}.webp",
                sha256=f"{post.pk:032d}{n:032d}", size=1000, width=1, height=1,
            )
            for post in posts for n in range(images)
        )  # fmt: skip
        Report.objects.bulk_create(Report(post=post, reporter=author) for post in posts)
        return posts

    return make


def drafted(posts: list[Post], actor: User) -> Removal:
    """A draft of these posts."""
    selected = Post.objects.filter(pk__in=[post.pk for post in posts])
    return freeze(selected, actor=actor, permissions=CODES)


def page_of(removal: Removal, page: str = "change") -> str:
    """Return the URL of a removal's page or action."""
    return f"/admin/moderation/removal/{removal.pk}/{page}/"


def words(removal: Removal, **changed: str) -> dict[str, str]:
    """What a browser sends to confirm a draft."""
    sent = {"seal": removal.seal, "reason": "spam", "note": ""}
    return sent | {"typed_count": str(removal.objects_total)} | changed
