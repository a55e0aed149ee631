"""The errors of a confirmation: stored in the session, shown once on the page of the draft.

The confirmation redirects to this page, so that loading it again sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from moderation.admin.removals.forms import ConfirmForm
from moderation.models import Removal

# The session key. All drafts share it, so at most one form is left behind.
KEY = "moderation.form_errors"
# How many characters of each field are stored: one more than the longest valid note, so that the
# error of a longer one is shown again.
MAX_LENGTH = 2001


@dataclass(frozen=True, slots=True)
class FormErrors:
    """The form with its errors, and the difference from the preview, as a context of a template."""

    form: ConfirmForm
    difference: dict[str, Any]


def store_form_errors(
    request: HttpRequest, removal: Removal, form: ConfirmForm, difference: dict[str, Any]
) -> None:
    """Store the errors of a confirmation for the next page of the draft."""
    entered = {name: form.data.get(name, "")[:MAX_LENGTH] for name in form.fields}
    request.session[KEY] = {
        "removal": removal.pk,
        "entered": {} if difference else entered,  # the number to type may have changed
        "errors": list(map(str, form.non_field_errors())),
        "difference": difference,
    }


def pop_form_errors(request: HttpRequest, removal: Removal) -> FormErrors:
    """Return the stored errors and delete them, or return a form without errors."""
    stored = request.session.get(KEY)
    if not stored or stored["removal"] != removal.pk:
        return FormErrors(ConfirmForm(removal=removal), {})
    del request.session[KEY]
    form = ConfirmForm(stored["entered"] or None, removal=removal)
    if form.is_bound:
        form.full_clean()
        for error in stored["errors"]:
            form.add_error(None, error)
    return FormErrors(form, stored["difference"])
