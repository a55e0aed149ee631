"""Memory and CPU time of the most expensive pictures of each format, taken from the tests.

Each is measured in a fork of a process that has not decoded anything: as an upload in the post's
form, and on the picture page, in both sizes. Then an import of all of them is measured.
"""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from io import StringIO
from pathlib import Path

from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.core.management import call_command
from django.db import connections
from django.utils.datastructures import MultiValueDict

from benchmarks.measure import peak_mb, say
from benchmarks.sizes import Size

Figures = dict[str, float]
Handler = Callable[[str, bytes], None]


def intake(temporary: Path, size: Size) -> Figures:
    """Measure peak memory in MB and CPU seconds, of the worst picture and of an import."""
    folder = temporary / "pictures"
    folder.mkdir()
    _measured(partial(_write_pictures, folder, size.intake_every))
    figures: Figures = {}
    for path in sorted(folder.iterdir()):
        for way, handle in _handlers().items():
            image_format, verdict = path.name.split("-")[0], path.name.rpartition(".")[2]
            measured = _measured(partial(_handle, handle, path))
            for name, value in zip(("peak_mb", "seconds"), measured, strict=True):
                figure = f"{image_format}_{verdict}_{name}"
                if value > figures.get(figure, 0):
                    figures[figure] = value
                    say(f"  {figure} {value:.3g} ({way} of {path.stem})")
    for figure, ending in (("peak_mb", "_peak_mb"), ("slowest_seconds", "_seconds")):
        figures[figure] = max(value for name, value in figures.items() if name.endswith(ending))
    call_command("mark_storage", stdout=StringIO())
    figures["import_mb"], figures["import_seconds"] = _measured(partial(_import, folder))
    return figures


def _write_pictures(folder: Path, every: int) -> None:
    """Write the files, each with the expected verdict as its extension."""
    from tests.images.catalogue import CASES

    for case in CASES[::every]:
        verdict = "refused" if case.refused_as else "accepted"
        (folder / f"{case.name}.{verdict}").write_bytes(case.make())


def _handle(handle: Handler, path: Path) -> None:
    handle(path.name, path.read_bytes())


def _handlers() -> dict[str, Handler]:
    from moderation.admin import thumbnails
    from moderation.images import InvalidImage
    from posts.admin.inlines import NewPictureForm

    def form(name: str, content: bytes) -> None:
        upload: UploadedFile[bytes] = SimpleUploadedFile(name, content)
        NewPictureForm(files=MultiValueDict({"upload": [upload]})).is_valid()

    def page(side: int, _name: str, content: bytes) -> None:
        with suppress(InvalidImage):
            thumbnails.thumbnail_of(content, side)

    small, large = (partial(page, side) for side in (thumbnails.MAX_SIDE, thumbnails.LARGE_SIDE))
    return {"form": form, "page": small, "large page": large}


def _import(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    common = {"author": "ada", "body": "", "reports": 0, "created_at": "2026-11-04T14:50:27Z"}
    lines = (json.dumps(common | {"title": name, "images": [name]}) for name in names)
    file = folder.parent / "posts.jsonl"
    file.write_text("\n".join(lines))
    call_command(
        "import_posts", file, images=folder, skip_bad=True, stdout=StringIO(), stderr=StringIO()
    )


def _measured(work: Callable[[], None]) -> tuple[float, float]:
    """Run `work` in a fork; return its peak memory in MB and its CPU seconds."""
    connections.close_all()  # they must not be shared with a fork
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            before = resource.getrusage(resource.RUSAGE_SELF)
            work()
            after = resource.getrusage(resource.RUSAGE_SELF)
            seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            os.write(writing, json.dumps([peak_mb(), seconds]).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as result:  # noqa: PTH123 - a descriptor has no path
        measured = result.read()
    os.waitpid(child, 0)
    peak, seconds = json.loads(measured)
    return peak, seconds
