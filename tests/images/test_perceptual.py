"""Perceptual hashes: copies of a picture have nearly the same, other pictures do not."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from PIL import Image, ImageChops

from moderation.images import inspect, pdq
from moderation.images.perceptual import THRESHOLD, hash_of_file, perceptual_hash
from moderation.picture_groups.near import group_hashes
from posts.images.intake import validate_image
from tests.images.alike import (
    COLOURS,
    COPIES,
    STRUCTURELESS,
    advertisement,
    again,
    with_text,
)
from tests.images.case import saved
from tests.images.catalogue import CASES
from tests.posts.drawn import animation
from tests.services.processes import ROOT

PHOTOGRAPHS = sorted((ROOT / "fixtures" / "pictures").glob("*-1.webp"))
# Hash and quality of the patterns below, computed by Meta's own program in C++.
META = {
    "fractal": ("2c4b99b6e6b0a7999b965a695a69a5a62da419f13692c596cb5366699c4c69a6", 82),
    "mixed": ("7316c613b96d6e36cccb3191363441cfd273863609cdc839363607c5c9d9f1ce", 40),
}
STILL = [case for case in CASES if not case.refused_as and case.looks]


def distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


@pytest.mark.parametrize("name", META)
def test_hash_and_quality_are_those_of_metas_implementation(name: str) -> None:
    expected_hash, expected_quality = META[name]
    grid = pdq.brightness(pattern(name))
    assert pdq.hash_of(grid) == expected_hash
    assert pdq.quality(grid) == expected_quality


def pattern(name: str) -> Image.Image:
    """Return a picture of 512x512 pixels that is computed the same everywhere."""
    fractal = Image.effect_mandelbrot((512, 512), (-2, -1.5, 1, 1.5), 100)
    if name == "fractal":
        return Image.merge("RGB", (fractal, fractal.rotate(90), fractal))
    circle = Image.radial_gradient("L").resize((512, 512))
    slope = Image.linear_gradient("L").resize((512, 512))
    mixed = ImageChops.difference(fractal, circle), ImageChops.multiply(slope, fractal.rotate(180))
    return Image.merge("RGB", (*mixed, circle))


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_of_an_advertisement_is_similar(name: str) -> None:
    for number in range(10):
        image = advertisement(number)
        assert distance(perceptual_hash(image), perceptual_hash(COPIES[name](image))) <= THRESHOLD


def test_copies_are_grouped_and_different_pictures_are_not() -> None:
    pictures = [advertisement(number) for number in range(20)]
    pictures += [Image.open(path) for path in PHOTOGRAPHS]
    copies = [copy(picture) for picture in pictures for copy in COPIES.values()]
    hashes = [perceptual_hash(picture) for picture in [*pictures, *copies]]
    number = len(COPIES)
    expected = [
        [each, *range(len(pictures) + each * number, len(pictures) + (each + 1) * number)]
        for each in range(len(pictures))
    ]
    assert all(hashes)
    assert group_hashes(hashes) == expected


def test_a_small_picture_has_the_hash_of_the_large_one() -> None:
    image = advertisement(1)
    small = image.resize((90, 60), Image.Resampling.LANCZOS)
    assert distance(perceptual_hash(image), perceptual_hash(small)) <= THRESHOLD


@pytest.mark.parametrize("name", STRUCTURELESS)
def test_pictures_without_structure_have_no_hash(name: str) -> None:
    for number in range(len(COLOURS)):
        image = STRUCTURELESS[name](number)
        for each in (image, again(image, quality=30), image.resize((300, 200))):
            assert perceptual_hash(each) == "", f"{name} {number}"


@pytest.mark.parametrize("path", PHOTOGRAPHS[:5], ids=lambda path: path.stem)
def test_other_texts_on_the_same_background_are_not_similar(path: Path) -> None:
    with Image.open(path) as background:
        hashes = [perceptual_hash(with_text(background, number)) for number in range(7)]
    assert len(group_hashes(hashes)) == len(hashes)


def test_what_is_transparent_counts_as_white() -> None:
    image = advertisement(2)
    hidden = image.copy()
    hidden.putalpha(Image.new("L", image.size, 255))
    hidden.paste((0, 0, 0, 0), (0, 0, 300, 400))
    shown = image.copy()
    shown.paste("white", (0, 0, 300, 400))
    assert perceptual_hash(hidden) == perceptual_hash(shown) != perceptual_hash(image)


def test_a_hash_is_64_hexadecimal_digits() -> None:
    found = perceptual_hash(advertisement(3))
    assert len(found) == 64
    assert found == f"{int(found, 16):064x}"


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP"])
def test_animations_have_no_hash(file_format: str) -> None:
    content = animation(file_format)
    assert hash_of_file(content) == validate_image(ContentFile(content)).perceptual_hash == ""


def test_the_orientation_of_a_photograph_is_applied_before_it_is_hashed() -> None:
    upright = advertisement(4)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be rotated by 90 degrees
    content = saved(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, exif=exif)
    assert distance(hash_of_file(content), perceptual_hash(upright)) <= THRESHOLD


def test_the_intake_computes_the_same_hash_as_the_command() -> None:
    contents = [case.content() for case in STILL]
    contents += [saved(advertisement(number), "JPEG") for number in range(3)]
    contents += [path.read_bytes() for path in PHOTOGRAPHS]
    for content in contents:
        if not inspect(content).is_animated:
            stored = validate_image(ContentFile(content)).perceptual_hash
            assert hash_of_file(content) == stored


def test_the_pictures_of_the_demo_are_in_groups_of_copies() -> None:
    paths = sorted((ROOT / "fixtures" / "pictures").iterdir())
    hashes = [hash_of_file(path.read_bytes()) for path in paths]
    assert all(hashes)
    groups = [{paths[index].stem for index in group} for group in group_hashes(hashes)]
    for name in {path.stem for path in paths if re.fullmatch(r"ad-[a-z]+", path.stem)}:
        assert any({name, f"{name}-small"} <= group for group in groups)
    assert all(len({shown_in(name) for name in group}) == 1 for group in groups)


def shown_in(name: str) -> str:
    """Return what a picture of the demo shows: ad-koinzap if it is ad-koinzap-small."""
    return "-".join(name.split("-")[:2]) if name.startswith("ad-") else name


def test_distances_between_different_pictures_are_large() -> None:
    hashes = [perceptual_hash(advertisement(number)) for number in range(20)]
    assert min(distance(one, other) for one, other in combinations(hashes, 2)) > 2 * THRESHOLD
