"""What one user knows and remembers, and how their rows are saved and recorded."""

from __future__ import annotations

import hashlib
import random
import threading
from collections import defaultdict, deque
from typing import Any

from django.contrib.auth.models import User as Account
from django.core.files.base import ContentFile
from django.db import IntegrityError, models
from django.db.models.signals import post_save

from posts.models import Post
from tests.faults.workload.expected import ExpectedFailures, InVainError
from tests.faults.workload.file_models import FILE_MODELS, PARENTS, FileModel, Row
from tests.faults.workload.journal import Journal
from tests.faults.workload.site.models import Folder

# How many removed rows, and how many stale instances, a user remembers.
REMEMBERED = 80
MOST_PARENTS = 12

_noted = threading.local()


def connect() -> None:
    """Record for each saved row whether it was inserted, for the journal."""
    for file_model in FILE_MODELS.values():
        post_save.connect(_note_created, sender=file_model.model, weak=False)
    for parent in PARENTS.values():
        post_save.connect(_note_created, sender=parent, weak=False)


def _note_created(created: bool, **_: Any) -> None:
    _noted.created = created


class State:
    """A user's rows, by model and key, and what they remember of others."""

    def __init__(self, name: str, journal: Journal) -> None:
        self.name = name
        self.journal = journal
        self.dice = random.Random()  # noqa: S311 - replaced at each step
        self.owners: list[int] = []
        self.parents: dict[str, dict[int, int]] = {label: {} for label in PARENTS}
        self.rows: dict[tuple[str, int], Row] = {}
        self.removed: deque[Row] = deque(maxlen=REMEMBERED)
        self.stale: deque[tuple[models.Model, Row]] = deque(maxlen=REMEMBERED)
        self.stored: dict[str, list[str]] = defaultdict(list)  # what was stored under a key
        self.names = 24  # names that are reused again and again
        self._made = 0

    # Choosing

    def some(self, file_model: FileModel, most: int) -> list[Row]:
        """Choose up to `most` of the user's rows of a model."""
        rows = [row for row in self.rows.values() if row.file_model is file_model and row.names()]
        return self.dice.sample(rows, min(len(rows), self.dice.randint(1, most)))

    def one(self, *file_models: FileModel) -> Row | None:
        """Choose one of the user's rows with their own file."""
        rows = [
            row
            for row in self.rows.values()
            if row.file_model in file_models and row.has_own_files()
        ]
        return self.dice.choice(rows) if rows else None

    def named(self) -> set[str]:
        """Return the storage keys that the user's rows name."""
        return {file.key for row in self.rows.values() for file in row.files.values()}

    def parent_for(self, file_model: FileModel) -> int | None:
        """Choose or create a parent for a row of a model; return None if it needs none.

        Raises InVainError if none can be created.
        """
        if file_model.parent_model is None:
            return None
        known = self.parents[file_model.parent_model._meta.label]
        if known and (len(known) >= MOST_PARENTS or self.dice.random() < 0.7):
            return self.dice.choice(list(known))
        return self.new_parent(file_model.parent_model)

    def new_parent(self, model: type[models.Model]) -> int:
        """Create a post or a folder. Raises InVainError if that fails as a user can expect."""
        owner = self.owner()
        made = new_parent(model, owner, self.name)
        with ExpectedFailures():
            made.save()
            self.know_parent(made, owner)
            return int(made.pk)
        raise InVainError

    def know_parent(self, parent: models.Model, owner: int) -> None:
        """Record that a post or a folder was committed."""
        label = parent._meta.label
        self.parents[label][parent.pk] = owner
        self.journal.note("parent", label=label, key=parent.pk)

    def owner(self) -> int:
        """Choose or create an account."""
        while len(self.owners) < 3:
            self._made += 1
            account = Account.objects.create(username=f"{self.name}-{self._made}")
            self.owners.append(account.pk)
        return self.dice.choice(self.owners)

    def content(self, name: str) -> tuple[ContentFile[bytes], str]:
        """Return a new, unique content and its SHA-256."""
        self._made += 1
        data = f"{self._made} of {self.name} for {name}".encode()
        return ContentFile(data, name), hashlib.sha256(data).hexdigest()

    # Noting

    def committed(self, row: Row, key: int, *, created: bool, signalled: bool = True) -> None:
        """Record that a row was committed with its files.

        Without signals, or in a model that is not registered, replaced files are left behind.
        """
        known = Row(row.file_model, key, row.files, row.parent)
        before = self.rows.get((row.file_model.label, key))
        self.rows[row.file_model.label, key] = known
        self.journal.saved(
            row.file_model.label,
            key,
            row.files,
            created=created,
            signalled=signalled,
            parent=row.parent,
        )
        if before and not signalled:
            self.abandon(before, "its row names another file")

    def save(self, instance: models.Model, row: Row, *, reuses_key: bool = False) -> bool:
        """Save a row in autocommit mode; return whether that succeeded."""
        with ExpectedFailures(lambda error: self.failed(row, error), reuses_key=reuses_key):
            instance.save()
            self.committed(row, instance.pk, created=_noted.created)
            return True
        return False

    def failed(self, row: Row, error: Exception) -> None:
        """Record that saving a row failed, and whether it may exist or have existed nevertheless.

        In autocommit mode it is written before the last check of its keys, and a transaction is
        committed before their last check.
        """
        if not isinstance(error, (IntegrityError, InVainError)):
            self.journal.doubts(row.file_model.label, row.names())
        self.journal.note("failed", error=repr(error)[:200])

    def created(self) -> bool:
        """Return whether the row that this thread saved last was inserted."""
        return bool(_noted.created)

    def abandon(self, row: Row, why: str) -> None:
        """Record that files which a row no longer names belong to nobody, if that is the case."""
        named = self.named()
        for file in row.files.values():
            if file.key and file.key not in named:
                for sha256 in {file.sha256, *file.others}:
                    self.journal.abandons(sha256, why)

    def look(self) -> None:
        """Find the rows and parents that others removed, and load some that may become stale."""
        for file_model in FILE_MODELS.values():
            mine = [key for label, key in self.rows if label == file_model.label]
            there = set(file_model.rows().filter(pk__in=mine).values_list("pk", flat=True))
            for key in set(mine) - there:
                self.forget(file_model.label, key)
        for label, model in PARENTS.items():
            known = self.parents[label]
            there = set(models.QuerySet(model).filter(pk__in=known).values_list("pk", flat=True))
            for key in known.keys() - there:
                del known[key]
        self._load_some()

    def forget(self, label: str, key: int) -> None:
        """Move a row to the removed ones."""
        if row := self.rows.pop((label, key), None):
            self.removed.append(row)

    def _load_some(self) -> None:
        for row in self.dice.sample(list(self.rows.values()), min(4, len(self.rows))):
            instance = row.file_model.rows().filter(pk=row.key).first()
            if instance and row.file_model.harmless and row.matches(instance):
                self.stale.append((instance, row))


def new_parent(model: type[models.Model], owner: int, name: str) -> models.Model:
    """Return an unsaved post or folder."""
    if model is Post:
        return Post(author_id=owner, title=f"A post of {name}")
    return Folder(owner_id=owner, name=f"A folder of {name}"[:50])
