"""How several rows come to name one file, and how a row comes to name that of a removed one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction

from tests.faults.workload.expected import ExpectedFailures, InVainError
from tests.faults.workload.file_models import DOCUMENT, OUTSIDE, REGISTERED, SHEET, Row
from tests.faults.workload.journal import File
from tests.faults.workload.site.models import Quote
from tests.faults.workload.state import State

NOTHING = {"file": File("", "")}
MOST_COPIES = 4


class Sharing(State):
    """Rows that name files of other rows.

    Where Django sends no signal, and where a transaction lasts for a while, the other row is locked
    until the commit: without that, nobody can promise that its file is still there.
    """

    @contextmanager
    def _locked(self, row: Row) -> Iterator[Any]:
        """Lock a row that is as the user remembers it; raise InVainError where it is not."""
        with transaction.atomic():
            instance = row.file_model.rows().select_for_update().filter(pk=row.key).first()
            if instance is None or not row.matches(instance):
                raise InVainError
            yield instance

    def share(self) -> None:
        """Save a copy of a row, which names the same files."""
        if not (row := self.one(*REGISTERED)):
            return
        copy = row.like(self.parent_for(row.file_model))
        instance = copy.instance()
        with ExpectedFailures(lambda error: self.failed(copy, error), reuses_key=True):
            with self._locked(row):
                instance.save()
            self.committed(copy, instance.pk, created=True)

    def share_in_bulk(self) -> None:
        """Create copies of a row without a signal."""
        if not (row := self.one(*REGISTERED)):
            return
        copy = row.like(self.parent_for(row.file_model))
        instances = [copy.instance() for _ in range(self.dice.randint(1, MOST_COPIES))]
        with ExpectedFailures():
            with self._locked(row):
                row.file_model.rows().bulk_create(instances)
            for instance in instances:
                self.committed(copy, instance.pk, created=True)

    def share_by_update(self) -> None:
        """Make a document name the file of another one, without a signal."""
        row, other = self.one(DOCUMENT), self.one(DOCUMENT)
        if not row or not other or row is other or other.key is None:
            return
        with ExpectedFailures():
            with self._locked(row):
                found = DOCUMENT.rows().filter(pk=other.key).update(file=row.files["file"].key)
            if found:
                named = Row(DOCUMENT, None, row.files, other.parent)
                self.committed(named, other.key, created=False, signalled=False)

    def move(self) -> None:
        """Move a file from one document to a new one."""
        if not (row := self.one(DOCUMENT)) or row.key is None:
            return
        copy = row.like(self.parent_for(DOCUMENT))
        new = copy.instance()
        with ExpectedFailures(lambda error: self.failed(copy, error), reuses_key=True):
            with self._locked(row) as old:
                new.save()
                old.file = ""
                old.save(update_fields=["file"])
            self.committed(copy, new.pk, created=True)
            self.committed(Row(DOCUMENT, None, NOTHING, row.parent), row.key, created=False)

    def name_from_outside(self) -> None:
        """Name the file of a row in a model that is not registered."""
        if not (row := self.one(*REGISTERED)):
            return
        file_model, file = self.dice.choice(OUTSIDE), next(iter(row.files.values()))
        key = file.key
        if file_model.model is Quote:
            folder, _, name = key.rpartition("/")
            key = self.dice.choice([key, f"./{key}", f"{folder}//{name}"])
        named = Row(file_model, None, {"file": File(key, file.sha256, file.others)})
        instance = named.instance()
        with ExpectedFailures():
            with self._locked(row):
                instance.save()
            self.committed(named, instance.pk, created=True)

    def forget_outside(self) -> None:
        """Delete rows of such a model, or clear their file names."""
        file_model = self.dice.choice(OUTSIDE)
        for row in self.some(file_model, 3):
            if row.key is None:
                continue
            rows = file_model.rows().filter(pk=row.key)
            if self.dice.random() < 0.5:
                rows.delete()
                self.forget(file_model.label, row.key)
                # Where another row was given another file before, this was the last to name it.
                self.abandon(row, "nobody names it")
            elif rows.update(file=""):
                self.committed(
                    Row(file_model, None, NOTHING), row.key, created=False, signalled=False
                )

    def put_into_bin(self) -> None:
        """Hide a row from its own managers."""
        for row in self.some(SHEET, 1):
            SHEET.rows().filter(pk=row.key).update(binned=True)

    def use_removed(self) -> None:
        """Save a new row that names the files of a removed one; it may be refused."""
        if not (copy := self._like_removed()):
            return
        # Another row that names the file may be deleted during a transaction: a known limitation.
        if self.named().intersection(copy.names()) or self.dice.random() < 0.5:
            self.save(copy.instance(), copy, reuses_key=True)
            return
        instance = copy.instance()
        with ExpectedFailures(lambda error: self.failed(copy, error), reuses_key=True):
            with transaction.atomic():
                instance.save()
            self.committed(copy, instance.pk, created=True)

    def use_removed_in_vain(self) -> None:
        """Save such a row in a transaction that rolls back."""
        if not (copy := self._like_removed()):
            return
        with ExpectedFailures(reuses_key=True), transaction.atomic():
            copy.instance().save()
            raise InVainError

    def _like_removed(self) -> Row | None:
        fit = [row for row in self.removed if row.file_model in REGISTERED and row.has_own_files()]
        if not fit:
            return None
        row = self.dice.choice(fit)
        return self._leniently(row.like(self.parent_for(row.file_model)))

    def save_stale(self) -> None:
        """Save instances that were loaded some time ago; their rows or parents may be gone."""
        for instance, row in self.dice.sample(list(self.stale), min(3, len(self.stale))):
            if row.file_model is SHEET:
                continue  # Django does not find the hidden row and inserts it again
            column = row.file_model.harmless
            setattr(instance, column, getattr(instance, column) + 1)
            self.save(instance, self._leniently(row), reuses_key=True)

    def _leniently(self, row: Row) -> Row:
        """Accept any content that the user stored under the row's names, which may be reused."""
        files = {
            field: File(file.key, file.sha256, tuple(self.stored[file.key][-20:]))
            for field, file in row.files.items()
        }
        return Row(row.file_model, row.key, files, row.parent)
