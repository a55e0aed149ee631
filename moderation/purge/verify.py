"""Verify that erased keys are absent from storage.

A reported deletion is not sufficient: S3 reports it for keys that never existed too. Some adapters
verify each key right after erasing it, so that its entry already has `verified_at`. All other keys
are verified here, when there is no other work.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

from moderation import conf
from moderation.db.server_time import DatabaseNow
from moderation.models import AuditEntry, StorageIdentity
from moderation.models.states import FOUND_AGAIN
from moderation.purge.storage_problems import clear_problem
from moderation.redaction import clean
from moderation.storage import Adapter, WrongStorage, opened_adapter, verify_identity
from moderation.storage.transactions import refuse_inside_transaction

logger = logging.getLogger(__name__)

# How long a storage that cannot be searched is not searched again. It may never allow a listing.
PAUSE = timedelta(minutes=10)
# Seconds for which names are checked one by one after an error. The storage may refuse all of them,
# or take a minute for each.
ONE_BY_ONE_FOR = 5.0

# Whether each name that was checked is absent, or the storage's error.
Answers = Mapping[str, bool | Exception]


def verify_erased_files() -> bool:
    """Check one page of erased keys of each storage, and record when they were absent.

    Return whether something was recorded. If a key exists, the detail of its entry says so, since
    its state is final. Keys for which the storage raises an error are checked again after `PAUSE`,
    once all newer ones were checked. A storage that is not the right one, or answers for no key, is
    checked again after `PAUSE` too. Its StorageIdentity says why. Raises RuntimeError inside a
    transaction.
    """
    refuse_inside_transaction()
    storages = StorageIdentity.objects.exclude(verify_at__gt=DatabaseNow())
    recorded = [_verify(storage) for storage in storages.order_by("alias")]
    return any(recorded)


def _verify(storage: StorageIdentity) -> bool:
    """Check a page of erased keys of one storage; return whether something was recorded."""
    unverified = AuditEntry.objects.unverified().in_storage(storage.alias, storage.identity)
    oldest = unverified.filter(pk__gt=storage.verify_after).order_by("pk")
    names = dict(oldest.values_list("pk", "name")[: conf.request_keys()])
    if not names and not storage.verify_after:
        return False
    try:
        answers = _answers(storage, list(dict.fromkeys(names.values()))) if names else {}
    except Exception as error:  # noqa: BLE001 - any storage's error; it says nothing about the keys
        _report(storage, error)
        StorageIdentity.objects.filter(pk=storage.pk).update(verify_at=DatabaseNow(PAUSE))
        return False
    recorded = _record({pk: answers[name] for pk, name in names.items() if name in answers})
    unchecked = [pk for pk, name in names.items() if name not in answers]
    is_end = not unchecked and len(names) < conf.request_keys()
    last = 0 if is_end else min(unchecked) - 1 if unchecked else max(names)
    _continue_after(storage, last, answers, pause=is_end or not recorded)
    return recorded


def _answers(storage: StorageIdentity, names: Sequence[str]) -> Answers:
    """Return the storage's answers about the names. The storage is verified before and after.

    A key that is missing from another storage may still exist in the right one.
    """
    with opened_adapter(storage.alias) as adapter:
        verify_identity(storage.alias, storage.identity, adapter)
        try:
            answers: Answers = adapter.verify(names)
        except Exception:  # noqa: BLE001 - any storage's error; some names may have caused it
            answers = _one_by_one(adapter, names)
        verify_identity(storage.alias, storage.identity, adapter)
    return answers


def _one_by_one(adapter: Adapter, names: Sequence[str]) -> Answers:
    """Check one name after another for a few seconds, and at least one name."""
    answers: dict[str, bool | Exception] = {}
    until = time.monotonic() + ONE_BY_ONE_FOR
    for name in names:
        try:
            answers |= adapter.verify([name])
        except Exception as error:  # noqa: BLE001 - any storage's error
            answers[name] = error
        if time.monotonic() > until:
            break
    return answers


def _record(answers: Mapping[int, bool | Exception]) -> bool:
    """Record the answers about entries, apart from errors; return whether there were any."""
    entries = AuditEntry.objects.filter(verified_at=None)
    known = {pk for pk, answer in answers.items() if not isinstance(answer, Exception)}
    found = {pk for pk in known if not answers[pk]}
    entries.filter(pk__any_of=found).update(verified_at=DatabaseNow(), detail=FOUND_AGAIN)
    entries.filter(pk__any_of=known - found).update(verified_at=DatabaseNow())
    return bool(known)


def _continue_after(storage: StorageIdentity, last: int, answers: Answers, *, pause: bool) -> None:
    """Let the next page start after the entry `last`, if this page or an earlier one had errors.

    After the last page comes a pause, and then all that failed is checked again.
    """
    errors = {name: error for name, error in answers.items() if isinstance(error, Exception)}
    if not errors and not storage.verify_after:
        if storage.verify_at or storage.problem:
            clear_problem(storage.alias, unverifiable=True)
        return
    if errors:
        name = next(iter(errors))
        _report(storage, errors[name], name)
    verify_at = DatabaseNow(PAUSE) if pause else None
    StorageIdentity.objects.filter(pk=storage.pk).update(verify_after=last, verify_at=verify_at)


def _report(storage: StorageIdentity, error: Exception, name: str = "") -> None:
    """Save why keys, or the one with this name, are not verified; log new errors' tracebacks."""
    message = clean(f"{type(error).__name__}: {error}" + (f" ({name})" if name else ""))
    is_new = message != storage.unverifiable and not isinstance(error, WrongStorage)
    trace = error if is_new else None
    logger.warning("Unverified keys in storage %s. %s", storage.alias, message, exc_info=trace)
    StorageIdentity.objects.filter(pk=storage.pk).update(unverifiable=message)
