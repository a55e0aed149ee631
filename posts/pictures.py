"""How a picture is taken in: checked, measured, stripped of metadata, stored with a thumbnail."""

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
from posts.models import Post, PostImage
from posts.uploads import put, uploads

__all__ = ["Picture", "PictureRefusedError", "examine", "place", "take_in", "uploads"]

THUMBNAIL_SIDE = 320  # pixels, of the longer side

# The ending of the key, by the format that was found in the file.
ENDINGS = {"JPEG": ".jpg", "PNG": ".png", "GIF": ".gif", "WEBP": ".webp"}

PictureRefusedError = InvalidImage


@dataclass(frozen=True, slots=True)
class Picture:
    """What the intake learned about a file; nothing of it is stored yet.

    `ending` is of the format that was found. `size` and `sha256` are of the file that will be
    stored: without metadata, unless PICTURES_KEEP_METADATA is on. `width` and `height` are in
    pixels, as seen. `thumbnail` is a WebP of at most 320 pixels without any metadata; that of an
    animation shows its first frame, the one that is shown longest, and the last. `frames` is 1 for
    a still picture.
    """

    ending: str
    width: int
    height: int
    size: int
    sha256: str
    thumbnail: bytes
    frames: int


def take_in(file: File[Any], *, post: Post) -> PostImage:
    """Check, measure and store a picture with its thumbnail; give its row, not yet saved.

    To be called, and the row saved, inside `uploads()`. Raises PictureRefusedError,
    and UploadsMissingError outside.
    """
    return place(examine(file), file, row=PostImage(post=post))


def examine(file: File[Any]) -> Picture:
    """Measure the picture, decode what is seen of it, and make its thumbnail. Stores nothing.

    It may take a second: call it before the transaction that `place` needs. Raises
    PictureRefusedError for anything but a sound JPEG, PNG, GIF or WebP within the limits.
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
    """Store the file without its metadata, and its thumbnail; fill the row with what was measured.

    `file` is the one that `picture` was learned from. Raises PictureRefusedError where it changed
    since, and UploadsMissingError outside `uploads()`.
    """
    return store(picture, stored_bytes(picture, file), row=row)


def store(picture: Picture, content: bytes, *, row: PostImage) -> PostImage:
    """Store what `stored_bytes` returned; else as `place`."""
    row.image = _stored_name(row.image, f"picture{picture.ending}", ContentFile(content))
    thumbnail = ContentFile(picture.thumbnail)
    row.thumbnail = _stored_name(row.thumbnail, "thumbnail.webp", thumbnail)
    row.sha256, row.size = picture.sha256, picture.size
    row.width, row.height = picture.width, picture.height
    row.frames = picture.frames
    return row


def stored_bytes(picture: Picture, file: File[Any]) -> bytes:
    """Return what is stored of a file. Raises PictureRefusedError where it changed meanwhile."""
    content = _read(file)
    stored = _stored(content, inspect(content))
    if hashlib.sha256(stored).hexdigest() != picture.sha256:
        raise PictureRefusedError("changed")
    return stored


def _stored(content: bytes, structure: Structure) -> bytes:
    """The file without metadata and without what follows its end, as the site wants it."""
    if getattr(settings, "PICTURES_KEEP_METADATA", False):
        return content
    return structure.stripped.build(content)


def _stored_name(current: FieldFile, filename: str, content: File[Any]) -> str:
    """Store `content` where the field wants it, and give its name."""
    key = current.field.generate_filename(current.instance, filename)
    return put(current.storage, key, content)


def _read(file: File[Any]) -> bytes:
    """All bytes, never more than one beyond the limit in memory."""
    file.seek(0)
    content: bytes = file.read(MAX_BYTES + 1)
    return content
