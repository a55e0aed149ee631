"""The form with which a moderator refuses pictures, and what its page shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from moderation.admin.messages import message_of
from moderation.admin.refused_pictures.access import list_url
from moderation.exceptions import PictureNotRefused, RefusedPictureChanged
from moderation.lifecycle.refused_pictures import (
    end_of_last_day,
    refuse,
    rows_with,
    version,
)
from moderation.models import RefusedPicture
from moderation.models.refused_picture import NOTE_LENGTH
from moderation.templatetags.moderation_numbers import grouped

PREFIX = "refused"  # of the fields: the form of a draft also has a field called "note"
SEEN_FIELD = f"{PREFIX}-seen"  # the version of the refused pictures that the page showed
CHANGED = "changed"  # code of the error that they have changed since
ISO = "%Y-%m-%d"  # the format that an <input type="date"> requires


class RefuseForm(forms.Form):
    """The note and the last day, which `refuse` checks again."""

    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_(
            "Optional. Only moderators and auditors can see it, not people who try to add the "
            "picture."
        ),
    )
    last_day = forms.DateField(
        label=_("Refuse until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format=ISO),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["prefix"] = PREFIX
        super().__init__(*args, **kwargs)
        self.fields["last_day"].help_text = gettext(
            "Optional. The picture is refused until the end of this day (%(zone)s), or, if you "
            "leave this empty, until somebody allows it again."
        ) % {"zone": timezone.get_default_timezone_name()}

    def clean_last_day(self) -> date | None:
        """Return the day. Raises ValidationError if it is over, or too far away."""
        day: date | None = self.cleaned_data["last_day"]
        try:
            end_of_last_day(day)
        except PictureNotRefused as error:
            raise forms.ValidationError(message_of(error)) from error
        return day


def is_posted(request: HttpRequest) -> bool:
    """Return whether the form itself was posted, not a button that leads to it."""
    return request.method == "POST" and f"{PREFIX}-note" in request.POST


def refuse_posted(
    model_admin: ModelAdmin[Any], request: HttpRequest, pictures: Mapping[str, str | None]
) -> RefuseForm | None:
    """Refuse pictures with the posted note and last day, and add a message.

    Returns the form if it has errors, otherwise None. It is an error if the pictures were refused,
    or allowed again, after the page had been shown.
    """
    form = RefuseForm(request.POST)
    if not form.is_valid():
        return form
    seen, actor = request.POST.get(SEEN_FIELD, ""), request.user
    try:
        number = refuse(pictures, actor=actor, seen=seen, **form.cleaned_data)  # type: ignore[arg-type]
    except PictureNotRefused as error:
        code = CHANGED if isinstance(error, RefusedPictureChanged) else None
        form.add_error(None, forms.ValidationError(message_of(error), code))
        return form
    text = ngettext(
        "The picture will be refused from now on.",
        "%(number)s pictures will be refused from now on.",
        number,
    ) % {"number": grouped(number)}
    if url := list_url(model_admin.admin_site):
        link = gettext("See all refused pictures")
        text = format_html('{} <a href="{}">{}</a>', text, url, link)
    messages.success(request, text)
    return None


def show_form(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    pictures: Mapping[str, str | None],
    *,
    form: RefuseForm | None = None,
    **context: Any,
) -> HttpResponse:
    """Return the page of the form.

    `context` has `picture_url`, `back_url`, the hidden fields as `hidden` and, for a group, the
    number of its files as `files`. Files that are not in `pictures` are not refused.
    """
    rows = rows_with(pictures)  # first, so that the page shows nothing older than their version
    active = list(RefusedPicture.objects.active().filter(pk__any_of={row.pk for row in rows}))
    lifted = (row for row in rows if row.lifted_at)
    refused = _different(active)
    is_same = len({(each.note, each.last_day) for each in refused}) == 1
    initial = {"note": refused[0].note, "last_day": refused[0].last_day} if is_same else {}
    request.current_app = model_admin.admin_site.name
    context |= {
        **model_admin.admin_site.each_context(request),
        "title": gettext("Refuse this picture from now on?"),
        "opts": RefusedPicture._meta,
        "list_url": list_url(model_admin.admin_site),
        "refused_files": len(pictures),
        "can_find_copies": any(pictures.values()),
        "is_hash_missing": None in pictures.values(),
        "refused": refused,
        "lifted": max(lifted, key=lambda each: each.changed_at, default=None),
        "seen": {"name": SEEN_FIELD, "value": version(rows)},
        "is_changed": form is not None and form.has_error(NON_FIELD_ERRORS, CHANGED),
        "form": form or RefuseForm(initial=initial),
    }
    return TemplateResponse(request, "admin/moderation/refusedpicture/refuse.html", context)


def _different(pictures: Iterable[RefusedPicture]) -> list[RefusedPicture]:
    """Return one picture of each set that was refused together, the newest first."""
    found = {
        (each.refused_at, each.refused_by, each.note, each.last_day): each for each in pictures
    }
    return sorted(found.values(), key=lambda each: (each.refused_at, each.pk), reverse=True)
