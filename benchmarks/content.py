"""Create posts with pictures: rows in bulk, and files of a few bytes."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from moderation.db.bulk_insert import insert
from moderation.models import Removal
from moderation.removals.draft import confirm
from moderation.removals.freeze import freeze
from posts.models import Post, PostImage

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

PICTURES_PER_POST = 3
POSTS_PER_TRANSACTION = 5_000
PARALLEL_UPLOADS = 8
CONTENT = b"not a picture, but deleted like one"
PERMISSIONS = ["posts.delete_post", "posts.delete_postimage", "posts.delete_report"]


def moderator() -> User:
    """Return a superuser, to whom no ceiling applies."""
    user, _ = User.objects.get_or_create(username="mod", is_staff=True, is_superuser=True)
    return user


def make_posts(number: int) -> None:
    """Insert posts with three pictures each. Their files are not written."""
    author, _ = User.objects.get_or_create(username="spammer")
    for start in range(0, number, POSTS_PER_TRANSACTION):
        numbers = range(start, min(start + POSTS_PER_TRANSACTION, number))
        with transaction.atomic():
            _write(numbers, author)


def _write(numbers: Iterable[int], author: User) -> None:
    titles = {f"Cheap pills {n}": n for n in numbers}
    row = {"author_id": author.pk, "body": "Buy! " * 40, "created_at": timezone.now()}
    insert(Post, ({**row, "title": title} for title in titles), using="default")
    created = Post.objects.filter(title__in=titles).values_list("pk", "title")
    insert(
        PostImage,
        (
            {
                "post_id": pk,
                "image": name_of(titles[title], number, ".jpg"),
                "thumbnail": name_of(titles[title], number, "-thumb.webp"),
                "sha256": f"{titles[title]:064x}",
                "size": len(CONTENT),
                "width": 800,
                "height": 600,
            }
            for pk, title in created
            for number in range(PICTURES_PER_POST)
        ),
        using="default",
    )


def name_of(post: int, number: int, suffix: str) -> str:
    """Return a file name like those of the intake."""
    return f"posts/2026/11/{UUID(int=post * PICTURES_PER_POST + number).hex}{suffix}"


def stored_names() -> list[str]:
    """Return the names of all files of pictures."""
    pairs = PostImage.objects.values_list("image", "thumbnail")
    return [name for pair in pairs for name in pair]


def fill_folder(folder: Path, names: Iterable[str]) -> None:
    """Write a file for each name."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CONTENT)


def fill_bucket(client: S3Client, bucket: str, names: Iterable[str]) -> None:
    """Upload an object for each name."""
    with ThreadPoolExecutor(PARALLEL_UPLOADS) as pool:
        uploads = [
            pool.submit(client.put_object, Bucket=bucket, Key=name, Body=CONTENT) for name in names
        ]
    for upload in uploads:
        upload.result()


def draft(number: int | None = None) -> Removal:
    """Return a draft of all posts, or of the `number` newest ones."""
    posts = Post.objects.order_by("-pk")[:number]
    return freeze(posts, actor=moderator(), permissions=PERMISSIONS)


def confirm_all(removal: Removal) -> None:
    """Confirm a draft, as the page does. Raises RuntimeError if the selection has changed."""
    total = str(removal.objects_total)
    if confirm(removal, actor=moderator(), seal=removal.seal, reason="spam", typed_count=total):
        raise RuntimeError("The selection changed between draft and confirmation.")
