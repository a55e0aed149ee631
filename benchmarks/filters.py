"""The change list of a million posts, with each of its filters."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone

from benchmarks import content, database
from benchmarks.http_client import AdminClient
from benchmarks.measure import medians
from benchmarks.sizes import Size
from moderation.db.bulk_insert import insert
from moderation.models import AuditEntry, Removal, RemovalBatch
from moderation.models.states import EntryState, RemovalState
from posts.models import Post, PostImage, Report

Figures = dict[str, float]
Rows = Iterable[Mapping[str, Any]]

AUTHORS = 1_000
YEARS = timedelta(days=5 * 365)
ROWS_PER_INSERT = 50_000
# One in WITH_PICTURE posts has a picture, one in IN_CAMPAIGN a picture of a campaign, and one in
# REPORTED has reports, at most MOST_REPORTS.
WITH_PICTURE, IN_CAMPAIGN, REPORTED = 3, 20, 50
MOST_REPORTS = 7
# Each advertisement of the campaigns has copies whose hashes differ from it in one bit.
ADVERTISEMENTS, COPIES = 10, 10
HASH_BITS = 256
# Another moderator has two drafts, each of every IN_DRAFT-th post: 50,000 of a million.
DRAFTS, IN_DRAFT, POSTS_PER_BATCH = 2, 20, 500
# A removal a month ago deleted one picture of the campaigns for every IN_REMOVAL posts.
IN_REMOVAL, REMOVED_AGO = 100, timedelta(days=30)
LIST = "unfiltered"


def filters(_folder: Path, size: Size) -> Figures:
    """Measure the seconds of the first page with each filter, and compare it with no filter."""
    _fill(size.changelist_posts)
    client, path = AdminClient(), reverse("admin:posts_post_changelist")
    client.get(path)  # compiles the templates and caches the theme
    urls = {LIST: "", **{name: f"?{query}" for name, query in _queries().items()}}
    pages = {name: partial(_seconds, client, path + query) for name, query in urls.items()}
    seconds = medians(pages, rounds=size.rounds)
    slowest = max(value for name, value in seconds.items() if name != LIST)
    return {**seconds, "slowest_seconds": slowest, "slowest_ratio": slowest / seconds[LIST]}


# The same benchmark for SQLite; the catalogue sets the database of each.
filters_sqlite = filters


def _queries() -> dict[str, str]:
    """Return the parameters of each filter by the name of its figure."""
    advertisement = PostImage.objects.filter(sha256=_sha256(0)).order_by()[:1].get()
    author = Post.objects.order_by("-created_at")[:1].get().author.get_username()
    return {
        "one_report": "reported=1",
        "few_reports": "reported=2-4",
        "many_reports": "reported=5-or-more",
        "shared_pictures": "shares=reported",
        "same_picture": f"picture={advertisement.sha256}",
        "similar_pictures": f"like={advertisement.perceptual_hash}",
        "last_day": "created_at__within=day",
        "last_week": "created_at__within=week",
        "author_last_day": f"author={author}&created_at__within=day",
        "author_last_week": f"author={author}&created_at__within=week",
        "not_in_drafts": "others_draft=no",
        "reported_not_in_drafts": "reported=yes&others_draft=no",
        "removed_pictures": f"same_as_removal={Removal.objects.get(state=RemovalState.DONE).pk}",
    }


def _seconds(client: AdminClient, url: str) -> float:
    seconds, _ = client.get(url)
    return seconds


def _fill(posts: int) -> None:
    """Insert the rows, then create the search indexes: filling those row by row takes minutes."""
    if connection.vendor == "postgresql":
        call_command("migrate", "posts", "0001", verbosity=0)
    names = [f"user_{number}" for number in range(AUTHORS)]
    authors = User.objects.bulk_create(User(username=name) for name in names)
    keys = [author.pk for author in authors]
    _insert(Post, _posts(posts, keys))
    first = Post.objects.order_by("pk")[:1].get().pk  # the keys are consecutive
    _insert(PostImage, _pictures(posts, first))
    _insert(Report, _reports(posts, first, keys))
    _insert(RemovalBatch, _batches(posts, first))
    _insert(AuditEntry, _entries(posts))
    call_command("migrate", verbosity=0)
    database.save()


def _insert(model: type[Model], rows: Iterator[Mapping[str, Any]]) -> None:
    while part := list(islice(rows, ROWS_PER_INSERT)):
        with transaction.atomic():
            insert(model, part, using="default")


def _posts(posts: int, authors: list[int]) -> Iterator[Mapping[str, Any]]:
    now = timezone.now()
    for number in range(posts):
        yield {
            "author_id": authors[number % AUTHORS],
            "title": f"Post number {number}",
            "body": f"words of a post {number} " * 5,
            "created_at": now - YEARS * (number / posts),
        }


def _pictures(posts: int, first: int) -> Iterator[Mapping[str, Any]]:
    """Yield the pictures: those of campaigns are shared, all others different."""
    generator = random.Random(0)  # noqa: S311 - the same hashes each time
    hashes = [generator.getrandbits(HASH_BITS) for _ in range(ADVERTISEMENTS)]
    for number in range(posts):
        if number % IN_CAMPAIGN == 0:
            copy = number // IN_CAMPAIGN % (ADVERTISEMENTS * COPIES)
            sha256, found = _sha256(copy), hashes[copy // COPIES] ^ (1 << copy % COPIES)
        elif number % WITH_PICTURE == 0:
            sha256, found = _sha256(posts + number), generator.getrandbits(HASH_BITS)
        else:
            continue
        yield {
            "post_id": first + number,
            "image": content.name_of(number, 0, ".jpg"),
            "thumbnail": content.name_of(number, 0, "-thumb.webp"),
            "sha256": sha256,
            "size": len(content.CONTENT),
            "width": 800,
            "height": 600,
            "perceptual_hash": f"{found:064x}",
        }


def _reports(posts: int, first: int, reporters: list[int]) -> Iterator[Mapping[str, Any]]:
    for number in range(0, posts, REPORTED):
        for reporter in reporters[: number // REPORTED % MOST_REPORTS + 1]:
            yield {"post_id": first + number, "reporter_id": reporter, "reason": "spam"}


def _batches(posts: int, first: int) -> Iterator[Mapping[str, Any]]:
    """Yield the batches of another moderator's drafts, which are inserted as well."""
    actor = User.objects.create(username="moderator_2", is_staff=True)
    for offset in range(DRAFTS):
        draft = _removal(actor)
        keys = range(first + offset, first + posts, IN_DRAFT)
        for start in range(0, len(keys), POSTS_PER_BATCH):
            batch = keys[start : start + POSTS_PER_BATCH]
            frozen = [[key, hashlib.sha256(b"%d" % key).hexdigest()] for key in batch]
            yield {
                "removal_id": draft.pk,
                "number": start // POSTS_PER_BATCH + 1,
                "frozen": frozen,
                "objects_total": len(batch),
            }


def _entries(posts: int) -> Iterator[Mapping[str, Any]]:
    """Yield the audit entries of a removal, which is inserted as well."""
    then = timezone.now() - REMOVED_AGO
    removal = _removal(content.moderator(), state=RemovalState.DONE, confirmed_at=then)
    for number in range(posts // IN_REMOVAL):
        name = content.name_of(posts + number, 0, ".jpg")
        yield {
            "storage": "default",
            "key": name,
            "name": name,
            "sha256": _sha256(number % (ADVERTISEMENTS * COPIES)),
            "object_label": PostImage._meta.label,
            "object_key": str(posts + number),
            "removal_id": removal.pk,
            "state": EntryState.ERASED,
            "due_at": then,
            "recorded_at": then,
            "erased_at": then,
        }


def _removal(actor: User, **columns: Any) -> Removal:
    same = {"model_label": Post._meta.label, "actor_name": actor.username, "actor_is_staff": True}
    return Removal.objects.create(actor=actor, **same, **columns)


def _sha256(number: int) -> str:
    return f"{number:064x}"
