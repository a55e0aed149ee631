"""The content of the site: posts, their pictures, and users' reports about them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.fields.files import FieldFile
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from moderation.db.hash_chunks import similarity_indexes
from posts import author_models  # noqa: F401 - Django imports only this module
from posts.dates import PlausibleDateTimeField


class PictureReplacedError(Exception):
    """Raised on saving a picture whose file is not its stored one, or has not been checked.

    A stored picture is never replaced: remove it and add another.
    """


def _new_key(suffix: str) -> str:
    """Return an unguessable key that is never reused: posts/2026/11/<32 hex><suffix>."""
    return f"posts/{timezone.now():%Y/%m}/{uuid4().hex}{suffix}"


def image_key(_row: PostImage, filename: str) -> str:
    """Return the key of a picture. It contains nothing of `filename` but the extension.

    The intake names the file after its decoded format, so the extension is right.
    """
    return _new_key(PurePosixPath(filename).suffix)


def thumbnail_key(_row: PostImage, _filename: str) -> str:
    """Return the key of a thumbnail, which does not reveal the key of its picture."""
    return _new_key("-thumb.webp")


class Post(models.Model):
    """A text that a user posted."""

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("author"),
        on_delete=models.CASCADE,
        db_index=False,  # the index on author and time starts with it
        related_name="posts",
    )
    title = models.CharField(_("title"), max_length=300)
    body = models.TextField(_("body"), blank=True)
    created_at = PlausibleDateTimeField(_("created at"), default=timezone.now)

    class Meta:
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        # For the orderings and the date hierarchy of the change list. The second also serves the
        # import. A migration adds the indexes for the search, on PostgreSQL only.
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="post_newest"),
            models.Index(fields=["author", "created_at"], name="post_author_created"),
            models.Index(fields=["title", "id"], name="post_title"),
        ]

    def __str__(self) -> str:
        return self.title


class PostImage(models.Model):
    """A picture of a post, with its thumbnail and its measurements.

    Both file fields are plain FileFields on the default storage: loading a row never opens a file.
    Their indexes serve the query that finds out whether any row still uses a key.
    """

    post = models.ForeignKey(
        Post, verbose_name=_("post"), on_delete=models.CASCADE, related_name="post_images"
    )
    image = models.FileField(_("picture"), upload_to=image_key, db_index=True)
    thumbnail = models.FileField(_("thumbnail"), upload_to=thumbnail_key, db_index=True)
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    size = models.PositiveBigIntegerField(_("size in bytes"))
    # As displayed, that is, rotated by the EXIF orientation.
    width = models.PositiveIntegerField(_("width in pixels"))
    height = models.PositiveIntegerField(_("height in pixels"))
    frames = models.PositiveIntegerField(_("frames"), default=1)  # more than 1 for an animation
    # NULL until it is computed, which the intake and `hash_images` do; "" if the picture has none.
    perceptual_hash = models.CharField(  # noqa: DJ001 - see above
        _("perceptual hash"), max_length=64, null=True, blank=True, editable=False
    )
    # What a page calls the picture instead of its key, such as "Picture 1 of 2".
    heading = ""

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        # To find other posts with the same picture, or nearly the same. The first index includes
        # the post, because a campaign has thousands of posts.
        indexes = [
            models.Index(fields=["sha256", "post"], name="postimage_sha256"),
            models.Index(fields=["perceptual_hash"], name="postimage_perceptual_hash"),
            *similarity_indexes("perceptual_hash", name="postimage_hash"),
        ]

    def __str__(self) -> str:
        return self.heading or gettext("Picture %(key)s") % {"key": self.pk}

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row. Raises PictureReplacedError if a file is not stored or was replaced."""
        self._refuse_other_files()
        super().save(*args, **kwargs)

    @property
    def is_animated(self) -> bool:
        """Return whether the picture has more than one frame."""
        return self.frames > 1

    def _refuse_other_files(self) -> None:
        """Raise PictureReplacedError unless both files are stored, and are still those of the row.

        Compare with the database, since this instance may not have been loaded from it.
        """
        if not (_is_stored(self.image) and _is_stored(self.thumbnail)):
            raise PictureReplacedError("Store pictures with posts.images.intake.store_image().")
        stored = PostImage.objects.filter(pk=self.pk).values_list("image", "thumbnail").first()
        if stored is not None and stored != (self.image.name, self.thumbnail.name):
            raise PictureReplacedError(
                f"Picture {self.pk} cannot be replaced. Remove it, and add another."
            )


def _is_stored(file: FieldFile) -> bool:
    """Return whether the file is in its storage; otherwise, saving the row would upload it."""
    return bool(file) and file._committed  # type: ignore[attr-defined]  # noqa: SLF001


class ReportState(models.TextChoices):
    """The states of a report. An upheld report has no row, because it is deleted with its post."""

    OPEN = "open", _("open")
    DISMISSED = "dismissed", _("dismissed")


class Report(models.Model):
    """A user's report about a post, at most one per user and post. See `posts.reports`."""

    post = models.ForeignKey(
        Post, verbose_name=_("post"), on_delete=models.CASCADE, related_name="reports"
    )
    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("reporter"),
        on_delete=models.CASCADE,
        related_name="reports",
    )
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    created_at = PlausibleDateTimeField(_("created at"), default=timezone.now)
    # The database has the same default, for reports that other code inserts.
    state = models.CharField(
        _("state"),
        max_length=9,
        choices=ReportState,
        default=ReportState.OPEN,
        db_default=ReportState.OPEN,
    )
    # Set while the report is dismissed: the moderator's name, as in the audit log, the time, and
    # the identifier that Undo needs, which all reports of one dismissal share.
    decided_by = models.CharField(
        _("decided by"), max_length=150, blank=True, default="", db_default="", editable=False
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True, editable=False)
    dismissal = models.UUIDField(_("dismissal"), null=True, blank=True, editable=False)
    # When it was last reopened, if ever. A dismissal that began earlier leaves the report open.
    reopened_at = models.DateTimeField(_("reopened at"), null=True, blank=True, editable=False)
    # The reason while the report is open, else NULL: drafts count and show open reports only.
    open_reason = models.GeneratedField(
        expression=Case(When(state=ReportState.OPEN, then=F("reason"))),
        output_field=models.CharField(max_length=500, null=True),
        db_persist=True,  # PostgreSQL before 18 has no virtual generated columns
        verbose_name=_("reason while open"),
    )

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        permissions = [("dismiss_report", _("Can dismiss reports"))]
        constraints = [
            models.UniqueConstraint(fields=["post", "reporter"], name="report_once_a_reporter")
        ]
        # For the posts with open reports, the reporters' dismissed reports, the reports that were
        # dismissed or reopened recently, and Undo.
        indexes = [
            models.Index(fields=["post"], name="report_open", condition=Q(state="open")),
            models.Index(
                fields=["reporter"], name="report_dismissed", condition=Q(state="dismissed")
            ),
            models.Index(
                fields=["decided_at"], name="report_decided", condition=Q(state="dismissed")
            ),
            models.Index(
                fields=["reopened_at"],
                name="report_reopened",
                condition=Q(reopened_at__isnull=False),
            ),
            models.Index(
                fields=["dismissal"], name="report_dismissal", condition=Q(dismissal__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return gettext("Report by %(name)s") % {"name": self.reporter}


class UpheldReports(models.Model):
    """The number of a user's reports that one batch of a removal upheld.

    Each batch adds rows, instead of changing a total, so that batches never wait for each other.
    Without a constraint, they do not wait for the removal of a reporter either. The reports were
    upheld by the moderator of the removal with `removal_number`.
    """

    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("reporter"),
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="upheld_reports",
    )
    number = models.PositiveIntegerField(_("number of reports"))
    removal_number = models.PositiveBigIntegerField(_("number of the removal"))
    upheld_at = models.DateTimeField(_("upheld at"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("record of upheld reports")
        verbose_name_plural = _("records of upheld reports")
        indexes = [
            models.Index(fields=["removal_number", "reporter"], name="upheldreports_removal")
        ]

    def __str__(self) -> str:
        return gettext("Upheld reports: %(number)s") % {"number": self.number}
