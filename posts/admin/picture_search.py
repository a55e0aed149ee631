"""The page that finds the posts with a picture like an uploaded example."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from moderation.admin.change_list_query import PRESERVED_FILTERS
from posts.admin.inlines import ACCEPTED
from posts.admin.picture_filter import NAMES, SAME, SIMILAR
from posts.images.intake import InvalidImage, ValidatedImage, validate_image


class ExampleForm(forms.Form):
    """A form for a picture, which is checked like a new one but not stored."""

    picture = forms.FileField(
        label=_("Picture"),
        help_text=_(
            "JPEG, PNG, GIF or WebP, at most 20 MB. A JPEG may have up to 80 megapixels, a PNG or "
            "GIF up to 50 (35 in true colour) and a WebP up to 13. The file is not stored."
        ),
        widget=forms.FileInput(attrs={"accept": ACCEPTED}),
    )

    def clean_picture(self) -> ValidatedImage:
        """Return the validated picture, even if moderators refuse it. Raises ValidationError."""
        upload: UploadedFile = self.cleaned_data["picture"]
        try:
            return validate_image(upload)
        except InvalidImage as invalid:
            message = _("%(name)s: %(reason)s")
            params = {"name": upload.name, "reason": invalid.message}
            raise ValidationError(message, code=invalid.code, params=params) from invalid


def find_by_picture(model_admin: admin.ModelAdmin[Any], request: HttpRequest) -> HttpResponse:
    """Return the page that asks for a picture; on POST, redirect to the list of posts like it.

    The list keeps the other filters that it had before. Stores nothing. A picture that has no
    perceptual hash leads to the posts with the same file. Raises PermissionDenied if the user may
    not view posts.
    """
    if not model_admin.has_view_or_change_permission(request):
        raise PermissionDenied
    form = ExampleForm(request.POST, request.FILES) if request.method == "POST" else ExampleForm()
    if form.is_valid():
        return redirect(_list_url(model_admin, request, form.cleaned_data["picture"]))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": gettext("Find posts by picture"),
        "opts": model_admin.opts,
        "form": form,
        "preserved_filters": model_admin.get_preserved_filters(request),
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, "admin/posts/post/find_by_picture.html", context)


def _list_url(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, picture: ValidatedImage
) -> str:
    """Return the URL of the posts with such a picture.

    Adds a message if the list can contain only posts with exactly the same file.
    """
    if picture.perceptual_hash:
        return _filtered_url(model_admin, request, SIMILAR, picture.perceptual_hash)
    text = gettext("Only posts with exactly the same file are listed: %(reason)s")
    reason = (
        gettext("animations are not compared.")
        if picture.frames > 1
        else gettext("the picture has too little structure to be compared.")
    )
    messages.info(request, text % {"reason": reason})
    return _filtered_url(model_admin, request, SAME, picture.sha256)


def _filtered_url(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, name: str, value: str
) -> str:
    """Return the URL of the first page of the list with this filter and the preserved ones."""
    query = QueryDict(request.GET.get(PRESERVED_FILTERS, ""), mutable=True)
    for each in (*NAMES, PAGE_VAR):
        query.pop(each, None)
    query[name] = value
    url = reverse("admin:posts_post_changelist", current_app=model_admin.admin_site.name)
    return f"{url}?{query.urlencode()}"
