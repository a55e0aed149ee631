"""The part of a draft's page that says what changed since the preview."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from moderation.admin.display import Viewer, row_names
from moderation.admin.removals.object_permissions import model_in_admin, visible_to
from moderation.cascade.batches import model_of
from moderation.cascade.relations import deleted_with
from moderation.models import Removal
from moderation.registry import Registration, registration_for
from moderation.removals.draft import Difference
from moderation.removals.file_changes import FileChange
from moderation.removals.limits import MAX_NAMED
from moderation.templatetags.moderation_numbers import grouped


@dataclass(frozen=True, slots=True)
class ChangedObject:
    """An object that differs from the preview, and a phrase for each change of its files."""

    name: str
    url: str
    changes: list[str]


def difference_context(
    viewer: Viewer, removal: Removal, difference: Difference | None
) -> dict[str, Any]:
    """Return at most MAX_NAMED changed and MAX_NAMED deleted objects, and the number of others.

    The values can be stored in a session.
    """
    if not difference:
        return {}
    changed, deleted = difference.changed[:MAX_NAMED], difference.deleted[:MAX_NAMED]
    others = len(difference.changed) + len(difference.deleted) - len(changed) - len(deleted)
    return {
        "changed": list(map(asdict, _changed_objects(viewer, removal, difference))),
        "deleted": deleted,
        "others": others,
        "more_pictures": max(difference.pictures, 0),
        "fewer_pictures": max(-difference.pictures, 0),
        "refused": asdict(difference.refused) | {"others": difference.refused.others},
    }


def _changed_objects(
    viewer: Viewer, removal: Removal, difference: Difference
) -> Iterator[ChangedObject]:
    """Yield the first changed objects that the viewer may see."""
    model = model_in_admin(viewer, removal)
    to_python = model._meta.pk.to_python
    changes = {to_python(key): change for key, change in difference.file_changes.items()}
    names = row_names(removal, visible_to(viewer, removal, list(changes)))
    only_pictures = _has_only_pictures(model_of(removal))
    for key, change in changes.items():
        if key in names:
            phrases = list(_phrases(change, only_pictures=only_pictures))
            yield ChangedObject(names[key], viewer.url_of(model, key), phrases)


def _has_only_pictures(model: type[Model]) -> bool:
    """Return whether all files that are deleted with a model's objects are pictures."""
    owners = filter(None, map(registration_for, deleted_with(model)))
    return all(_owns_only_pictures(owner) for owner in owners)


def _owns_only_pictures(owner: Registration) -> bool:
    names = {field.name for field in owner.fields}
    return owner.extra_files is None and names <= {owner.picture, owner.thumbnail}


def _phrases(change: FileChange, *, only_pictures: bool) -> Iterator[str]:
    """Yield "1 picture fewer" and the like."""
    if change == FileChange():
        yield (
            _("the same pictures, but stored differently")
            if only_pictures
            else _("the same files, but stored differently")
        )
    for number, phrase in _numbers(change, only_pictures=only_pictures):
        if number:
            yield phrase % {"number": grouped(number)}


def _numbers(change: FileChange, *, only_pictures: bool) -> list[tuple[int, str]]:
    added, removed, replaced = change.added, change.removed, change.replaced
    if only_pictures:
        return [
            (added, ngettext("%(number)s picture added", "%(number)s pictures added", added)),
            (removed, ngettext("%(number)s picture fewer", "%(number)s pictures fewer", removed)),
            (
                replaced,
                ngettext("%(number)s picture replaced", "%(number)s pictures replaced", replaced),
            ),
        ]
    return [
        (added, ngettext("%(number)s file added", "%(number)s files added", added)),
        (removed, ngettext("%(number)s file fewer", "%(number)s files fewer", removed)),
        (replaced, ngettext("%(number)s file replaced", "%(number)s files replaced", replaced)),
    ]
