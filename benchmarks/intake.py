"""The most expensive pictures of each format: how much memory and CPU time they take.

Each is measured in a fork of a process that has not decoded anything: as an upload in the post's
form, on the picture page, and all of them together in an import. The pictures are those of the
tests.
"""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable
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
Look = Callable[[str, bytes], None]


def intake(place: Path, size: Size) -> Figures:
    """Measure peak memory in MB and CPU seconds, of the worst picture and of an import."""
    folder = place / "pictures"
    folder.mkdir()
    _measured(partial(_make, folder, size.intake_every))
    figures: Figures = {}
    for path in sorted(folder.iterdir()):
        for way, look in _ways().items():
            kind, verdict = path.name.split("-")[0], path.name.rpartition(".")[2]
            measured = _measured(partial(_look, look, path))
            for name, value in zip(("peak_mb", "seconds"), measured, strict=True):
                figure = f"{kind}_{verdict}_{name}"
                if value > figures.get(figure, 0):
                    figures[figure] = value
                    say(f"  {figure} {value:.3g} ({way} of {path.stem})")
    figures["peak_mb"] = max(value for name, value in figures.items() if name.endswith("_peak_mb"))
    call_command("mark_storage", stdout=StringIO())
    figures["import_mb"], figures["import_seconds"] = _measured(partial(_import, folder))
    return figures


def _make(folder: Path, every: int) -> None:
    """Write the files, each with the expected verdict as its extension."""
    from tests.pictures.catalogue import CASES

    for case in CASES[::every]:
        verdict = "refused" if case.refused_as else "accepted"
        (folder / f"{case.name}.{verdict}").write_bytes(case.make())


def _look(look: Look, path: Path) -> None:
    look(path.name, path.read_bytes())


def _ways() -> dict[str, Look]:
    from moderation.admin import thumbnails
    from moderation.images import InvalidImage
    from posts.admin.inlines import NewPictureForm

    def form(name: str, content: bytes) -> None:
        upload: UploadedFile[bytes] = SimpleUploadedFile(name, content)
        NewPictureForm(files=MultiValueDict({"upload": [upload]})).is_valid()

    def page(_name: str, content: bytes) -> None:
        try:
            thumbnails.small(content)
        except InvalidImage:
            return

    return {"form": form, "page": page}


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
    connections.close_all()  # a fork must not share them
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
        told = result.read()
    os.waitpid(child, 0)
    peak, seconds = json.loads(told)
    return peak, seconds
