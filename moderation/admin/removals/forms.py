"""What a moderator says to confirm a draft."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from moderation.admin.display import objects_of
from moderation.models import Removal
from moderation.models.states import Reason
from moderation.removals.limits import typed_count_needed
from moderation.templatetags.moderation_numbers import grouped

# How people separate thousands. The server compares the digits alone.
SEPARATORS = re.compile(r"[\s.,'’]")


class ConfirmForm(forms.Form):
    """Reason, note and, for many objects, their number. The domain checks each of them again."""

    reason = forms.ChoiceField(
        label=_("Reason"), choices=Reason.choices, widget=forms.RadioSelect,
        help_text=_("It stands in the audit log beside every file."),
    )  # fmt: skip
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("For whoever asks later, for instance a ticket's number."),
    )
    typed_count = forms.CharField(
        label=_("Number of objects"),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, removal: Removal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.total = removal.objects_total
        if not typed_count_needed(removal):
            del self.fields["typed_count"]
            return
        typed = self.fields["typed_count"]
        typed.label = _("Number of %(kind)s") % {"kind": objects_of(removal).kind}
        typed.help_text = _("It is a large removal. Type %(count)s to confirm.") % {
            "count": grouped(self.total)
        }

    def clean_typed_count(self) -> str:
        """Return the digits that were typed. Raises ValidationError for another number."""
        typed = SEPARATORS.sub("", self.cleaned_data["typed_count"])
        if typed != str(self.total):
            raise forms.ValidationError(
                _("%(count)s is the number that is selected."),
                params={"count": grouped(self.total)},
            )
        return typed
