"""A refused confirmation: stored in the session, and shown once on the page of the draft.

The confirmation redirects to this page, so that loading it again sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from moderation.admin.removals.forms import ConfirmForm
from moderation.models import Removal

# Of each field that was entered: one more than the longest that is valid.
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
    request.session[_name(removal)] = {
        "entered": {} if difference else entered,  # the number to type may be another one now
        "errors": list(map(str, form.non_field_errors())),
        "difference": difference,
    }


def take_refusal(request: HttpRequest, removal: Removal) -> Refusal:
    """Return the refused confirmation that was stored, and forget it; or an empty form."""
    stored = request.session.pop(_name(removal), None)
    if not stored:
        return Refusal(ConfirmForm(removal=removal), {})
    form = ConfirmForm(stored["entered"] or None, removal=removal)
    if form.is_bound:
        form.full_clean()
        for error in stored["errors"]:
            form.add_error(None, error)
    return Refusal(form, stored["difference"])


def _name(removal: Removal) -> str:
    return f"moderation.refusal.{removal.pk}"
