"""Write imported posts batch by batch, and never the same post twice."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import router

from moderation.db.locks import IMPORT_LOCK, lock_until_commit
from posts.images.uploads import in_parallel, uploads
from posts.imports.images import ImportImages
from posts.imports.parse import Entry
from posts.models import Post, PostImage, Report

# The file has only the number of users who reported a post. Users with these names represent them.
REPORTER_NAME = "reporter_{}"

# An entry, and how many times the file has contained its post up to this line.
NumberedEntry = tuple[Entry, int]


@dataclass(slots=True)
class Tally:
    """What an import has written. In a dry run: what it would write, without the users."""

    added: int = 0
    existing: int = 0
    skipped: int = 0
    pictures: int = 0
    reports: int = 0
    users: int = 0


class Occurrences:
    """Counts, on disk, how often each post has occurred in the file, which may repeat a post.

    The n-th of equal lines is already imported if the database has n such posts.
    """

    def __init__(self) -> None:
        self._seen = sqlite3.connect("")  # a temporary file, deleted with the connection
        self._seen.execute("CREATE TABLE seen (post BLOB PRIMARY KEY, number) WITHOUT ROWID")

    def number(self, entries: Iterable[Entry]) -> list[NumberedEntry]:
        """Count one more occurrence of each post, and return the entries with these numbers."""
        return [(entry, self._count(_identity_of(entry))) for entry in entries]

    def _count(self, identity: bytes) -> int:
        (number,) = self._seen.execute(
            "INSERT INTO seen VALUES (?, 1)"
            " ON CONFLICT (post) DO UPDATE SET number = number + 1 RETURNING number",
            (identity,),
        ).fetchone()
        return int(number)

    def close(self) -> None:
        """Delete the counts."""
        self._seen.close()


def new_entries(batch: Sequence[NumberedEntry]) -> list[Entry]:
    """Return the entries of the batch that are not in the database yet.

    Posts are the same if author, title, body and time are equal.
    """
    stored = _stored([entry for entry, _ in batch])
    return [entry for entry, number in batch if number > stored[_identity_of(entry)]]


def write(batch: Sequence[NumberedEntry], images: ImportImages, tally: Tally) -> None:
    """Add the batch's new posts with users, pictures and reports: all of them, or none.

    Raises BadLineError if a picture has changed since it was validated; then nothing is written.
    """
    with uploads():
        # Each batch has to see the posts that other imports have added.
        lock_until_commit(IMPORT_LOCK, router.db_for_write(Post))
        entries = new_entries(batch)
        users, created = _users(entries)
        posts = Post.objects.bulk_create(
            Post(
                author_id=users[entry.author],
                title=entry.title,
                body=entry.body,
                created_at=entry.created_at,
            )
            for entry in entries
        )
        pairs = list(zip(entries, posts, strict=True))
        pictures = in_parallel(lambda pair: images.store(*pair), pairs)
        PostImage.objects.bulk_create(row for rows in pictures for row in rows)
        reports = [row for entry, post in pairs for row in _reports(entry, post, users)]
        Report.objects.bulk_create(reports)
    tally.users += created
    count(batch, entries, tally)


def count(batch: Sequence[NumberedEntry], new: Sequence[Entry], tally: Tally) -> None:
    """Add a batch to the tally; `new` are those of its entries that are not in the database."""
    tally.added += len(new)
    tally.existing += len(batch) - len(new)
    tally.pictures += sum(len(entry.images) for entry in new)
    tally.reports += sum(entry.reports for entry in new)


def _identity_of(entry: Entry) -> bytes:
    return _identity(entry.author, entry.title, entry.body, entry.created_at)


def _identity(author: str, title: str, body: str, created_at: datetime) -> bytes:
    text = "\0".join((author, title, body, created_at.astimezone(UTC).isoformat()))
    return hashlib.sha256(text.encode()).digest()


def _stored(batch: Sequence[Entry]) -> Counter[bytes]:
    """Return the number of stored posts for each identity in the batch."""
    posts = Post.objects.filter(
        author__username__in={entry.author for entry in batch},
        created_at__in={entry.created_at for entry in batch},
    )
    rows = posts.values_list("author__username", "title", "body", "created_at")
    return Counter(_identity(*row) for row in rows)


def _user_names(entries: Sequence[Entry]) -> set[str]:
    reporters = max((entry.reports for entry in entries), default=0)
    names = {REPORTER_NAME.format(number) for number in range(1, reporters + 1)}
    return names | {entry.author for entry in entries}


def _ids(names: Collection[str]) -> dict[str, Any]:
    return dict(get_user_model().objects.filter(username__in=names).values_list("username", "pk"))


def _users(entries: Sequence[Entry]) -> tuple[dict[str, Any], int]:
    """Return the keys of all users by name, and how many were created, without permissions."""
    users = get_user_model()
    names = _user_names(entries)
    missing = sorted(names - _ids(names).keys())
    users.objects.bulk_create(
        (users(username=name, password=make_password(None)) for name in missing),
        ignore_conflicts=True,  # someone may create the same user at the same time
    )
    return _ids(names), len(missing)


def _reports(entry: Entry, post: Post, users: dict[str, Any]) -> list[Report]:
    return [
        Report(
            post=post,
            reporter_id=users[REPORTER_NAME.format(number)],
            created_at=entry.created_at,  # the file has no time for reports
        )
        for number in range(1, entry.reports + 1)
    ]
