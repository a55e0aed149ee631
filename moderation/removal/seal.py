"""The seal of a draft: whoever acts on a draft shows which state of it they looked at."""

from __future__ import annotations

from django.utils.translation import gettext as _

from moderation.errors import DraftChanged
from moderation.models import Removal
from moderation.models.removal import RemovalState


def check_seal(removal: Removal, seal: str) -> None:
    """Raise DraftChanged where a removal is no draft, or not the one that has this seal."""
    if removal.state != RemovalState.DRAFT:
        raise DraftChanged(_("This removal is no draft any more."))
    if not removal.seal or seal != removal.seal:
        raise draft_changed()


def lock_draft(removal: Removal, seal: str) -> None:
    """Lock a removal, and see under the lock that it still is the draft with this seal.

    Raises DraftChanged where it is not.
    """
    check_seal(Removal.objects.select_for_update().get(pk=removal.pk), seal)


def draft_changed() -> DraftChanged:
    """Return the error that says so."""
    return DraftChanged(
        _("The selection changed, perhaps in another tab. Look at it again and confirm.")
    )
