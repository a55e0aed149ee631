"""The objects outside of a draft that have a picture similar to those of a group."""

from __future__ import annotations

from dataclasses import dataclass

from moderation.admin.display import Viewer, row_names
from moderation.admin.removals.selected_objects import visible_keys
from moderation.cascade.batches import model_of
from moderation.models import Removal
from moderation.picture_groups.groups import Keys, PictureGroup
from moderation.picture_groups.similar import objects_with_similar

MAX_LINKED = 100  # as many as objects on a page


@dataclass(frozen=True, slots=True)
class SimilarObjects:
    """The number of objects that are not selected, and the names and URLs of the first ones."""

    total: int
    links: list[tuple[str, str]]

    @property
    def others(self) -> int:
        """Return the number of objects that have no link."""
        return self.total - len(self.links)


def similar_objects(
    viewer: Viewer, removal: Removal, group: PictureGroup, keys: Keys
) -> SimilarObjects:
    """Return the visible objects with a similar picture, except the selected ones: `keys`."""
    model = model_of(removal)
    objects = objects_with_similar(group, model, keys, visible_keys(viewer, removal))
    total = objects.count()
    first = objects.order_by("pk").values_list("pk", flat=True)[:MAX_LINKED] if total else []
    names = row_names(removal, first)
    return SimilarObjects(total, [(name, viewer.url_of(model, key)) for key, name in names.items()])
