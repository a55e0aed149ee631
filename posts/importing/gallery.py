"""The folder with an import's pictures."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.core.files import File

from posts.importing.lines import BadLineError, Entry
from posts.models import Post, PostImage
from posts.pictures import Picture, PictureRefusedError, examine, place

# Pictures that are not decoded again when another post shows them too: some 20 kB each.
REMEMBERED_PICTURES = 512


class Gallery:
    """The files of one folder; nothing outside of it is ever opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._examined = lru_cache(maxsize=REMEMBERED_PICTURES)(_examine_version)

    def check(self, entry: Entry) -> None:
        """Examine every picture of an entry. Raises BadLineError for one that is not taken in."""
        for name in entry.images:
            self._picture(entry, name)

    def take_in(self, entry: Entry, post: Post) -> list[PostImage]:
        """Store every picture of an entry as files of their own; give the rows, not yet saved.

        Raises BadLineError; UploadsMissingError outside `uploads()`.
        """
        rows = []
        for name in entry.images:
            path, picture = self._picture(entry, name)
            with path.open("rb") as file:
                rows.append(place(picture, File(file), row=PostImage(post=post)))
        return rows

    def _picture(self, entry: Entry, name: str) -> tuple[Path, Picture]:
        try:
            path = self._path(name)
            status = path.stat()
            return path, self._examined(path, status.st_mtime_ns, status.st_size)
        except PictureRefusedError as refused:
            raise BadLineError(entry.number, f"{name!r}: {refused}") from refused
        except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links in a circle
            reason = getattr(error, "strerror", None) or error
            raise BadLineError(entry.number, f"{name!r}: {reason}") from error

    def _path(self, name: str) -> Path:
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder):
            raise ValueError("it leads out of the folder of pictures")
        if not path.is_file():
            raise ValueError("there is no such picture")
        return path


def _examine_version(path: Path, _mtime_ns: int, _size: int) -> Picture:
    """Examine a file; one that was changed meanwhile is another version and examined again."""
    with path.open("rb") as file:
        return examine(File(file))
