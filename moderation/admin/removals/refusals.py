"""A refused confirmation: stored in the session, and shown once on the page of the draft.

The confirmation redirects to this page, so that loading it again sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from moderation.admin.removals.forms import ConfirmForm
from moderation.models import Removal

# The session key. All drafts share it, so at most one refusal is left behind.
KEY = "moderation.refusal"
# How many characters of each field are stored: one more than the longest valid note, so that the
# error of a longer one is shown again.
MAX_LENGTH = 2001


@dataclass(frozen=True, slots=True)
class Refusal:
    """The form with its errors, and the difference from the preview, as a context of a template."""

    form: ConfirmForm
    difference: dict[str, Any]


def store_refusal(
    request: HttpRequest, removal: Removal, form: ConfirmForm, difference: dict[str, Any]
) -> None:
    """Store a refused confirmation for the next page of the draft."""
    entered = {name: form.data.get(name, "")[:MAX_LENGTH] for name in form.fields}
    request.session[KEY] = {
        "removal": removal.pk,
        "entered": {} if difference else entered,  # the number to type may be another one now
        "errors": list(map(str, form.non_field_errors())),
        "difference": difference,
    }


def take_refusal(request: HttpRequest, removal: Removal) -> Refusal:
    """Return the stored refusal and delete it, or return a form without errors."""
    stored = request.session.get(KEY)
    if not stored or stored["removal"] != removal.pk:
        return Refusal(ConfirmForm(removal=removal), {})
    del request.session[KEY]
    form = ConfirmForm(stored["entered"] or None, removal=removal)
    if form.is_bound:
        form.full_clean()
        for error in stored["errors"]:
            form.add_error(None, error)
    return Refusal(form, stored["difference"])
