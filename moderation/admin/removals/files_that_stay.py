"""The part of a draft's page that names the rows whose files stay, because they use them too."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from moderation.admin.display import Viewer
from moderation.admin.in_use import NamedRow, rows_of_users, without_repetitions
from moderation.admin.removals.object_permissions import visible_rows
from moderation.cascade.batches import model_of
from moderation.models import Removal
from moderation.removals.files_that_stay import (
    can_search_all,
    files_of_objects_that_stay,
    files_that_stay,
)
from moderation.removals.limits import MAX_NAMED


@dataclass(frozen=True, slots=True)
class UserOfFiles:
    """A row that uses files of a draft. Without a `url`, its name is its key."""

    model_name: str
    name: str
    url: str


def files_that_stay_context(
    viewer: Viewer, removal: Removal, previews: Iterable[Any]
) -> dict[str, Any]:
    """Return the number of files that stay, and at most MAX_NAMED rows that use them.

    In a large draft, counts only the files of the objects on the page.
    """
    if not removal.files_total:
        return {}
    is_complete, staying = can_search_all(removal), None
    if is_complete:
        staying = files_that_stay(removal)
    elif keys := _keys(removal, previews):
        staying = files_of_objects_that_stay(removal, keys)
    users = without_repetitions(staying.users if staying else ())
    return {
        "files_that_stay": staying,
        "has_searched_all_files": is_complete and staying is not None,
        "users_of_files": list(_users(viewer, users[:MAX_NAMED])),
        "other_users": len(users[MAX_NAMED:]),
    }


def _keys(removal: Removal, previews: Iterable[Any]) -> list[Any]:
    """Return the key of each object that the previews show, once."""
    to_python = model_of(removal)._meta.pk.to_python
    return list(dict.fromkeys(to_python(preview.object_key) for preview in previews))


def _users(viewer: Viewer, users: Collection[str]) -> Iterator[UserOfFiles]:
    """Yield each row once. What names no row is yielded as it is recorded."""
    rows = rows_of_users(users)
    visible = _visible(viewer, set(rows.values()))
    for row in dict.fromkeys(rows.values()):
        model_name = str(row.model._meta.verbose_name)
        if row in visible:
            yield UserOfFiles(model_name, row.name, viewer.url_of(row.model, row.key))
        else:
            yield UserOfFiles(model_name, str(row.key), "")
    yield from (UserOfFiles("", user, "") for user in users if user not in rows)


def _visible(viewer: Viewer, rows: Collection[NamedRow]) -> set[NamedRow]:
    """Return the rows that the viewer may see."""
    keys: dict[Any, set[Any]] = {}
    for row in rows:
        keys.setdefault(row.model, set()).add(row.key)
    shown = {model: visible_rows(viewer, model, keys[model]) for model in keys}
    return {row for row in rows if row.key in shown[row.model]}
