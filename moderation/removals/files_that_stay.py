"""The files of a draft that stay after its deletion, because rows outside the draft use them."""

from __future__ import annotations

from dataclasses import dataclass

from moderation.cascade import make_plan
from moderation.cascade.batches import model_of
from moderation.exceptions import TooManyRows
from moderation.models import AuditEntry, Removal
from moderation.references.other_rows import usage_by_other_rows

# The most rows, and the most files, of a draft whose files are searched for when its page is shown.
# Twice those of one batch: a page that reads them still takes well under a second.
MAX_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class FilesThatStay:
    """The number of files that other rows use, and one of these rows for each, without repetitions.

    A row is named as by `Usage`. `unknown` is the number of files that could not be searched for.
    """

    total: int
    users: list[str]
    unknown: int


def can_search(removal: Removal) -> bool:
    """Return whether a draft is small enough to search for all its files at once."""
    return sum(removal.rows_by_model.values()) <= MAX_ROWS and removal.files_total <= MAX_ROWS


def files_that_stay(removal: Removal) -> FilesThatStay | None:
    """Return the files of a draft that rows outside it use now.

    Returns None if the draft is too large, or has grown too large since the freeze. Runs the same
    queries for any number of files.
    """
    if not can_search(removal):
        return None
    to_python = model_of(removal)._meta.pk.to_python
    frozen = removal.batches.order_by("number").values_list("frozen", flat=True)
    keys = [to_python(key) for pairs in frozen for key, _digest in pairs]
    try:
        plan = make_plan(model_of(removal), keys, using=AuditEntry.objects.db, limit=MAX_ROWS)
    except TooManyRows:
        return None
    usages = usage_by_other_rows(plan.files.keys()).values()
    return FilesThatStay(
        total=sum(len(usage.users) for usage in usages),
        users=list(dict.fromkeys(user for usage in usages for user in usage.users.values())),
        unknown=sum(len(usage.unknown) for usage in usages),
    )
