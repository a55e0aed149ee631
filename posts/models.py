"""The content of the site: posts, their pictures, and what users reported about them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models.fields.files import FieldFile
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from posts.dates import DatedQuerySet, MomentField


class PictureReplacedError(Exception):
    """A stored picture was given another file, or a file that no intake has checked.

    A stored picture is not replaced: it is removed, and another is added.
    """


def _fresh_key(ending: str) -> str:
    """Return an unguessable key that is never reused: posts/2026/11/<32 hex><ending>."""
    return f"posts/{timezone.now():%Y/%m}/{uuid4().hex}{ending}"


def image_key(_row: PostImage, filename: str) -> str:
    """Return the key of a picture: nothing of what the user called it but the ending survives.

    The intake names the file by its decoded format, so the ending is true.
    """
    return _fresh_key(PurePosixPath(filename).suffix)


def thumbnail_key(_row: PostImage, _filename: str) -> str:
    """Return the key of a thumbnail, which tells nothing of the key of its picture."""
    return _fresh_key("-thumb.webp")


class Post(models.Model):
    """What a user wrote."""

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("author"),
        on_delete=models.CASCADE,
        db_index=False,  # the one on author and time begins with it
        related_name="posts",
    )
    title = models.CharField(_("title"), max_length=300)
    body = models.TextField(_("body"), blank=True)
    created_at = MomentField(_("created at"), default=timezone.now)

    objects = DatedQuerySet.as_manager()

    class Meta:
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        # The change list's orders and date hierarchy; the import finds a post again by the second.
        # A migration adds those of the search, which PostgreSQL alone can have.
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="post_newest"),
            models.Index(fields=["author", "created_at"], name="post_author_created"),
            models.Index(fields=["title", "id"], name="post_title"),
        ]

    def __str__(self) -> str:
        return self.title


class PostImage(models.Model):
    """A picture of a post, with its thumbnail and what the intake measured.

    Both file fields are plain FileFields on the default storage: loading a row never opens a file.
    Their indexes serve the question whether any row still uses a key.
    """

    post = models.ForeignKey(
        Post, verbose_name=_("post"), on_delete=models.CASCADE, related_name="post_images"
    )
    image = models.FileField(_("picture"), upload_to=image_key, db_index=True)
    thumbnail = models.FileField(_("thumbnail"), upload_to=thumbnail_key, db_index=True)
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    size = models.PositiveBigIntegerField(_("size in bytes"))
    # As seen: after the orientation that the camera noted.
    width = models.PositiveIntegerField(_("width in pixels"))
    height = models.PositiveIntegerField(_("height in pixels"))
    frames = models.PositiveIntegerField(_("frames"), default=1)  # more than one: it is animated
    # What a page calls the picture instead of its key, such as "Picture 1 of 2".
    heading = ""

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")

    def __str__(self) -> str:
        return self.heading or gettext("Picture %(key)s") % {"key": self.pk}

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row. Raises PictureReplacedError for another file than the stored one."""
        self._refuse_other_files()
        super().save(*args, **kwargs)

    @property
    def is_animated(self) -> bool:
        """Return whether a browser shows more than one frame."""
        return self.frames > 1

    def _refuse_other_files(self) -> None:
        """Ask the database, not this instance: it may have been built by hand."""
        if not (_is_stored(self.image) and _is_stored(self.thumbnail)):
            raise PictureReplacedError("A picture comes in by posts.images.intake.take_in() only.")
        stored = PostImage.objects.filter(pk=self.pk).values_list("image", "thumbnail").first()
        if stored is not None and stored != (self.image.name, self.thumbnail.name):
            raise PictureReplacedError(f"Picture {self.pk} is stored. Remove it, and add another.")


def _is_stored(file: FieldFile) -> bool:
    """Return whether the storage holds the file already; else saving the row would upload it."""
    return bool(file) and file._committed  # type: ignore[attr-defined]  # noqa: SLF001


class Report(models.Model):
    """A user's complaint about a post; each user has one a post."""

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
    created_at = MomentField(_("created at"), default=timezone.now)

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        constraints = [
            models.UniqueConstraint(fields=["post", "reporter"], name="report_once_a_reporter")
        ]

    def __str__(self) -> str:
        return gettext("Report by %(name)s") % {"name": self.reporter}
