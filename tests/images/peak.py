"""`python -m tests.images.peak WHAT FOLDER`: process pictures and print the peak in MB.

It is a separate process, since the peak of memory never decreases.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import django
from django.core.files.base import File
from django.core.management import call_command

from benchmarks.measure import peak_mb

LARGE_PIXELS = 9_000_000  # smaller ones take little memory even twice


def look_at_each(folder: Path) -> None:
    """Upload each file, and show it on the picture page."""
    from moderation.admin import thumbnails
    from moderation.images import InvalidImage
    from posts.images.intake import validate_image

    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            stored: Any = File(file)
            try:
                validate_image(stored)
                thumbnails.thumbnail_of(path.read_bytes())
                thumbnails.thumbnail_of(path.read_bytes(), thumbnails.LARGE_SIDE)
            except InvalidImage:
                continue


def look_large_twice(folder: Path) -> None:
    """Show each large picture in the large view, to two moderators at the same time."""
    from moderation.admin import thumbnails
    from moderation.images import InvalidImage, inspect

    with ThreadPoolExecutor(2) as moderators:
        for path in sorted(folder.iterdir()):
            content = path.read_bytes()
            with suppress(InvalidImage):
                structure = inspect(content)
                if structure.width * structure.height < LARGE_PIXELS:
                    continue
                looks = [
                    moderators.submit(thumbnails.thumbnail_of, content, thumbnails.LARGE_SIDE)
                    for _ in range(2)
                ]
                for look in looks:
                    look.result()


def import_all(folder: Path) -> None:
    """Import posts that show all files, several times over."""
    call_command("migrate", verbosity=0)
    call_command("mark_storage", stdout=StringIO())
    names = sorted(path.name for path in folder.iterdir())
    lines = [
        {"author": "ada", "title": str(n), "body": "", "reports": 0, "images": [name]}
        for n in range(3)
        for name in names
    ]
    file = folder.parent / "posts.jsonl"
    when = {"created_at": "2026-11-04T14:50:27Z"}
    file.write_text("\n".join(json.dumps(line | when) for line in lines))
    call_command(
        "import_posts", file, images=folder, skip_bad=True, stdout=StringIO(), stderr=StringIO()
    )


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    django.setup()
    ways = {"look": look_at_each, "large": look_large_twice, "import": import_all}
    ways[sys.argv[1]](Path(sys.argv[2]))
    print(peak_mb())  # noqa: T201 - its answer
