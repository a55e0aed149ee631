"""The preferences of a moderator for the page of a draft, and the action that saves them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from moderation.admin.removals.tabs import back_to_page
from moderation.models import Removal, ReviewPreferences
from moderation.models.review_preferences import PictureSize


class PreferencesForm(forms.ModelForm):
    """The preferences of the user who sends the form; the form itself does not name a user."""

    picture_size = forms.ChoiceField(
        label=_("Picture size"), choices=PictureSize.choices, widget=forms.RadioSelect
    )

    class Meta:
        model = ReviewPreferences
        fields = ("is_blurred", "is_grey", "picture_size", "is_using_letter_keys")
        labels = {
            "is_blurred": _("Blur pictures"),
            "is_grey": _("Show pictures in grey until they are clicked"),
            "is_using_letter_keys": _("Use single-letter shortcuts"),
        }


def preferences_context(request: HttpRequest) -> dict[str, Any]:
    """Return the preferences of the user, and the form that changes them."""
    preferences = ReviewPreferences.of(request.user)  # type: ignore[arg-type]
    return {"preferences": preferences, "preferences_form": PreferencesForm(instance=preferences)}


def save_preferences(
    model_admin: ModelAdmin[Removal], request: HttpRequest, removal: Removal
) -> HttpResponse:
    """Save the preferences of the user and return to the same page of the selection.

    Without JavaScript, the button "Unblur all pictures" sends the same form, and `unblur`. A
    message says that this changes the preferences.
    """
    sent = request.POST.copy()
    if "unblur" in sent:
        sent.pop("is_blurred", None)
    form = PreferencesForm(sent)
    if form.is_valid():
        ReviewPreferences.objects.update_or_create(  # type: ignore[misc] # no user is anonymous here
            user=request.user, defaults=form.cleaned_data
        )
        if "unblur" in sent:
            text = _(
                "Pictures are no longer blurred in any of your drafts. Change this under “Display”."
            )
            messages.info(request, text)
    else:
        messages.error(request, gettext("Your preferences were not saved: choose a picture size."))
    return back_to_page(model_admin, request, removal, anchor="display")
