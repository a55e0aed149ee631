"""The drafts and removals of other moderators that contain some of a draft's objects."""

from __future__ import annotations

from typing import Any

from moderation.admin.display import Viewer, count
from moderation.admin.others_drafts import removal_label
from moderation.models import Removal
from moderation.removals.limits import MAX_NAMED
from moderation.removals.others_drafts import overlaps


def other_drafts_context(viewer: Viewer, removal: Removal) -> dict[str, Any]:
    """Return the first of the other removals, each with the number of objects that both contain."""
    found, is_complete = overlaps(removal, site=viewer.site.name)
    label = removal.model_label
    named = [(removal_label(each), count(label, shared)) for each, shared in found[:MAX_NAMED]]
    return {
        "other_removals": named,
        "more_removals": len(found) - len(named),
        "all_removals_compared": is_complete,
    }
