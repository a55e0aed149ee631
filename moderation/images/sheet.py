"""Encode the small pictures that moderators see instead of the files."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from PIL import Image

QUALITY = 80  # WebP quality without artefacts that a moderator could mistake for content
GAP = 4  # pixels between two frames
MILLISECONDS = 1_000  # of each frame of a small animation
BADGE = (16, 48)  # smallest and largest size of the animation badge in pixels


def as_webp(image: Image.Image) -> bytes:
    """Return the picture as WebP without metadata."""
    written = BytesIO()
    image.save(written, "WEBP", quality=QUALITY)  # Pillow adds no metadata unless it is passed
    return written.getvalue()


def as_animated_webp(frames: Sequence[Image.Image]) -> bytes:
    """Return a still WebP for one frame, or an animation with a second for each frame."""
    first, *others = frames
    if not others:
        return as_webp(first)
    written = BytesIO()
    first.save(
        written,
        "WEBP",
        quality=QUALITY,
        save_all=True,
        append_images=others,
        duration=MILLISECONDS,
        loop=0,
    )
    return written.getvalue()


def side_by_side(frames: Sequence[Image.Image], side: int) -> Image.Image:
    """Return the frames of an animation in one picture of at most `side` pixels a side.

    Wide frames are stacked, the others stand side by side, and a badge is added. A single
    frame is returned unchanged.
    """
    if len(frames) == 1:
        return frames[0]
    room = (side - GAP * (len(frames) - 1)) // len(frames)
    width, height = frames[0].size
    is_wide = width > height
    box = (side, room) if is_wide else (room, side)
    tiles = []
    for frame in frames:
        tile = frame.convert("RGBA")
        tile.thumbnail(box, Image.Resampling.BICUBIC)
        tiles.append(tile)
    width, height = tiles[0].size
    step = (0, height + GAP) if is_wide else (width + GAP, 0)
    last = len(tiles) - 1
    sheet = Image.new("RGBA", (width + step[0] * last, height + step[1] * last))
    for number, tile in enumerate(tiles):
        sheet.paste(tile, (step[0] * number, step[1] * number))
    _add_badge(sheet)
    return sheet


def _add_badge(sheet: Image.Image) -> None:
    """Draw a play badge, a triangle on a dark background, in the corner."""
    from PIL import ImageDraw  # noqa: PLC0415 - it loads 2 MB of fonts, for animations only

    smallest, largest = BADGE
    size = min(max(min(sheet.size) // 8, smallest), largest, *sheet.size)
    left, top = sheet.width - size, sheet.height - size
    drawing = ImageDraw.Draw(sheet)
    drawing.rectangle((left, top, sheet.width, sheet.height), fill=(0, 0, 0, 255))
    quarter = size // 4
    corners = [
        (left + quarter, top + quarter),
        (left + quarter, top + size - quarter),
        (left + size - quarter, top + size // 2),
    ]
    drawing.polygon(corners, fill=(255, 255, 255, 255))
