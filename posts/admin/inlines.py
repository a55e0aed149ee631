"""The inlines of a post: its pictures, new pictures, and its reports."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.conf import settings
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
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from moderation.admin.change_list_query import with_preserved_filters
from moderation.admin.refused_pictures.access import may_refuse, refuse_url
from moderation.templatetags.moderation_numbers import grouped
from posts.admin.records import with_records
from posts.admin.shown_reports import decided
from posts.admin.thumbnails import thumbnail
from posts.images import intake
from posts.models import PostImage, Report
from posts.storage_identity import WrongStorage, refuse_wrong_storage

MAX_UPLOADS = 10  # pictures in one request: checking each may take a second
CHECKED_ATTRIBUTE = "checked_picture"  # of an uploaded file
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
    """A form for one new picture. If the intake refuses the file, the field shows the reason."""

    upload = PictureField(
        label=_("picture"),
        help_text=_(
            "JPEG, PNG, GIF or WebP, at most 20 MB. A JPEG may have up to 80 megapixels, a PNG or "
            "GIF up to 50 (35 in true colour) and a WebP up to 13."
        ),
        widget=forms.FileInput(attrs={"accept": ACCEPTED}),
    )

    class Meta:
        model = PostImage
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not getattr(settings, "PICTURES_KEEP_METADATA", False):
            removed = gettext("Metadata such as location and camera is removed from the file.")
            self.fields["upload"].help_text = f"{self.fields['upload'].help_text} {removed}"

    def clean_upload(self) -> UploadedFile:
        """Return the file after checking its picture. Raises ValidationError."""
        upload: UploadedFile = self.cleaned_data["upload"]
        found = checked_picture(upload)
        try:
            if isinstance(found, intake.InvalidImage):
                raise found
            intake.check_allowed(found)  # again: it may have been refused since it was checked
        except intake.InvalidImage as error:
            raise _validation_error(upload, error) from error
        self.picture = found
        return upload

    def save(self, commit: bool = True) -> PostImage:  # noqa: FBT001, FBT002 - Django's signature
        """Store the files and save the row. The change form calls this inside `uploads()`."""
        intake.store(self.picture, self.cleaned_data["upload"], row=self.instance)
        row: PostImage = super().save(commit)
        return row


def _validation_error(upload: UploadedFile, error: intake.InvalidImage) -> ValidationError:
    """Return the error for the form. For a refused picture, it says nothing about the file."""
    if error.code == "refused":
        return ValidationError(str(error), code=error.code)
    params = {"name": upload.name, "reason": error.message}
    return ValidationError(_("%(name)s: %(reason)s"), code=error.code, params=params)


def check_uploads(files: MultiValueDict[str, UploadedFile]) -> None:
    """Check new pictures before the transaction begins, since each may take a second.

    The result is stored on each file, where the form finds it.
    """
    names = [name for name in files if name.endswith(UPLOAD_FIELD)]
    for name in names[:MAX_UPLOADS]:
        # `files[name]` is the last file of that name, the one that Django's forms use.
        checked_picture(cast(UploadedFile, files[name]))


def checked_picture(upload: File[Any]) -> intake.ValidatedImage | intake.InvalidImage:
    """Return the picture in an uploaded file, or why it is refused. Checks each file only once."""
    found: intake.ValidatedImage | intake.InvalidImage | None
    found = getattr(upload, CHECKED_ATTRIBUTE, None)
    if found is None:
        try:
            found = intake.accept_image(upload)
        except intake.InvalidImage as refused:
            found = refused
        setattr(upload, CHECKED_ATTRIBUTE, found)
    return found


class PictureFormSet(forms.BaseInlineFormSet):
    """The stored pictures, each with a heading such as "Picture 1 of 2"."""

    def get_queryset(self) -> QuerySet[PostImage]:
        """Return the pictures with their headings."""
        pictures: QuerySet[PostImage] = super().get_queryset()
        total = len(pictures)
        if pictures and not pictures[0].heading:
            for number, picture in enumerate(pictures, start=1):
                text = gettext("Picture %(number)s of %(total)s")
                picture.heading = text % {"number": number, "total": total}
        return pictures


class PictureInline(admin.TabularInline):
    """The stored pictures, which can be viewed and deleted but not changed."""

    model = PostImage
    formset = PictureFormSet
    extra = 0
    fields = ("preview", "dimensions", "bytes", "digest")
    readonly_fields = (*fields, "refusable_preview")
    ordering = ("pk",)
    verbose_name_plural = _("pictures")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deny, because new pictures have their own inline."""
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fields. For users who may refuse pictures, the preview has a link to do so."""
        fields = super().get_fields(request, obj)
        self.request = request  # each request has its own inline
        if not may_refuse(request.user):
            return fields
        return ["refusable_preview" if each == "preview" else each for each in fields]

    @admin.display(description=_("picture"))
    def preview(self, picture: PostImage) -> SafeString:
        """Return the thumbnail."""
        return thumbnail(picture, self.admin_site)

    @admin.display(description=_("picture"))
    def refusable_preview(self, picture: PostImage) -> SafeString:
        """Return the thumbnail, with the link to the page that refuses the picture from now on."""
        image, url = self.preview(picture), refuse_url(self.admin_site, picture)
        if not url:
            return image
        post_admin = self.admin_site.get_model_admin(self.parent_model)
        url = with_preserved_filters(post_admin, self.request, url)
        text, name = gettext("Refuse from now on…"), gettext("(picture %(key)s)")
        html = '{} <a href="{}" class="post-refuse" aria-label="{} {}">{}</a>'
        return format_html(html, image, url, text, name % {"key": picture.pk}, text)

    @admin.display(description=_("dimensions"))
    def dimensions(self, picture: PostImage) -> str:
        """Return width and height in pixels, and the number of frames of an animation."""
        size = f"{picture.width} × {picture.height}"
        return f"{size}, {_('animated')} ({picture.frames})" if picture.is_animated else size

    @admin.display(description=_("size"))
    def bytes(self, picture: PostImage) -> str:
        """Return the size of the stored file."""
        return filesizeformat(picture.size)

    @admin.display(description=_("SHA-256"))
    def digest(self, picture: PostImage) -> SafeString:
        """Return the digest of the stored file, as HTML that wraps in narrow columns."""
        return format_html('<span class="post-digest">{}</span>', picture.sha256)


class NewPictureInline(admin.TabularInline):
    """New pictures: a file field for each, without the stored pictures."""

    model = PostImage
    form = NewPictureForm
    fields = ("upload",)
    extra = 1
    max_num = MAX_UPLOADS
    verbose_name = _("new picture")
    verbose_name_plural = _("add pictures")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Return a formset that refuses a request with too many pictures without checking them."""
        limits = {"validate_max": True, "absolute_max": MAX_UPLOADS}
        return super().get_formset(request, obj, **limits, **kwargs)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deny, so that no stored picture is displayed."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deny, because stored pictures are never replaced."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deny, because stored pictures are deleted in their own inline."""
        return False


class ReportInline(admin.TabularInline):
    """The reports of users, read-only."""

    model = Report
    extra = 0
    can_delete = False
    fields = readonly_fields = ("reporter_and_record", "reason", "created_at", "decision")
    ordering = ("-state", "-created_at", "-pk")  # open ones first

    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        """Fetch the reporters, and the numbers of their records, with the reports."""
        reports = super().get_queryset(request).select_related("reporter")
        return with_records(reports)

    @admin.display(description=_("reporter"))
    def reporter_and_record(self, report: Any) -> SafeString:
        """Return the reporter's name, and how many of their reports were upheld or dismissed.

        A separate column for the record would be too wide for a phone.
        """
        numbers = {"upheld": grouped(report.upheld), "dismissed": grouped(report.dismissed)}
        record = gettext("%(upheld)s upheld, %(dismissed)s dismissed") % numbers
        html = '{}<br><span class="post-record">{}</span>'
        return format_html(html, report.reporter.get_username(), record)

    @admin.display(description=_("state"))
    def decision(self, report: Report) -> str:
        """Return the state and, if the report was dismissed, by whom and when."""
        if report.decided_at is None:
            return report.get_state_display()
        return gettext("dismissed by %(name)s, %(time)s") % decided(report)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deny, because only users of the site report posts."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deny, because moderators do not edit reports."""
        return False
