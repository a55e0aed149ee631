"""What Chromium shows of a picture: its pixels, on white, one frame after another."""

from __future__ import annotations

import base64
from typing import Any

from PIL import Image
from playwright.sync_api import Page

from tests.pictures.case import Case

ADDRESS = "https://pictures.test/"  # of nobody: the page is answered here
GRID = 24  # pixels of a side at which two pictures are compared
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
    """Go to a page of no server, on which scripts may decode pictures."""
    page.route(
        ADDRESS, lambda route: route.fulfill(body="<!doctype html>", content_type="text/html")
    )
    page.goto(ADDRESS)


def frames_of(page: Page, case: Case, content: bytes, numbers: list[int]) -> list[dict[str, Any]]:
    """Have Chromium decode frames. Raises playwright's Error where it cannot."""
    asked = {"data": base64.b64encode(content).decode(), "grid": GRID, "frames": numbers}
    found: list[dict[str, Any]] = page.evaluate(
        SCRIPT, asked | {"type": TYPES[case.name.split("-")[0]]}
    )
    return found


def as_image(shown: dict[str, Any]) -> Image.Image:
    """The pixels as a picture."""
    data = base64.b64decode(shown["pixels"])
    return Image.frombytes("RGBA", (GRID, GRID), data).convert("RGB")


def on_white(image: Image.Image) -> Image.Image:
    """What the moderator sees, in the same form."""
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image.convert("RGBA"))
    return ground.convert("RGB").resize((GRID, GRID), Image.Resampling.BOX)
