"""How a picture is taken in: checked by decoding it, measured, hashed, stored with a thumbnail."""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.core.files import File
from django.core.files.base import ContentFile
from django.db.models.fields.files import FieldFile
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from PIL import Image

from posts.models import Post, PostImage
from posts.uploads import put, uploads

__all__ = ["Picture", "PictureRefusedError", "examine", "place", "take_in", "uploads"]

MAX_BYTES = 20 * 1024 * 1024  # 20 MB
MAX_PIXELS = 50_000_000  # 50 megapixels: some 200 MB of memory when decoded
MAX_PIXELS_ANIMATED = 500_000_000  # of all frames together: some seconds of decoding
THUMBNAIL_SIDE = 320  # pixels, of the longer side
THUMBNAIL_QUALITY = 80  # of WebP: no artefacts that a moderator would mistake for content
ORIENTATION_TAG = 0x0112  # EXIF

# Pillow's name of a format -> the ending of its key. MPO is a JPEG with more pictures behind it.
ENDINGS = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "GIF": ".gif", "WEBP": ".webp"}
# What Pillow's decoders raise for bytes that are not what their header promised.
DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    EOFError,
    struct.error,
    zlib.error,
)
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
LYING_ON_THE_SIDE = (5, 6, 7, 8)

REFUSALS: dict[str, Promise] = {
    "empty": _("The file is empty."),
    "format": _("The file is not a JPEG, PNG, GIF or WebP picture."),
    "broken": _("The picture is broken or incomplete."),
    "bytes": _("The picture is larger than 20 MB."),
    "pixels": _("The picture has more than 50 megapixels."),
    "frames": _("The animation has more than 500 megapixels in all its frames."),
}


class PictureRefusedError(Exception):
    """A file that is not taken in; `code` is a key of REFUSALS, `message` what to tell the user."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def message(self) -> Promise:
        """Why, in the reader's language."""
        return REFUSALS[self.code]

    def __str__(self) -> str:
        return str(self.message)


@dataclass(frozen=True, slots=True)
class Picture:
    """What the intake learned about a file; nothing of it is stored yet.

    `ending` is of the decoded format. `size` is in bytes; `width` and `height` are in pixels, as
    seen. `thumbnail` is a WebP of at most 320 pixels without any metadata.
    """

    ending: str
    width: int
    height: int
    size: int
    sha256: str
    thumbnail: bytes


def take_in(file: File[Any], *, post: Post) -> PostImage:
    """Check, measure and store a picture with its thumbnail; give its row, not yet saved.

    To be called, and the row saved, inside `uploads()`. Raises PictureRefusedError,
    and UploadsMissingError outside.
    """
    return place(examine(file), file, row=PostImage(post=post))


def examine(file: File[Any]) -> Picture:
    """Decode the whole picture, measure it and make its thumbnail. Stores nothing.

    Raises PictureRefusedError for anything but a sound JPEG, PNG, GIF or WebP within the limits.
    """
    content = _read(file)
    try:
        with _opened(content) as image:
            _decode(image)
            orientation = image.getexif().get(ORIENTATION_TAG, 1)
            width, height = image.size
            if orientation in LYING_ON_THE_SIDE:
                width, height = height, width
            thumbnail, ending = _thumbnail(image, orientation), ENDINGS[image.format or ""]
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureRefusedError("pixels") from error
    except DECODING_ERRORS as error:
        raise PictureRefusedError("broken") from error
    sha256 = hashlib.sha256(content).hexdigest()
    return Picture(ending, width, height, len(content), sha256, thumbnail)


def place(picture: Picture, file: File[Any], *, row: PostImage) -> PostImage:
    """Store the file, untouched, and its thumbnail; fill the row with both and what was measured.

    `file` is the one that `picture` was learned from. Raises UploadsMissingError outside
    `uploads()`.
    """
    file.seek(0)
    row.image = _stored_name(row.image, f"picture{picture.ending}", file)
    thumbnail = ContentFile(picture.thumbnail)
    row.thumbnail = _stored_name(row.thumbnail, "thumbnail.webp", thumbnail)
    row.sha256, row.size = picture.sha256, picture.size
    row.width, row.height = picture.width, picture.height
    return row


def _stored_name(current: FieldFile, filename: str, content: File[Any]) -> str:
    """Store `content` where the field wants it, and give its name."""
    key = current.field.generate_filename(current.instance, filename)
    return put(current.storage, key, content)


def _read(file: File[Any]) -> bytes:
    """All bytes, never more than one beyond the limit in memory."""
    file.seek(0)
    content: bytes = file.read(MAX_BYTES + 1)
    if not content:
        raise PictureRefusedError("empty")
    if len(content) > MAX_BYTES:
        raise PictureRefusedError("bytes")
    return content


def _opened(content: bytes) -> Image.Image:
    """The picture with its header read, and nothing decoded yet."""
    if not _has_known_header(content):
        raise PictureRefusedError("format")
    if content.startswith(b"GIF8") and not content.rstrip(b"\0").endswith(b";"):
        raise PictureRefusedError("broken")  # Pillow would take the frames that are left for all
    image = Image.open(BytesIO(content), formats=("JPEG", "PNG", "GIF", "WEBP"))
    if image.width * image.height > MAX_PIXELS:
        raise PictureRefusedError("pixels")
    return image


def _has_known_header(content: bytes) -> bool:
    """Tell a broken picture from what never was one: Pillow answers both in the same words."""
    return content.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")) or (
        content.startswith(b"RIFF") and content[8:12] == b"WEBP"
    )


def _decode(image: Image.Image) -> None:
    """Decode every frame, then return to the first. Raises where the bytes end too early."""
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > 1 and frames * image.width * image.height > MAX_PIXELS_ANIMATED:
        raise PictureRefusedError("frames")
    for number in range(frames):
        image.seek(number)
        image.load()
    image.seek(0)
    image.load()


def _thumbnail(image: Image.Image, orientation: int) -> bytes:
    small = _in_colours_of_webp(image)
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), reducing_gap=2.0)
    if orientation in TURNS:
        small = small.transpose(TURNS[orientation])
    target = BytesIO()
    small.save(target, "WEBP", quality=THUMBNAIL_QUALITY)  # no metadata, as long as none is named
    return target.getvalue()


def _in_colours_of_webp(image: Image.Image) -> Image.Image:
    """The picture in RGB, or RGBA where something shines through (palette, CMYK, grey, 16 bits)."""
    if image.mode.startswith(("I", "F")):
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")
