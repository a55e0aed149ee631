"""How a draft's selection changed while somebody may have had it open, to tell them what is new.

Each change keeps the seal that it ended. A page that carries an older seal is told of all changes
since. Holds keys only: names are looked up when they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.apps import apps
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from moderation.models import Removal

# Changes that a draft remembers, and objects that each of them names; the others are counted.
REMEMBERED, NAMED = 50, 5

EXCLUDED, CHANGED, GONE = "excluded", "changed", "gone"


def remember(removal: Removal, what: str, keys: Sequence[Any]) -> None:
    """Add a change to a draft, unsaved; call it before the draft has its new seal."""
    change = {"seal": removal.seal, "what": what, "keys": list(keys[:NAMED]), "total": len(keys)}
    removal.history = [*removal.history, change][-REMEMBERED:]


def changes_since(removal: Removal, seal: str) -> list[str]:
    """Return a phrase for each change since the draft had this seal; none for an unknown seal."""
    seals = [change["seal"] for change in removal.history]
    if seal not in seals:
        return []
    return [_phrase(removal, change) for change in removal.history[seals.index(seal) :]]


def _phrase(removal: Removal, change: dict[str, Any]) -> str:
    count, meta = change["total"], apps.get_model(removal.model_label)._meta
    phrase = PHRASES[change["what"]](count) % {
        "count": count,
        "kind": meta.verbose_name if count == 1 else meta.verbose_name_plural,
    }
    if not change["keys"]:
        return phrase
    more = _(", …") if count > len(change["keys"]) else ""
    return f"{phrase} ({', '.join(map(str, change['keys']))}{more})"


PHRASES: dict[str, Callable[[int], str]] = {
    EXCLUDED: lambda n: ngettext(
        "%(count)d %(kind)s was taken out", "%(count)d %(kind)s were taken out", n
    ),
    CHANGED: lambda n: ngettext("%(count)d %(kind)s changed", "%(count)d %(kind)s changed", n),
    GONE: lambda n: ngettext(
        "%(count)d %(kind)s was deleted elsewhere", "%(count)d %(kind)s were deleted elsewhere", n
    ),
}
