"""How a picture is validated and stored."""

from __future__ import annotations

import hashlib
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.utils import translation
from PIL import Image
from pytest_django import Settings

from moderation.images import limits
from posts.admin.inlines import NewPictureForm
from posts.images import intake
from tests.posts.drawn import a_picture, a_post, animation, drawing, files_in

KEY = r"posts/\d{4}/\d{2}/[0-9a-f]{32}"


def validated(content: bytes) -> intake.ValidatedImage:
    return intake.validate_image(ContentFile(content, "holiday.exe"))


def error_code(content: bytes) -> str:
    with pytest.raises(intake.InvalidImage) as refused:
        validated(content)
    assert str(refused.value)
    return refused.value.code


def thumbnail_of(content: bytes) -> Image.Image:
    return Image.open(BytesIO(validated(content).thumbnail))


def colour(image: Image.Image, position: tuple[int, int]) -> str:
    """Name the strongest colour of a pixel."""
    parts: list[Any] = [channel.getpixel(position) for channel in image.convert("RGB").split()]
    return ("red", "green", "blue")[parts.index(max(parts))]


@pytest.mark.parametrize(
    ("file_format", "ending"),
    [("JPEG", ".jpg"), ("PNG", ".png"), ("GIF", ".gif"), ("WEBP", ".webp")],
)
def test_ending_comes_from_the_decoded_format(file_format: str, ending: str) -> None:
    assert validated(drawing(file_format)).extension == ending


@pytest.mark.parametrize(
    ("file_format", "mode"),
    [
        ("JPEG", "CMYK"),
        ("JPEG", "L"),
        ("PNG", "P"),
        ("PNG", "RGBA"),
        ("PNG", "LA"),
        ("PNG", "1"),
        ("PNG", "I;16"),
        ("GIF", "P"),
        ("WEBP", "RGBA"),
    ],
)
def test_every_colour_mode_gives_a_webp_thumbnail(file_format: str, mode: str) -> None:
    content = drawing(file_format, mode="RGB" if mode == "I;16" else mode)
    if mode == "I;16":
        target = BytesIO()
        Image.new("I;16", (40, 30), 40_000).save(target, file_format)
        content = target.getvalue()
    thumbnail = thumbnail_of(content)
    assert (thumbnail.format, thumbnail.size) == ("WEBP", (40, 30))


def test_sixteen_bits_of_grey_are_not_cut_to_white() -> None:
    target = BytesIO()
    Image.new("I;16", (40, 30), 32_768).save(target, "PNG")
    assert thumbnail_of(target.getvalue()).convert("L").getpixel((5, 5)) == pytest.approx(
        128, abs=3
    )


def test_what_shines_through_still_does_in_the_thumbnail() -> None:
    target = BytesIO()
    Image.new("RGBA", (40, 30), (255, 0, 0, 0)).save(target, "PNG")
    assert thumbnail_of(target.getvalue()).mode == "RGBA"


def test_thumbnail_has_320_pixels_at_most_and_is_never_larger_than_the_picture() -> None:
    assert thumbnail_of(drawing(size=(1000, 500))).size == (320, 160)
    assert thumbnail_of(drawing(size=(20, 10))).size == (20, 10)


def test_thumbnail_of_an_animation_is_its_first_frame() -> None:
    assert colour(thumbnail_of(animation("GIF")), (5, 5)) == "red"


def test_orientation_turns_thumbnail_and_measures_but_not_the_file() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was upright: rotate by 90 degrees
    content = drawing("JPEG", size=(80, 40), exif=exif)
    picture, file = validated(content), ContentFile(content)
    thumbnail = thumbnail_of(content)
    assert (picture.width, picture.height) == thumbnail.size == (40, 80)
    assert colour(thumbnail, (20, 5)) == "red"  # the left half is on top now
    assert colour(thumbnail, (20, 75)) == "blue"
    assert picture.sha256 == hashlib.sha256(intake.content_to_store(picture, file)).hexdigest()


def test_thumbnail_carries_no_metadata() -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8825)[1] = "N"  # GPS
    thumbnail = thumbnail_of(drawing("JPEG", exif=exif, icc_profile=b"profile", comment=b"me"))
    assert not thumbnail.getexif()
    assert not {"exif", "icc_profile", "xmp", "comment"} & thumbnail.info.keys()


@pytest.mark.parametrize("content", [b"<svg/>", b"hello", drawing("BMP"), drawing("TIFF")])
def test_other_formats_are_refused(content: bytes) -> None:
    assert error_code(content) == "format"


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "WEBP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_truncated_pictures_are_refused(file_format: str, share: float) -> None:
    content = drawing(file_format, size=(200, 150))
    assert error_code(content[: int(len(content) * share)]) == "broken"


@pytest.mark.parametrize("file_format", ["PNG", "GIF", "WEBP"])
def test_truncated_animations_are_refused(file_format: str) -> None:
    content = animation(file_format)
    assert error_code(content[: len(content) * 3 // 4]) == "broken"


def test_empty_files_are_refused() -> None:
    assert error_code(b"") == "empty"


def test_files_over_20_mb_are_refused_without_decoding() -> None:
    padded = drawing() + bytes(limits.MAX_BYTES)
    assert error_code(padded) == "bytes"


@pytest.mark.parametrize(
    "side", [7_072, 11_000, 30_000]
)  # just over, and where Pillow warns, raises
def test_more_than_50_megapixels_are_refused_from_the_header(side: int) -> None:
    header = bytearray(drawing("GIF"))
    header[6:10] = side.to_bytes(2, "little") * 2
    assert error_code(bytes(header)) == "pixels"


def test_an_animation_of_too_many_pixels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_PIXELS_ANIMATED", 4 * 40 * 30 - 1)
    assert error_code(animation("GIF", frames=4)) == "frames"
    assert validated(animation("GIF", frames=3)).extension == ".gif"


def test_errors_are_in_the_readers_language() -> None:
    with translation.override("en"):
        assert "20 MB" in str(intake.InvalidImage("bytes").message)


def test_the_form_names_the_limits_of_each_format_and_what_happens_to_metadata(
    settings: Settings,
) -> None:
    help_text = str(NewPictureForm().fields["upload"].help_text)
    for pixels in limits.MAX_PIXELS.values():
        assert str(pixels // 1_000_000) in help_text
    assert "Metadata such as location and camera is removed" in help_text
    settings.PICTURES_KEEP_METADATA = True
    assert "Metadata" not in str(NewPictureForm().fields["upload"].help_text)


@pytest.mark.django_db
def test_stored_bytes_are_the_users_and_the_row_tells_their_size_and_digest() -> None:
    content = drawing("JPEG", size=(64, 48))
    row = a_picture(a_post(), content)
    with row.image.open() as file:
        assert file.read() == content
    assert (row.size, row.width, row.height) == (len(content), 64, 48)
    assert row.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.django_db
def test_keys_tell_nothing_and_are_not_used_twice(fresh_storage: Path) -> None:
    post = a_post()
    first, second = a_picture(post), a_picture(post)
    assert re.fullmatch(KEY + r"\.png", first.image.name or "")
    assert re.fullmatch(KEY + r"-thumb\.webp", first.thumbnail.name or "")
    assert (first.thumbnail.name or "")[:46] != (first.image.name or "")[:46]
    assert len({first.image.name, second.image.name, first.thumbnail.name}) == 3
    assert len(files_in(fresh_storage)) == 4
