"""The pixels that Chromium shows of a picture, on white, frame by frame."""

from __future__ import annotations

import base64
from typing import Any

from PIL import Image
from playwright.sync_api import Page

from tests.images.case import Case

ADDRESS = "https://pictures.test/"  # does not exist; the page is served by the test
GRID = 24  # pixels a side at which two pictures are compared
TYPES = {"jpeg": "image/jpeg", "png": "image/png", "apng": "image/png"}
TYPES |= {"gif": "image/gif", "webp": "image/webp"}
SCRIPT = """
async ({ data, type, grid, frames }) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const blob = new Blob([bytes], { type });
  const pixels = (source, width, height) => {
    const canvas = new OffscreenCanvas(grid, grid);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = "white";
    context.fillRect(0, 0, grid, grid);
    context.imageSmoothingQuality = "high";
    context.drawImage(source, 0, 0, width, height, 0, 0, grid, grid);
    const shown = context.getImageData(0, 0, grid, grid).data;
    return { width, height, pixels: btoa(String.fromCharCode(...shown)) };
  };
  if (frames.length === 1) {
    const image = new Image();
    image.src = URL.createObjectURL(blob);
    await image.decode();
    return [pixels(image, image.naturalWidth, image.naturalHeight)];
  }
  const decoder = new ImageDecoder({ data: bytes, type, preferAnimation: true });
  const found = [];
  for (const frameIndex of frames) {
    const { image } = await decoder.decode({ frameIndex });
    found.push(pixels(image, image.displayWidth, image.displayHeight));
  }
  return found;
}
"""


def open_empty(page: Page) -> None:
    """Open an empty page on which scripts may decode pictures."""
    page.route(
        ADDRESS, lambda route: route.fulfill(body="<!doctype html>", content_type="text/html")
    )
    page.goto(ADDRESS)


def frames_of(page: Page, case: Case, content: bytes, numbers: list[int]) -> list[dict[str, Any]]:
    """Return frames that Chromium decoded. Raises playwright's Error if it cannot."""
    arguments = {"data": base64.b64encode(content).decode(), "grid": GRID, "frames": numbers}
    found: list[dict[str, Any]] = page.evaluate(
        SCRIPT, arguments | {"type": TYPES[case.name.split("-")[0]]}
    )
    return found


def as_image(shown: dict[str, Any]) -> Image.Image:
    """Return the pixels as a picture."""
    data = base64.b64decode(shown["pixels"])
    return Image.frombytes("RGBA", (GRID, GRID), data).convert("RGB")


def on_white(image: Image.Image) -> Image.Image:
    """Return what the moderator sees, in the same form."""
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image.convert("RGBA"))
    return ground.convert("RGB").resize((GRID, GRID), Image.Resampling.BOX)
