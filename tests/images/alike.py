"""Drawn pictures that are alike: copies of an advertisement, and pictures without structure."""

from __future__ import annotations

import random
from collections.abc import Callable
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw, ImageFont

SIZE = (600, 400)
WIDTH, HEIGHT = SIZE
COLOURS = ("#e02020", "#20c040", "#2040e0", "#e0c020", "#000000", "#ffffff", "#808080")
TEXTS = (
    "Cheap pills", "Win a phone", "Loans today", "Meet singles", "Casino bonus", "Garden sale",
    "Free holiday",
)  # fmt: skip


def advertisement(number: int) -> Image.Image:
    """Return a picture of shapes and lines of text, which differ from number to number."""
    chance = random.Random(number)  # noqa: S311
    image = Image.new("RGB", SIZE, _colour(chance))
    drawing = ImageDraw.Draw(image)
    for _ in range(12):
        left, top = chance.randrange(WIDTH), chance.randrange(HEIGHT)
        corners = (left, top, left + chance.randrange(60, 250), top + chance.randrange(40, 200))
        draw = drawing.ellipse if chance.random() < 0.5 else drawing.rectangle
        draw(corners, fill=_colour(chance))
    for line in chance.sample(TEXTS, 3):
        position = (chance.randrange(WIDTH // 3), chance.randrange(HEIGHT - 60))
        drawing.text(position, line, fill=_colour(chance), font=ImageFont.load_default(60))
    return image


def _colour(chance: random.Random) -> tuple[int, int, int]:
    return (chance.randrange(256), chance.randrange(256), chance.randrange(256))


def again(image: Image.Image, file_format: str = "JPEG", **options: Any) -> Image.Image:
    """Return a picture as it looks after it was saved in a format."""
    target = BytesIO()
    image.save(target, file_format, **options)
    return Image.open(target)


# What spammers do to a picture that has been removed, so that it is not the same file.
COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "compressed": lambda image: again(image, quality=30),
    "smaller": lambda image: image.resize((WIDTH * 2 // 3, HEIGHT * 2 // 3)),
    "larger": lambda image: image.resize((WIDTH * 2, HEIGHT * 2)),
    "another format": lambda image: again(image, "WEBP", quality=70),
    "a little brighter": lambda image: image.point(
        [min(value + 10, 255) for value in range(256)] * 3
    ),
}


def plain(number: int) -> Image.Image:
    """Return a picture of one colour."""
    return Image.new("RGB", SIZE, COLOURS[number])


def split(number: int) -> Image.Image:
    """Return two halves in different colours, side by side."""
    return _with_area(number, [(0, 0), (WIDTH // 2, 0), (WIDTH // 2, HEIGHT), (0, HEIGHT)])


def stacked(number: int) -> Image.Image:
    """Return two halves in different colours, one above the other."""
    return _with_area(number, [(0, 0), (WIDTH, 0), (WIDTH, HEIGHT // 2), (0, HEIGHT // 2)])


def diagonal(number: int) -> Image.Image:
    """Return two triangles in different colours."""
    return _with_area(number, [(0, 0), (WIDTH, 0), (0, HEIGHT)])


def bordered(number: int) -> Image.Image:
    """Return an area with a border in another colour."""
    return _with_area(
        number, [(40, 40), (WIDTH - 40, 40), (WIDTH - 40, HEIGHT - 40), (40, HEIGHT - 40)]
    )


def disc(number: int) -> Image.Image:
    """Return a disc on another colour."""
    image = plain(number)
    colour = COLOURS[(number + 3) % len(COLOURS)]
    ImageDraw.Draw(image).ellipse((100, 50, WIDTH - 100, HEIGHT - 50), fill=colour)
    return image


def gradient(number: int) -> Image.Image:
    """Return a colour that becomes lighter from top to bottom."""
    light = Image.linear_gradient("L").resize(SIZE)
    return Image.composite(Image.new("RGB", SIZE, "white"), plain(number), light)


def _with_area(number: int, corners: list[tuple[int, int]]) -> Image.Image:
    image = plain(number)
    ImageDraw.Draw(image).polygon(corners, fill=COLOURS[(number + 3) % len(COLOURS)])
    return image


STRUCTURELESS = {
    "plain": plain,
    "split": split,
    "stacked": stacked,
    "diagonal": diagonal,
    "bordered": bordered,
    "disc": disc,
    "gradient": gradient,
}


def with_text(background: Image.Image, number: int) -> Image.Image:
    """Return a background with two lines of text, which differ from number to number."""
    image = background.convert("RGB").resize(SIZE)
    drawing = ImageDraw.Draw(image)
    for line in (0, 1):
        text = TEXTS[(number + 3 * line) % len(TEXTS)]
        position = (40, 60 + 180 * line)
        drawing.text(position, text, fill="white", font=ImageFont.load_default(80), stroke_width=2)
    return image
