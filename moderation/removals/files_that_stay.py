"""The files of a draft that stay after its deletion, because rows outside the draft use them.

They are searched for when the page is shown, so that they follow each Keep and each change of other
rows. In a large draft, only the files of the objects that the page lists are searched for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from moderation.cascade import make_plan
from moderation.cascade.batches import model_of
from moderation.cascade.tree import branches_of
from moderation.exceptions import TooManyRows
from moderation.models import AuditEntry, FrozenKeys, Removal, batch_numbers, has_exact_keys
from moderation.references.other_rows import usage_by_other_rows
from moderation.references.queries import IgnoredRows
from moderation.references.search import NONE_IGNORED

# The most rows, and the most files, of a draft whose files are searched for when its page is shown.
# Twice those of one batch: a page that reads them still takes well under a second.
MAX_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class FilesThatStay:
    """The number of files that other rows use, and one of these rows for each file, each row once.

    A row is named as by `Usage`. `unknown` is the number of files that could not be searched for.
    """

    total: int
    users: list[str]
    unknown: int


def can_search_all(removal: Removal) -> bool:
    """Return whether a draft is small enough to search for all its files at once."""
    return sum(removal.rows_by_model.values()) <= MAX_ROWS and removal.files_total <= MAX_ROWS


def files_that_stay(removal: Removal) -> FilesThatStay | None:
    """Return the files of a whole draft that rows outside it use now.

    Returns None if the draft has grown too large since the freeze. Runs the same queries for any
    number of files. The caller must have checked `can_search_all` first.
    """
    to_python = model_of(removal)._meta.pk.to_python
    frozen = removal.batches.order_by("number").values_list("frozen", flat=True)
    keys = [to_python(key) for pairs in frozen for key, _digest in pairs]
    return _search(removal, keys, NONE_IGNORED)


def files_of_objects_that_stay(removal: Removal, keys: Collection[Any]) -> FilesThatStay | None:
    """Return the files of some objects of a draft that rows outside the whole draft use now.

    Leaves out objects that are not selected. Returns None if none is, if SQL cannot tell which rows
    belong to the draft, or if the objects have too many rows.
    """
    numbers, condition = batch_numbers(removal, keys), _selected_rows(removal)
    selected = [key for key in keys if str(key) in numbers]
    return _search(removal, selected, condition) if selected and condition else None


def _search(removal: Removal, keys: Collection[Any], ignored: IgnoredRows) -> FilesThatStay | None:
    using = AuditEntry.objects.db
    try:
        plan = make_plan(model_of(removal), list(keys), using=using, limit=MAX_ROWS)
    except TooManyRows:
        return None
    usages = usage_by_other_rows(plan.files.keys(), ignored=ignored).values()
    return FilesThatStay(
        total=sum(len(usage.users) for usage in usages),
        users=list(dict.fromkeys(user for usage in usages for user in usage.users.values())),
        unknown=sum(len(usage.unknown) for usage in usages),
    )


def _selected_rows(removal: Removal) -> IgnoredRows | None:
    """Return the condition for the rows with files that belong to a draft, by their model."""
    model = model_of(removal)
    branches = branches_of(model) if has_exact_keys(model) else None
    owning = [branch for branch in branches or () if branch.owner]
    if not owning or any(branch.is_generic for branch in owning):
        return None
    keys = FrozenKeys(removal, model)
    return {branch.model: Q(**{f"{branch.lookup}__in": keys}) for branch in owning}
