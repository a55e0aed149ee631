"""Links from a group of a draft to the list of all objects with its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from moderation.admin.display import Viewer
from moderation.admin.picture_parameters import PictureParameters
from moderation.admin.removals.object_permissions import admin_of
from moderation.cascade.batches import model_of
from moderation.models import Removal
from moderation.picture_groups.groups import PictureGroup
from moderation.picture_groups.similar import hash_of


@dataclass(frozen=True, slots=True)
class PictureLinks:
    """The URLs of the lists of objects with the same picture and with similar ones, or ""."""

    same: str = ""
    similar: str = ""


def picture_links(viewer: Viewer, removal: Removal, group: PictureGroup) -> PictureLinks:
    """Return the links of a group, if the ModelAdmin of its objects declares their parameters.

    There are none if the viewer may not view the list. A group of nearly identical pictures has no
    link to the same picture, and a group without a perceptual hash has none to similar ones.
    """
    model_admin: Any = admin_of(viewer.site, removal)
    names: PictureParameters = getattr(model_admin, "picture_parameters", PictureParameters())
    url = viewer.list_url(model_admin.model) if any(names) else ""
    if not url:
        return PictureLinks()
    found = hash_of(group, model_of(removal)) if names.perceptual_hash else ""
    return PictureLinks(
        same=_link(url, names.sha256, "" if group.is_near else group.key),
        similar=_link(url, names.perceptual_hash, found),
    )


def _link(url: str, name: str, value: str) -> str:
    return f"{url}?{urlencode({name: value})}" if name and value else ""
