"""The open drafts of other moderators that contain some of a draft's objects."""

from __future__ import annotations

from typing import Any

from moderation.admin.display import Viewer, count
from moderation.admin.others_drafts import draft_label
from moderation.models import Removal
from moderation.removals.limits import MAX_NAMED
from moderation.removals.others_drafts import overlaps


def other_drafts_context(viewer: Viewer, removal: Removal) -> dict[str, Any]:
    """Return the first of the other drafts, each with the number of objects that both contain."""
    found, is_complete = overlaps(removal, site=viewer.site.name)
    label = removal.model_label
    named = [(draft_label(draft), count(label, shared)) for draft, shared in found[:MAX_NAMED]]
    return {
        "other_drafts": named,
        "more_drafts": len(found) - len(named),
        "all_drafts_compared": is_complete,
    }
