"""A wave of spam in imported content: only the reported posts and their files are removed."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import Client, override_settings
from django.urls import reverse
from PIL import Image

from moderation.models import AuditEntry, Removal
from moderation.storage import write_identity
from posts.models import Post, PostImage, Report

pytestmark = pytest.mark.django_db(transaction=True)

POSTS, PICTURES = 300, 12


@pytest.fixture(params=["disk", "s3"])
def storage(request: pytest.FixtureRequest) -> None:
    """Run on disk and on the S3 gateway, each marked."""
    if request.param == "s3":
        request.getfixturevalue("s3_storage")
    write_identity("default")


@pytest.fixture
def wave(tmp_path: Path) -> Path:
    """A file of posts in the form of `import_posts`, and its folder of pictures.

    Pictures are used again and again, by spam and by good posts, and now and then twice in one.
    """
    chance = random.Random(7)  # noqa: S311 - the same posts each time, no secret
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(PICTURES):
        color = (number * 20, 255 - number * 20, 128)
        Image.new("RGB", (40 + number, 30), color).save(folder / f"{number}.jpg")
    with gzip.open(tmp_path / "posts.jsonl.gz", "wt") as file:
        for number in range(POSTS):
            names = [f"{chance.randrange(PICTURES)}.jpg" for _ in range(chance.randrange(3))]
            line = {
                "author": f"user_{number % 40}",
                "title": f"Post {number}",
                "body": "Words",
                "created_at": f"2026-09-{number % 28 + 1:02}T10:00:00+00:00",
                "images": names + names[:1] * (number % 5 == 0),
                "reports": chance.choice([0, 0, 1, 3]),
            }
            file.write(json.dumps(line) + "\n")
    return tmp_path


def stored_names() -> Iterator[str]:
    """Return every file in storage, as the storage lists them."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        folders, files = default_storage.listdir(folder)
        yield from (f"{folder}/{name}".lstrip("/") for name in files)
        waiting += [f"{folder}/{name}".lstrip("/") for name in folders]


def digests(names: Iterator[str] | set[str]) -> dict[str, str]:
    found = {}
    for name in names:
        with default_storage.open(name) as file:
            found[name] = hashlib.sha256(file.read()).hexdigest()
    return found


def names_of(images: Any) -> set[str]:
    return {str(file.name) for image in images for file in (image.image, image.thumbnail)}


@override_settings(MODERATION_BATCH_OBJECTS=50)
def test_exactly_the_reported_posts_are_removed_with_their_files(storage: None, wave: Path) -> None:
    call_command("import_posts", wave / "posts.jsonl.gz", images=wave / "pictures", verbosity=0)
    reported = set(Post.objects.filter(reports__isnull=False).values_list("pk", flat=True))
    others = set(Post.objects.exclude(pk__in=reported).values_list("pk", flat=True))
    going = names_of(PostImage.objects.filter(post__in=reported))
    before = digests(stored_names())
    assert 100 < len(reported) < POSTS
    assert going

    remove_reported(expected=len(reported))
    call_command("purge")

    assert set(Post.objects.values_list("pk", flat=True)) == others
    assert not Report.objects.exists()
    assert not PostImage.objects.exclude(post__in=others).exists()
    entries = list(AuditEntry.objects.all())
    assert {entry.name for entry in entries} == going
    assert len(entries) == len(going)
    assert {entry.state for entry in entries} == {"erased"}
    assert digests(stored_names()) == {n: d for n, d in before.items() if n not in going}
    assert Removal.objects.get().state == "done"


def remove_reported(*, expected: int) -> None:
    """Select all reported posts across pages in the change list, and confirm what is shown."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    changelist = reverse("admin:posts_post_changelist") + "?reported=yes"
    first = Post.objects.filter(reports__isnull=False).first()
    assert first
    answer = client.post(
        changelist,
        {"action": "remove_selected", "select_across": "1", "_selected_action": [first.pk]},
    )
    removal = Removal.objects.get()
    assert removal.objects_total == expected
    page = client.get(answer["Location"])
    assert page.status_code == 200
    client.post(
        reverse("admin:moderation_removal_confirm", args=[removal.pk]),
        {"seal": removal.seal, "reason": "spam", "typed_count": str(expected)},
    )
    removal.refresh_from_db()
    assert removal.state == "deleting"
