"""What stands on a post's page below the post: its pictures, new pictures, its reports."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.datastructures import MultiValueDict
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from posts.admin.thumbnails import thumbnail
from posts.images import intake
from posts.models import PostImage, Report
from posts.storage_identity import WrongStorage, refuse_wrong_storage

MAX_UPLOADS = 10  # pictures in one request: each may take a second to examine
REMEMBERED_AS = "examined_picture"
UPLOAD_FIELD = "-upload"  # the suffix of the file fields in a request
ACCEPTED = "image/jpeg,image/png,image/gif,image/webp"  # what the browser's file dialog offers


class PictureField(forms.FileField):
    """A file field whose errors name the file, because browsers clear the field on errors."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        """Check the storage, then the file as Django does. Raises ValidationError."""
        if not isinstance(data, UploadedFile):
            return super().clean(data, initial)
        message, params = _("%(name)s: %(reason)s"), {"name": data.name}
        try:
            refuse_wrong_storage()
            return super().clean(data, initial)
        except WrongStorage as wrong:
            params["reason"] = str(wrong)
            raise ValidationError(message, code="storage", params=params) from wrong
        except ValidationError as error:
            params["reason"] = " ".join(error.messages)
            raise ValidationError(message, code=error.code, params=params) from error


class NewPictureForm(forms.ModelForm):
    """One file that goes through the intake; its refusal is the field's error."""

    upload = PictureField(
        label=_("picture"),
        help_text=_(
            "JPEG, PNG, GIF or WebP, at most 20 MB and 50 megapixels (WebP: 16). Metadata such as "
            "location and camera is removed from the file."
        ),
        widget=forms.FileInput(attrs={"accept": ACCEPTED}),
    )

    class Meta:
        model = PostImage
        fields: list[str] = []

    def clean_upload(self) -> UploadedFile:
        """Examine the picture, unless that has been done. Raises ValidationError."""
        upload: UploadedFile = self.cleaned_data["upload"]
        found = examined(upload)
        if isinstance(found, intake.InvalidImage):
            message = _("%(name)s: %(reason)s")
            params = {"name": upload.name, "reason": found.message}
            raise ValidationError(message, code=found.code, params=params) from found
        self.picture = found
        return upload

    def save(self, commit: bool = True) -> PostImage:  # noqa: FBT001, FBT002 - Django's signature
        """Store the files, inside the change form's `uploads()`, and fill the row."""
        intake.store(self.picture, self.cleaned_data["upload"], row=self.instance)
        row: PostImage = super().save(commit)
        return row


def examine_uploads(files: MultiValueDict[str, UploadedFile]) -> None:
    """Examine new pictures before the transaction begins, since each may take a second.

    The form gets the result from the file.
    """
    names = [name for name in files if name.endswith(UPLOAD_FIELD)]
    for name in names[:MAX_UPLOADS]:
        examined(cast(UploadedFile, files[name]))  # the last file of a name, as in forms


def examined(upload: File[Any]) -> intake.ValidatedImage | intake.InvalidImage:
    """Examine an uploaded file once; store the picture or the refusal on the file and return it."""
    found: intake.ValidatedImage | intake.InvalidImage | None
    found = getattr(upload, REMEMBERED_AS, None)
    if found is None:
        try:
            found = intake.validate_image(upload)
        except intake.InvalidImage as refused:
            found = refused
        setattr(upload, REMEMBERED_AS, found)
    return found


class PictureInline(admin.TabularInline):
    """The stored pictures: shown, and removed on request, never changed."""

    model = PostImage
    extra = 0
    fields = readonly_fields = ("preview", "dimensions", "bytes", "digest")
    ordering = ("pk",)
    verbose_name_plural = _("pictures")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """New pictures have an inline of their own."""
        return False

    @admin.display(description=_("picture"))
    def preview(self, picture: PostImage) -> SafeString:
        """Show the thumbnail."""
        return thumbnail(picture, self.admin_site)

    @admin.display(description=_("dimensions"))
    def dimensions(self, picture: PostImage) -> str:
        """Show width and height in pixels, and how many frames an animation has."""
        size = f"{picture.width} × {picture.height}"
        return f"{size}, {_('animated')} ({picture.frames})" if picture.is_animated else size

    @admin.display(description=_("size"))
    def bytes(self, picture: PostImage) -> str:
        """Show the size of the stored file."""
        return filesizeformat(picture.size)

    @admin.display(description=_("SHA-256"))
    def digest(self, picture: PostImage) -> SafeString:
        """Show the digest of the stored file, which may be broken into lines."""
        return format_html('<span class="post-digest">{}</span>', picture.sha256)


class NewPictureInline(admin.TabularInline):
    """Pictures to add: only a field for the file, nothing of what is stored already."""

    model = PostImage
    form = NewPictureForm
    fields = ("upload",)
    extra = 1
    max_num = MAX_UPLOADS
    verbose_name = _("new picture")
    verbose_name_plural = _("add pictures")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Return a formset that refuses too many pictures in one request without examining them."""
        limits = {"validate_max": True, "absolute_max": MAX_UPLOADS}
        return super().get_formset(request, obj, **limits, **kwargs)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Show no stored picture."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A stored picture is not replaced."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Stored pictures are removed in their own inline."""
        return False


class ReportInline(admin.TabularInline):
    """What users reported: for reading."""

    model = Report
    extra = 0
    can_delete = False
    fields = readonly_fields = ("reporter", "reason", "created_at")
    ordering = ("-created_at", "-pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        """Fetch the reporters with the reports."""
        return super().get_queryset(request).select_related("reporter")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Users report, moderators read."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A complaint stays as it was made."""
        return False
