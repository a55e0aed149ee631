"""How users delete: without moderators, and sometimes in a transaction that rolls back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib.auth.models import User as Account
from django.db import models, transaction
from django.db.models import QuerySet
from django.forms import inlineformset_factory

from tests.faults.workload.expected import ExpectedFailures, InVainError
from tests.faults.workload.file_models import DOCUMENT, PARENTS, PICTURE, REGISTERED, FileModel, Row
from tests.faults.workload.state import State

MOST_ROWS = 6


class Deletions(State):
    """Deletions by querysets, instances, a proxy, a formset and cascades."""

    def _chosen(self) -> list[Row]:
        rows = self.some(self.dice.choice(REGISTERED), MOST_ROWS)
        if rows:
            self._announce(rows)
        return rows

    def _announce(self, rows: Sequence[Row]) -> None:
        self.journal.deletes(rows[0].file_model.label, [row.key for row in rows if row.key])

    def delete_all_documents(self) -> None:
        """Delete all documents of this user, so that many names become free."""
        rows = [row for row in self.rows.values() if row.file_model is DOCUMENT]
        if rows:
            self._announce(rows)
            with ExpectedFailures():
                _rows_of(rows).delete()

    def delete_by_queryset(self) -> None:
        """Delete rows of one model with a queryset."""
        if rows := self._chosen():
            with ExpectedFailures():
                _rows_of(rows).delete()

    def delete_by_instance(self) -> None:
        """Delete rows one by one, or instances that were loaded some time ago."""
        rows = self._chosen()
        for row in rows:
            with ExpectedFailures():
                row.file_model.rows().get(pk=row.key).delete()
        if self.stale and self.dice.random() < 0.5:
            instance, row = self.dice.choice(list(self.stale))
            self._announce([row])
            with ExpectedFailures():
                instance.delete()
                # Django clears the key of a deleted instance; saved again, it would be a new row.
                self.stale.remove((instance, row))

    def delete_by_proxy(self) -> None:
        """Delete documents through a proxy that was declared late."""
        from tests.faults.workload.site.late import LateDocument

        if rows := self.some(DOCUMENT, MOST_ROWS):
            self._announce(rows)
            with ExpectedFailures():
                QuerySet(LateDocument).filter(pk__in=[row.key for row in rows]).delete()

    def delete_by_formset(self) -> None:
        """Delete the pictures of a post, or the documents of a folder, by an inline formset."""
        file_model = self.dice.choice([PICTURE, DOCUMENT])
        rows = self.some(file_model, 1)
        if not rows or file_model.parent_model is None:
            return
        parent: models.Model | None = (
            QuerySet(file_model.parent_model).filter(pk=rows[0].parent).first()
        )
        if parent:
            with ExpectedFailures():
                self._delete_by_formset(file_model, parent)

    def _delete_by_formset(self, file_model: FileModel, parent: models.Model) -> None:
        form = inlineformset_factory(
            type(parent), file_model.model, fields=[file_model.harmless], extra=0, can_delete=True
        )
        shown: Any = form(instance=parent)
        data: dict[str, Any] = {
            f"{shown.prefix}-TOTAL_FORMS": len(shown.forms),
            f"{shown.prefix}-INITIAL_FORMS": len(shown.forms),
        }
        for each in shown.forms:
            data[f"{each.prefix}-id"] = each.instance.pk
            data[f"{each.prefix}-{file_model.harmless}"] = 7
            data[f"{each.prefix}-DELETE"] = "on"
        self.journal.deletes(file_model.label, [each.instance.pk for each in shown.forms])
        sent: Any = form(data, instance=parent)
        if sent.is_valid():  # a row that was removed in between makes it invalid
            with transaction.atomic():
                sent.save()

    def delete_parent(self) -> None:
        """Delete a post or a folder with all that belongs to it."""
        label, model = self.dice.choice(list(PARENTS.items()))
        if not (known := list(self.parents[label])):
            return
        keys = self.dice.sample(known, min(len(known), self.dice.randint(1, 2)))
        self.journal.deletes(label, keys)
        with ExpectedFailures():
            if self.dice.random() < 0.5:
                QuerySet(model).filter(pk__in=keys).delete()
            else:
                QuerySet(model).get(pk=keys[0]).delete()

    def delete_owner(self) -> None:
        """Delete an account with everything it wrote."""
        owner = self.owner()
        for label, known in self.parents.items():
            self.journal.deletes(label, [key for key, by in known.items() if by == owner])
        with ExpectedFailures():
            Account.objects.get(pk=owner).delete()
            self.owners.remove(owner)

    def delete_in_vain(self) -> None:
        """Delete rows, then roll back."""
        if rows := self.some(self.dice.choice(REGISTERED), MOST_ROWS):
            self._rolled_back(_rows_of(rows).delete)

    def delete_after_savepoint(self) -> None:
        """Delete some rows in a savepoint that is rolled back, and others after it."""
        kept, rows = self.some(self.dice.choice(REGISTERED), 3), self._chosen()
        with ExpectedFailures(), transaction.atomic():
            if kept:
                self._rolled_back(_rows_of(kept).delete)
            if rows:
                _rows_of(rows).delete()

    def delete_again_after_rollback(self) -> None:
        """Delete by a queryset, roll back, and delete by the same queryset."""
        if rows := self._chosen():
            same = _rows_of(rows)
            self._rolled_back(same.delete)
            with ExpectedFailures():
                same.delete()

    def _rolled_back(self, delete: Callable[[], object]) -> None:
        with ExpectedFailures(), transaction.atomic():
            delete()
            raise InVainError


def _rows_of(rows: Sequence[Row]) -> QuerySet[Any]:
    return rows[0].file_model.rows().filter(pk__in=[row.key for row in rows])
