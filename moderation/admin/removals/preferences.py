"""The preferences of a moderator for the page of a draft, and the action that saves them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from moderation.admin.removals.forms import FORM_ID, save_input
from moderation.admin.removals.tabs import back_to_page
from moderation.models import Removal, ReviewPreferences
from moderation.models.review_preferences import PictureSize

# The parameter in the URL of a page of a draft on which the preferences are open.
OPEN = "display"


class PreferencesForm(forms.ModelForm):
    """The preferences of the user who sends the form; the form itself does not name a user.

    `form_id` is the id of the form on the page that sends them.
    """

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

    def __init__(self, *args: Any, form_id: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["form"] = form_id


def preferences_context(request: HttpRequest) -> dict[str, Any]:
    """Return the preferences of the user, and the form that changes them.

    The preferences have a form of their own, because Enter on one of them must not confirm the
    removal. On a page that has them open, they belong to the form of the draft, so that what was
    entered is sent with them.
    """
    preferences = ReviewPreferences.of(request.user)  # type: ignore[arg-type]
    is_open = OPEN in request.GET
    form_id = FORM_ID if is_open else "preferences"
    return {
        "preferences": preferences,
        "preferences_form": PreferencesForm(instance=preferences, form_id=form_id),
        "preferences_form_id": form_id,
        "are_preferences_open": is_open,
    }


def save_preferences(
    model_admin: ModelAdmin[Removal], request: HttpRequest, removal: Removal
) -> HttpResponse:
    """Save the preferences of the user and return to the same page of the selection.

    Saves what was entered on that page, too. Without JavaScript, one button only opens the
    preferences, and the button "Unblur all pictures" changes one of them.
    """
    save_input(removal, request.POST)
    if "open" in request.POST:
        return back_to_page(model_admin, request, removal, anchor="display", **{OPEN: "open"})
    if "unblur" in request.POST:
        _unblur(request)
    else:
        _save(request)
    return back_to_page(model_admin, request, removal, anchor="display")


def _unblur(request: HttpRequest) -> None:
    """Turn off the blur, and say that this changes the preferences."""
    preferences = ReviewPreferences.of(request.user)  # type: ignore[arg-type]
    preferences.is_blurred = False
    preferences.save()
    text = _(
        "Pictures are no longer blurred in any of your drafts. You can change this under “Display”."
    )
    messages.info(request, text)


def _save(request: HttpRequest) -> None:
    form = PreferencesForm(request.POST)
    if form.is_valid():
        ReviewPreferences.objects.update_or_create(  # type: ignore[misc] # no user is anonymous here
            user=request.user, defaults=form.cleaned_data
        )
    else:
        messages.error(request, gettext("Your preferences were not saved: choose a picture size."))
