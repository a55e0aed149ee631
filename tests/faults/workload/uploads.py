"""How users upload files."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

from django.core.files.storage import default_storage

from moderation.exceptions import KeyTaken
from moderation.models import AuditEntry
from posts.images.uploads import put, uploads
from posts.models import Post, image_key, thumbnail_key
from tests.faults.workload.expected import ExpectedFailures, InVainError
from tests.faults.workload.file_models import BADGE, DOCUMENT, PHOTO, PICTURE, SHEET, FileModel, Row
from tests.faults.workload.journal import File
from tests.faults.workload.site import DEFAULT_BADGE
from tests.faults.workload.state import State, new_parent

MOST_PICTURES = 3
MOST_FREE_NAMES = 10


class Uploads(State):
    """Uploads with posts, by saving a model, and by saving a field."""

    def upload_pictures(self, *, in_vain: bool = False) -> None:
        """Write a post with pictures; with `in_vain`, its transaction rolls back at the end."""
        owner, saved = self.owner(), []
        with ExpectedFailures():
            with uploads():
                post = new_parent(Post, owner, self.name)
                post.save()
                for _ in range(self.dice.randint(1, MOST_PICTURES)):
                    row = self._picture(post.pk)
                    instance = row.instance()
                    instance.save()
                    saved.append((row, instance))
                if in_vain:
                    raise InVainError
            self.know_parent(post, owner)
            for row, instance in saved:
                self.committed(row, instance.pk, created=True)

    def upload_pictures_in_vain(self) -> None:
        """Write a post with pictures that rolls back: no file may stay."""
        self.upload_pictures(in_vain=True)

    def _picture(self, post: int) -> Row:
        files = {}
        for field, key in (("image", image_key), ("thumbnail", thumbnail_key)):
            content, sha256 = self.content(field)
            name = put(default_storage, key(None, "picture.jpg"), content)  # type: ignore[arg-type] # it reads no row
            files[field] = File(name, sha256)
        return Row(PICTURE, None, files, post)

    def upload_files(self) -> None:
        """Save a row of each of two models, with a file whose name is never reused."""
        for file_model in self.dice.sample((DOCUMENT, PHOTO, BADGE, SHEET), 2):
            name = f"{self.name}-{uuid.UUID(int=self.dice.getrandbits(128)).hex}.txt"
            if file_model is PHOTO:
                self._upload_photo(name)
            elif file_model is BADGE and self.dice.random() < 0.5:
                row = Row(BADGE, None, {"file": File(DEFAULT_BADGE, "")}, self.parent_for(BADGE))
                self.save(BADGE.model(folder_id=row.parent), row)
            else:
                self._upload(file_model, name)

    def upload_files_under_free_names(self) -> None:
        """Save documents under names that were used before, wherever one is free."""
        in_use = self.named()
        for number in self.dice.sample(range(self.names), MOST_FREE_NAMES):
            name = f"{self.name}-{number}.txt"
            key = f"documents/{name}"
            if key not in in_use and not default_storage.exists(key):
                self._upload(DOCUMENT, name)

    def _upload(self, file_model: FileModel, name: str) -> None:
        """Save a row with a content that is stored while it is saved."""
        parent = self.parent_for(file_model)
        content, sha256 = self.content(name)
        instance: Any = Row(file_model, None, {}, parent).instance()
        instance.file = content
        self._save_with_content(instance, file_model, sha256, parent)

    def upload_by_field(self) -> None:
        """Store a document by `FieldFile.save()`, which saves the row as well."""
        parent = self.parent_for(DOCUMENT)
        name = f"{self.name}-{self.dice.randrange(self.names)}.txt"
        instance: Any = Row(DOCUMENT, None, {}, parent).instance()
        self._save_by_field(instance, name, parent)

    def replace_file(self) -> None:
        """Replace the file of a document."""
        if not (row := self.one(DOCUMENT)):
            return
        instance: Any = DOCUMENT.rows().filter(pk=row.key).first()
        if instance is None:
            return
        name = f"{self.name}-{self.dice.randrange(self.names)}.txt"
        if self.dice.random() < 0.5:
            self._save_by_field(instance, name, row.parent)
            return
        content, sha256 = self.content(name)
        instance.file = content
        self._save_with_content(instance, DOCUMENT, sha256, row.parent)

    def _save_by_field(self, instance: Any, name: str, parent: int | None) -> None:
        content, sha256 = self.content(name)
        with ExpectedFailures(lambda error: self._in_vain(instance, sha256, error)):
            with _removed_during_upload(instance, name):
                instance.file.save(name, content)
            self._with_content(instance, DOCUMENT, sha256, parent)

    def _save_with_content(
        self, instance: Any, file_model: FileModel, sha256: str, parent: int | None
    ) -> None:
        with ExpectedFailures(lambda error: self._in_vain(instance, sha256, error)):
            with _removed_during_upload(instance, instance.file.name):
                instance.save()
            self._with_content(instance, file_model, sha256, parent)

    def _with_content(
        self, instance: Any, file_model: FileModel, sha256: str, parent: int | None
    ) -> None:
        key = instance.file.name
        self.stored[key].append(sha256)
        row = Row(file_model, None, {"file": File(key, sha256)}, parent)
        self.committed(row, instance.pk, created=self.created())

    def _in_vain(self, instance: Any, sha256: str, error: Exception) -> None:
        """Record that a content may be in storage without a row."""
        self.names += 1  # one of them may be blocked by it
        label, key = instance._meta.label, instance.file.name or ""
        for each in {key, f"documents/{key}"}:
            self.stored[each].append(sha256)
        self.journal.doubts(label, [key])
        self.journal.abandons(sha256, f"{type(error).__name__} while its row was saved")

    def _upload_photo(self, name: str) -> None:
        """Store a photo and its smaller size, then save the row."""
        parent, key = self.parent_for(PHOTO), f"photos/{name}"
        contents = {}
        for each in (key, f"{key}.small"):
            content, contents[each] = self.content(each)
            default_storage.save(each, content)
        row = Row(
            PHOTO, None, {"file": File(key, contents[key]), "": File(f"{key}.small",
            contents[f"{key}.small"])}, parent)  # fmt: skip
        instance = row.instance()
        if not self.save(instance, row):
            self.abandon(row, "its row was not saved")


@contextmanager
def _removed_during_upload(instance: Any, name: str) -> Iterator[None]:
    """Turn KeyTaken into InVainError if a removal recorded the key during this upload.

    A field searches the log before its storage searches for a free name. If a file is recorded,
    claimed and erased between the two, its name seems free (docs/limitations.md).
    """
    removed = AuditEntry.objects.filter(removal__isnull=False)  # a refused row is recorded as well
    similar = removed.filter(name__contains=PurePosixPath(name).stem)
    known = set(similar.values_list("pk", flat=True))
    try:
        yield
    except KeyTaken as error:
        own = removed.filter(name=instance.file.name).values_list("pk", flat=True)
        if known.issuperset(own):
            raise
        raise InVainError from error
