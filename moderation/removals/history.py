"""The changes of a draft's selection, which tell users what changed since they opened its page.

Each change stores the seal before it. For a page with that seal, it and all later changes are new.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.apps import apps
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from moderation.models import Removal
from moderation.templatetags.moderation_numbers import grouped

# The most changes that a draft stores, and the most keys in each; further objects are counted.
MAX_CHANGES, MAX_KEYS = 50, 5

# The changes, as they are stored.
EXCLUDED, RETURNED, ADDED, ADD_UNDONE = "excluded", "returned", "added", "add undone"
CHANGED, DELETED, REFUSED = "changed", "deleted", "refused"


def record_change(removal: Removal, change: str, keys: Sequence[Any]) -> None:
    """Add a change to a draft's history without saving it. Call this before the draft is resealed.

    Takes the keys of all changed objects, and stores the first MAX_KEYS of them.
    """
    stored, total = list(keys[:MAX_KEYS]), len(keys)
    item = {"seal": removal.seal, "change": change, "keys": stored, "total": total}
    removal.history = [*removal.history, item][-MAX_CHANGES:]


def changes_since(removal: Removal, seal: str) -> list[str]:
    """Return a phrase for each change since the draft last had this seal; none if it never had it.

    A draft has a seal again if an object was kept and returned.
    """
    seals = [item["seal"] for item in removal.history]
    if seal not in seals:
        return []
    start = len(seals) - 1 - seals[::-1].index(seal)
    while start and seals[start - 1] == seal:  # changes that were recorded together
        start -= 1
    return [_phrase(removal, item) for item in removal.history[start:]]


def _phrase(removal: Removal, item: dict[str, Any]) -> str:
    count, meta = item["total"], apps.get_model(removal.model_label)._meta
    phrase = PHRASES[item["change"]](count) % {
        "count": grouped(count),
        "objects": meta.verbose_name if count == 1 else meta.verbose_name_plural,
    }
    if not item["keys"]:
        return phrase
    more = _(", …") if count > len(item["keys"]) else ""
    return f"{phrase} ({', '.join(map(str, item['keys']))}{more})"


PHRASES: dict[str, Callable[[int], str]] = {
    EXCLUDED: lambda n: ngettext(
        "%(count)s %(objects)s was kept", "%(count)s %(objects)s were kept", n
    ),
    RETURNED: lambda n: ngettext(
        "%(count)s %(objects)s was returned to the selection",
        "%(count)s %(objects)s were returned to the selection",
        n,
    ),
    ADDED: lambda n: ngettext(
        "%(count)s %(objects)s was added to the selection",
        "%(count)s %(objects)s were added to the selection",
        n,
    ),
    ADD_UNDONE: lambda n: ngettext(
        "the addition of %(count)s %(objects)s was undone",
        "the addition of %(count)s %(objects)s was undone",
        n,
    ),
    CHANGED: lambda n: ngettext(
        "%(count)s %(objects)s changed", "%(count)s %(objects)s changed", n
    ),
    DELETED: lambda n: ngettext(
        "%(count)s %(objects)s was removed by someone else",
        "%(count)s %(objects)s were removed by someone else",
        n,
    ),
    REFUSED: lambda n: ngettext(
        "you may not remove %(count)s %(objects)s", "you may not remove %(count)s %(objects)s", n
    ),
}
