"""Store pictures: check them, measure them, remove metadata, and create a thumbnail."""

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
from posts.images.uploads import put, uploads
from posts.models import Post, PostImage

__all__ = ["Picture", "PictureRefusedError", "examine", "place", "take_in", "uploads"]

THUMBNAIL_SIDE = 320  # pixels, of the longer side

# The extension of the key, by the actual format of the file.
ENDINGS = {"JPEG": ".jpg", "PNG": ".png", "GIF": ".gif", "WEBP": ".webp"}

PictureRefusedError = InvalidImage


@dataclass(frozen=True, slots=True)
class Picture:
    """An examined picture that is not yet stored.

    `ending` is the extension of its actual format. `size` and `sha256` are those of the file that
    will be stored: without metadata, unless PICTURES_KEEP_METADATA is on. `width` and `height` are
    in pixels, as displayed. `thumbnail` is a WebP of at most 320 pixels without metadata; for an
    animation, it shows the first, the longest and the last frame. `frames` is 1 for a still
    picture.
    """

    ending: str
    width: int
    height: int
    size: int
    sha256: str
    thumbnail: bytes
    frames: int


def take_in(file: File[Any], *, post: Post) -> PostImage:
    """Check, measure and store a picture with its thumbnail; return its row, not yet saved.

    To be called, and the row saved, inside `uploads()`. Raises PictureRefusedError,
    and UploadsMissingError outside.
    """
    return place(examine(file), file, row=PostImage(post=post))


def examine(file: File[Any]) -> Picture:
    """Measure and decode a picture and create its thumbnail. Stores nothing.

    This may take a second, so call it before the transaction that `place` needs. Raises
    PictureRefusedError unless it is an intact JPEG, PNG, GIF or WebP within the limits.
    """
    content = _read(file)
    structure = inspect(content)
    thumbnail = sheet.as_animated_webp(decode(content, structure, THUMBNAIL_SIDE))
    stored = _stored(content, structure)
    width, height = structure.upright_size
    return Picture(
        ending=ENDINGS[structure.format],
        width=width,
        height=height,
        size=len(stored),
        sha256=hashlib.sha256(stored).hexdigest(),
        thumbnail=thumbnail,
        frames=len(structure.frames),
    )


def place(picture: Picture, file: File[Any], *, row: PostImage) -> PostImage:
    """Store the file without its metadata, and its thumbnail; fill the row with the measurements.

    `file` is the one that was examined. Raises PictureRefusedError if it has changed since, and
    UploadsMissingError outside `uploads()`.
    """
    return store(picture, stored_bytes(picture, file), row=row)


def store(picture: Picture, content: bytes, *, row: PostImage) -> PostImage:
    """Store the result of `stored_bytes`; otherwise like `place`."""
    row.image = _stored_name(row.image, f"picture{picture.ending}", ContentFile(content))
    thumbnail = ContentFile(picture.thumbnail)
    row.thumbnail = _stored_name(row.thumbnail, "thumbnail.webp", thumbnail)
    row.sha256, row.size = picture.sha256, picture.size
    row.width, row.height = picture.width, picture.height
    row.frames = picture.frames
    return row


def stored_bytes(picture: Picture, file: File[Any]) -> bytes:
    """Return the content to be stored. Raises PictureRefusedError if the file has changed."""
    content = _read(file)
    stored = _stored(content, inspect(content))
    if hashlib.sha256(stored).hexdigest() != picture.sha256:
        raise PictureRefusedError("changed")
    return stored


def _stored(content: bytes, structure: Structure) -> bytes:
    """Return the file without metadata and trailing data, unless the site keeps metadata."""
    if getattr(settings, "PICTURES_KEEP_METADATA", False):
        return content
    return structure.stripped.build(content)


def _stored_name(current: FieldFile, filename: str, content: File[Any]) -> str:
    """Store `content` where the field wants it, and return its name."""
    key = current.field.generate_filename(current.instance, filename)
    return put(current.storage, key, content)


def _read(file: File[Any]) -> bytes:
    """Return all bytes, never more than one beyond the limit in memory."""
    file.seek(0)
    content: bytes = file.read(MAX_BYTES + 1)
    return content
