"""Moderators freeze, exclude, confirm, stop, resume and retry, at the same time as others."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User as Account
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, DataError, InternalError, ProgrammingError, connection, models
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse

from moderation.exceptions import ModerationError
from moderation.lifecycle.entries import retry as retry_entries
from moderation.lifecycle.removals import cancel, resume, retry, stop
from moderation.models import AuditEntry, Removal
from moderation.removals.draft import confirm
from moderation.removals.freeze import freeze
from moderation.removals.keep import exclude
from posts.models import Post
from tests.faults.workload.file_models import Files, files_of
from tests.faults.workload.journal import Journal
from tests.faults.workload.site.models import Document, Folder, Sheet

MODELS: tuple[type[models.Model], ...] = (Post, Post, Post, Folder, Document, Document, Sheet)
MOST_OBJECTS = 14  # several batches
# At most this many seconds between two confirmations that are to overlap.
TOGETHER = 0.02
SHARED = {
    Post: "SELECT a.post_id, b.post_id FROM posts_postimage a JOIN posts_postimage b "
    "ON a.image = b.image AND a.post_id < b.post_id",
    Document: "SELECT a.id, b.id FROM workload_document a JOIN workload_document b "
    "ON a.file = b.file AND a.id < b.id AND a.file <> ''",
}


class ExpectedErrors(AbstractContextManager[None]):
    """Ignores the errors that concurrent actors can cause for a moderator."""

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, (ProgrammingError, DataError, InternalError)):
            return False
        return isinstance(error, (ModerationError, DatabaseError, ObjectDoesNotExist))


class Moderator:
    """A superuser, because this does not test permissions."""

    def __init__(self, name: str, journal: Journal) -> None:
        self.journal = journal
        self.dice = random.Random()  # noqa: S311 - replaced at each step
        self.account = Account.objects.create_superuser(name)
        self.client = Client(headers={"host": "localhost"})
        self.client.force_login(self.account)
        self.drafts: deque[Removal] = deque(maxlen=6)

    def look(self) -> None:
        """Do nothing."""

    # Drafts

    def _frozen(self, model: type[models.Model], keys: Sequence[int]) -> Removal:
        rows: QuerySet[Any] = QuerySet(model).filter(pk__in=keys)
        before = files_of(model, keys)
        removal = freeze(rows, actor=self.account, permissions=[])
        self._note_frozen(removal.pk, model, keys, before)
        return removal

    def _note_frozen(
        self, removal: int, model: type[models.Model], keys: Sequence[int], before: Files
    ) -> None:
        """Record a draft with its files before and after the freeze, which happened in between."""
        label, previews = model._meta.label, [before, files_of(model, keys)]
        self.journal.note("frozen", removal=removal, label=label, keys=keys, previews=previews)

    def _selection(self) -> tuple[type[models.Model], list[int]]:
        """Choose objects; those of other moderators' drafts may be among them."""
        model = self.dice.choice(MODELS)
        keys = list(QuerySet(model).order_by("-pk").values_list("pk", flat=True)[:150])
        return model, self.dice.sample(
            keys, min(len(keys), self.dice.choice([1, 2, 4, MOST_OBJECTS]))
        )

    def draft(self) -> None:
        """Leave a draft for later."""
        with ExpectedErrors():
            self.drafts.append(self._frozen(*self._selection()))

    def _draft(self) -> Removal | None:
        if not self.drafts:
            return None
        removal = self.dice.choice(list(self.drafts))
        removal.refresh_from_db()
        return removal

    def exclude(self) -> None:
        """Take an object out of a draft."""
        if not (removal := self._draft()):
            return
        part = removal.batches.order_by("?").first()
        if part is None or not part.frozen:
            return
        key = self.dice.choice(part.frozen)[0]
        with ExpectedErrors():
            exclude(removal, seal=removal.seal, keys_by_batch=[(part.number, [str(key)])])
            self.journal.note(
                "excluded", removal=removal.pk, label=removal.model_label, keys=[int(key)]
            )

    def confirm_draft(self) -> None:
        """Confirm an older draft."""
        if removal := self._draft():
            self._confirm(removal)

    def cancel_draft(self) -> None:
        """Cancel a draft."""
        if removal := self._draft():
            with ExpectedErrors():
                cancel(removal)

    def _confirm(self, removal: Removal, *, late: float = 0) -> None:
        time.sleep(late)
        with ExpectedErrors():
            before = _files_of_draft(removal)
            try:
                difference = confirm(
                    removal,
                    actor=self.account,
                    seal=removal.seal,
                    reason="spam",
                    typed_count=str(removal.objects_total),
                )
            except Exception:
                self._note_refrozen(removal, before, is_certain=False)
                raise
            self.journal.note("confirmed", removal=removal.pk, differs=bool(difference))
            if difference:
                self._note_refrozen(removal, before, is_certain=True)

    def _note_refrozen(self, removal: Removal, before: Files, *, is_certain: bool) -> None:
        """Record that a confirmation froze what had changed again, or may have before an error."""
        if Removal.objects.filter(pk=removal.pk, state="draft").exists():
            previews = [before, _files_of_draft(removal)]
            self.journal.note("refrozen", removal=removal.pk, certain=is_certain, previews=previews)

    # Removals

    def remove(self) -> None:
        """Freeze and confirm immediately."""
        with ExpectedErrors():
            self._confirm(self._frozen(*self._selection()))

    def remove_sharers_concurrently(self) -> None:
        """Remove two objects that name one file at the same moment, in two removals."""
        model = self.dice.choice(list(SHARED))
        with connection.cursor() as cursor:
            cursor.execute(SHARED[model])
            pairs = cursor.fetchall()
        if not pairs:
            return
        drafts = []
        with ExpectedErrors():
            drafts = [self._frozen(model, [key]) for key in self.dice.choice(pairs)]
        if drafts:
            late = self.dice.uniform(0, TOGETHER)
            _concurrently(
                lambda: self._confirm(drafts[0]), lambda: self._confirm(drafts[1], late=late)
            )

    def _running(self, *states: str) -> Removal | None:
        found = list(Removal.objects.filter(state__in=states).order_by("-pk")[:10])
        return self.dice.choice(found) if found else None

    def stop(self) -> None:
        """Stop a removal of any moderator."""
        if removal := self._running("deleting"):
            with ExpectedErrors():
                stop(removal, actor=self.account)

    def resume(self) -> None:
        """Resume a stopped removal."""
        if removal := self._running("stopped"):
            with ExpectedErrors():
                resume(removal, actor=self.account)

    def retry(self) -> None:
        """Retry what failed in a removal."""
        if removal := self._running("deleting", "purging", "done", "stopped"):
            with ExpectedErrors():
                retry(removal, actor=self.account)

    def retry_everything(self) -> None:
        """Make all failed entries due again, with or without a removal."""
        with ExpectedErrors():
            retry_entries(AuditEntry.objects.all())

    # By the admin

    def remove_by_admin(self) -> None:
        """Select posts on the change list and confirm on the page that follows."""
        keys = list(Post.objects.order_by("-pk").values_list("pk", flat=True)[:100])
        if not keys:
            return
        chosen = self.dice.sample(keys, min(len(keys), self.dice.choice([1, 3, MOST_OBJECTS])))
        before = files_of(Post, chosen)
        action = {"action": "remove_selected", "_selected_action": chosen}
        sent = self._post(reverse("admin:posts_post_changelist"), action)
        number = sent.rstrip("/").split("/")[-2] if "/removal/" in sent else ""
        if not number.isdecimal():
            return  # all were gone already
        self._note_frozen(int(number), Post, chosen, before)
        removal = Removal.objects.get(pk=number)
        data = {"seal": removal.seal, "reason": "spam", "typed_count": removal.objects_total}
        self._post(reverse("admin:moderation_removal_confirm", args=[number]), data)
        self.journal.note("confirmed", removal=int(number), by_admin=True)

    def stop_by_admin(self) -> None:
        """Press the button that stops a removal."""
        if removal := self._running("deleting"):
            self._post(reverse("admin:moderation_removal_stop", args=[removal.pk]), {})

    def _post(self, address: str, data: dict[str, Any]) -> str:
        """Send a form; return where it leads. A busy database may refuse it."""
        response = None
        with ExpectedErrors():
            response = self.client.post(address, data)
            if response.status_code >= 400:
                raise AssertionError(f"{address} answered {response.status_code}")
        return str(response.headers.get("Location", "")) if response else ""

    # At the end

    def tidy(self) -> None:
        """Finish everything: cancel drafts, resume what was stopped, retry what failed."""
        for removal in Removal.objects.filter(state="draft"):
            cancel(removal)
        for removal in Removal.objects.filter(state="stopped"):
            resume(removal, actor=self.account)
        for removal in Removal.objects.filter(state__in=["deleting", "purging", "done"]):
            with ExpectedErrors():
                retry(removal, actor=self.account)
        retry_entries(AuditEntry.objects.all())


def _files_of_draft(removal: Removal) -> Files:
    """Return the current files of the objects that a draft holds."""
    batches = removal.batches.values_list("frozen", flat=True)
    keys = [key for frozen in batches for key, _digest in frozen]
    return files_of(apps.get_model(removal.model_label), keys)


def _concurrently(*acts: Callable[[], object]) -> None:
    together, errors = threading.Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        try:
            together.wait(60)
            act()
        except Exception as error:  # noqa: BLE001 - raised below, in the thread that asked
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
