"""Every picture of the catalogue. All of them are generated and harmless."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.images import apngs, gifs, jpegs, pngs, webps
from tests.images.case import Case, saved, scene


def _all() -> Iterator[Case]:
    for name, module in (
        ("jpeg", jpegs),
        ("png", pngs),
        ("apng", apngs),
        ("gif", gifs),
        ("webp", webps),
    ):
        for case in (*module.accepted(), *module.refused()):
            yield replace(case, name=f"{name}-{case.name}")
    yield Case("other-empty", bytes, "empty")
    yield Case("other-svg", lambda: b"<svg onload='alert(1)'/>", "format")
    yield Case("other-text", lambda: b"hello", "format")
    for name in ("BMP", "TIFF", "ICO", "PPM", "TGA", "AVIF", "JPEG2000", "PCX", "ICNS", "PDF"):
        yield Case(f"other-{name}", lambda name=name: saved(scene(), name), "format")  # type: ignore[misc]


CASES = tuple(_all())
BY_NAME = {case.name: case for case in CASES}
