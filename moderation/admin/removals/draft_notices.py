"""Notices from a ModelAdmin for the author of a draft, to read before confirming it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from moderation.admin.display import Viewer, row_names
from moderation.admin.removals.object_permissions import admin_of, model_in_admin
from moderation.admin.removals.selected_objects import selected_objects
from moderation.cascade.batches import model_of
from moderation.cascade.preview import digest_of
from moderation.exceptions import RemovalError
from moderation.models import Removal, has_exact_keys

# The hidden field that says which notices the page showed.
NOTICES_FIELD = "notices"


@dataclass(frozen=True, slots=True)
class DraftNotice:
    """A notice about some of the selected objects: its title, and sentences.

    `keys` are the keys of the first few of these objects, which the page names; `others` is the
    number of the remaining ones.
    """

    title: str
    texts: Sequence[str]
    keys: Sequence[Any] = ()
    others: int = 0


def notices_of(viewer: Viewer, removal: Removal) -> list[DraftNotice]:
    """Return what `draft_notices(request, removal, selected)` of the removal's ModelAdmin returns.

    `selected` are the selected objects that the viewer may see. A ModelAdmin need not have the
    method. It is not called for a model whose keys SQL cannot compare.
    """
    hook = getattr(admin_of(viewer.site, removal), "draft_notices", None)
    if hook is None or not has_exact_keys(model_of(removal)):
        return []
    return list(hook(viewer.request, removal, selected_objects(viewer, removal)))


def notices_context(viewer: Viewer, removal: Removal) -> dict[str, Any]:
    """Return the notices with the names and URLs of their objects, and their digest."""
    notices = notices_of(viewer, removal)
    named = [
        {"notice": notice, "objects": list(_objects(viewer, removal, notice.keys))}
        for notice in notices
    ]
    return {"draft_notices": named, "notices_digest": _digest(notices)}


def check_notices(viewer: Viewer, removal: Removal, shown: str) -> None:
    """Raise RemovalError with the notices if they differ from those with the digest `shown`.

    If there are no notices left, nothing is raised.
    """
    notices = notices_of(viewer, removal)
    if notices and _digest(notices) != shown:
        again = _("Confirm again if you still want to remove these %(objects)s.")
        objects = model_of(removal)._meta.verbose_name_plural
        raise RemovalError(" ".join([*_texts(notices), again % {"objects": objects}]))


def _objects(viewer: Viewer, removal: Removal, keys: Collection[Any]) -> Iterator[dict[str, str]]:
    """Yield the name and the URL of each object."""
    names, model = row_names(removal, keys) if keys else {}, model_in_admin(viewer, removal)
    for key, name in names.items():
        yield {"name": name, "url": viewer.url_of(model, key)}


def _digest(notices: Sequence[DraftNotice]) -> str:
    return digest_of("\n".join(_texts(notices))) if notices else ""


def _texts(notices: Sequence[DraftNotice]) -> list[str]:
    return [text for notice in notices for text in notice.texts]
