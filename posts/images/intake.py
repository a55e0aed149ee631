"""Validate images, measure and hash them, remove metadata, create thumbnails, and store both."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.files.base import ContentFile
from django.db.models.fields.files import FieldFile

from moderation.images import InvalidImage, Structure, decode, inspect, sheet
from moderation.images.limits import MAX_BYTES
from moderation.images.perceptual import perceptual_hash
from moderation.picture_groups.refused import count_match, find_refused
from posts.images.uploads import put, uploads
from posts.models import Post, PostImage

__all__ = [
    "InvalidImage",
    "ValidatedImage",
    "accept_image",
    "check_allowed",
    "content_to_store",
    "store",
    "store_content",
    "store_image",
    "uploads",
    "validate_image",
]

THUMBNAIL_SIDE = 320  # pixels, of the longer side

# The extension of the key, by the actual format of the file.
EXTENSIONS = {"JPEG": ".jpg", "PNG": ".png", "GIF": ".gif", "WEBP": ".webp"}


@dataclass(frozen=True, slots=True)
class ValidatedImage:
    """A validated image that is not yet stored.

    `extension` is that of its actual format. `size` and `sha256` are those of the file that will be
    stored: without metadata, unless PICTURES_KEEP_METADATA is on. `width` and `height` are in
    pixels, as displayed. `thumbnail` is a WebP of at most 320 pixels without metadata; for an
    animation, it shows the first, the longest and the last frame. `frames` is 1 for a still image.
    `perceptual_hash` is "" for an animation and for an image without structure.
    """

    extension: str
    width: int
    height: int
    size: int
    sha256: str
    thumbnail: bytes
    frames: int
    perceptual_hash: str


def store_image(file: File[Any], *, post: Post) -> PostImage:
    """Validate an image and store it with its thumbnail; return its row, not yet saved.

    Call it, and save the row, inside `uploads()`. Raises InvalidImage, and UploadsMissingError
    outside `uploads()`.
    """
    return store(accept_image(file), file, row=PostImage(post=post))


def accept_image(file: File[Any], *, is_counted: bool = True) -> ValidatedImage:
    """Validate an image to be stored. Raises InvalidImage if it is invalid or moderators refuse it.

    Call it before the transaction that `store` needs, so that a refused image is counted even if
    the transaction is rolled back. If `is_counted` is false, nothing is written.
    """
    image = validate_image(file)
    check_allowed(image, is_counted=is_counted)
    return image


def check_allowed(image: ValidatedImage, *, is_counted: bool = True) -> None:
    """Raise InvalidImage if moderators refuse a validated image. See `accept_image`."""
    if refused := find_refused(image.sha256, image.perceptual_hash):
        if is_counted:
            count_match(refused)
        raise InvalidImage("refused")


def validate_image(file: File[Any]) -> ValidatedImage:
    """Measure, decode and hash an image and create its thumbnail. Stores nothing.

    This may take a second, so call it before the transaction that `store` needs. Raises
    InvalidImage unless it is an intact JPEG, PNG, GIF or WebP within the limits.
    """
    content = _read(file)
    structure = inspect(content)
    frames = decode(content, structure, THUMBNAIL_SIDE)
    stored = _without_metadata(content, structure)
    width, height = structure.upright_size
    return ValidatedImage(
        extension=EXTENSIONS[structure.format],
        width=width,
        height=height,
        size=len(stored),
        sha256=hashlib.sha256(stored).hexdigest(),
        thumbnail=sheet.as_animated_webp(frames),
        frames=len(structure.frames),
        perceptual_hash="" if structure.is_animated else perceptual_hash(frames[0]),
    )


def store(image: ValidatedImage, file: File[Any], *, row: PostImage) -> PostImage:
    """Store the file without its metadata, and its thumbnail; fill the row with the measurements.

    `file` is the one that was validated. Raises InvalidImage if it has changed since, and
    UploadsMissingError outside `uploads()`.
    """
    return store_content(image, content_to_store(image, file), row=row)


def store_content(image: ValidatedImage, content: bytes, *, row: PostImage) -> PostImage:
    """Do the same as `store`, with content that `content_to_store` has returned."""
    row.image = _store_file(row.image, f"picture{image.extension}", ContentFile(content))
    row.thumbnail = _store_file(row.thumbnail, "thumbnail.webp", ContentFile(image.thumbnail))
    row.sha256, row.size = image.sha256, image.size
    row.width, row.height = image.width, image.height
    row.frames, row.perceptual_hash = image.frames, image.perceptual_hash
    return row


def content_to_store(image: ValidatedImage, file: File[Any]) -> bytes:
    """Return the content to be stored. Raises InvalidImage if the file has changed."""
    content = _read(file)
    stored = _without_metadata(content, inspect(content))
    if hashlib.sha256(stored).hexdigest() != image.sha256:
        raise InvalidImage("changed")
    return stored


def _without_metadata(content: bytes, structure: Structure) -> bytes:
    """Return the file without metadata and trailing data, unless the site keeps metadata."""
    if getattr(settings, "PICTURES_KEEP_METADATA", False):
        return content
    return structure.stripped.build(content)


def _store_file(current: FieldFile, filename: str, content: File[Any]) -> str:
    """Store `content` under a key from the field's `upload_to`, and return its name."""
    key = current.field.generate_filename(current.instance, filename)
    return put(current.storage, key, content)


def _read(file: File[Any]) -> bytes:
    """Return the content, or its first MAX_BYTES + 1 bytes, which `inspect` refuses."""
    file.seek(0)
    content: bytes = file.read(MAX_BYTES + 1)
    return content
