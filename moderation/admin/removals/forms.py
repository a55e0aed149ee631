"""The form that confirms a draft, and what any action on the draft stores of it."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from moderation.admin.display import objects_of
from moderation.admin.object_keys import keys_in
from moderation.models import MarkedObject, Removal
from moderation.models.states import Reason
from moderation.removals.check_first import review
from moderation.removals.draft import store_input
from moderation.removals.limits import typed_count_needed
from moderation.templatetags.moderation_numbers import grouped

# The form of the draft's page. Its fields are beside the selection, whose buttons post it as well.
FORM_ID = "draft-form"
# Thousands separators of all languages. Only the digits are compared.
SEPARATORS = re.compile(r"[\s.,'’]")


class ConfirmForm(forms.Form):
    """Reason, note and, for many objects, their number. The domain checks them again."""

    reason = forms.ChoiceField(
        label=_("Reason"), choices=Reason.choices, widget=forms.RadioSelect,
        help_text=_("Recorded in the audit log with every file."),
    )  # fmt: skip
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Optional. For anyone who asks later – e.g. a ticket number."),
    )
    typed_count = forms.CharField(
        label=_("Number of objects"),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, removal: Removal, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"reason": removal.reason, "note": removal.note})
        super().__init__(*args, **kwargs)
        self.total = removal.objects_total
        for field in self.fields.values():
            field.widget.attrs["form"] = FORM_ID
        if not typed_count_needed(removal):
            del self.fields["typed_count"]
            return
        typed = self.fields["typed_count"]
        typed.label = _("Number of %(objects)s") % {"objects": objects_of(removal).noun}
        typed.help_text = _("This is a large removal. Type %(count)s to confirm.") % {
            "count": grouped(self.total)
        }

    def clean_typed_count(self) -> str:
        """Return the typed digits. Raises ValidationError if they are another number."""
        typed = SEPARATORS.sub("", self.cleaned_data["typed_count"])
        if typed != str(self.total):
            raise forms.ValidationError(
                _("That is not the number selected. Type %(count)s."),
                params={"count": grouped(self.total)},
            )
        return typed


def save_input(removal: Removal, posted: QueryDict) -> int:
    """Store what was posted with any action on a draft: reason, note, and the ticks of reviews.

    The next page then has them, even without JavaScript, and even if the action itself is refused.
    Ignores what is not valid, and an empty note on a page that was loaded before the selection
    changed: the stored note may have been entered after that page was loaded. Returns how many
    objects have just been reviewed.
    """
    form = ConfirmForm(posted, removal=removal)
    form.is_valid()
    given = {name: value for name, value in form.cleaned_data.items() if name in posted}
    note = given.get("note")
    if not note and posted.get("seal", removal.seal) != removal.seal:
        note = None
    store_input(removal, reason=given.get("reason"), note=note)
    return review(removal, list(keys_in(MarkedObject, posted.getlist("reviewed"))))
