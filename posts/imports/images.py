"""The folder with an import's pictures."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.files import File

from posts.images.intake import Picture, PictureRefusedError, examine, store, stored_bytes
from posts.imports.parse import BadLineError, Entry
from posts.models import Post, PostImage

# Pictures that are not decoded again when another post uses them: some 20 kB each. More than one
# batch can have, so that its pictures are still cached when it is written.
REMEMBERED_PICTURES = 512

# The version of a file: path, modification time in nanoseconds, size in bytes.
_Version = tuple[Path, int, int]


class Gallery:
    """The files of one folder; nothing outside of it is ever opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._examined: OrderedDict[_Version, Picture] = OrderedDict()

    def check(self, entry: Entry) -> None:
        """Examine every picture of an entry. Raises BadLineError for one that is not taken in."""
        found: dict[_Version, Picture] = {}
        for name in entry.images:
            with _named(entry, name):
                version = self._version(name)
                found[version] = self._examined.get(version) or _examine(version[0])
        # Only now, so that a bad line evicts nothing that a good one of the same batch needs.
        for version, picture in found.items():
            self._examined[version] = picture
            self._examined.move_to_end(version)
        while len(self._examined) > REMEMBERED_PICTURES:
            self._examined.popitem(last=False)

    def take_in(self, entry: Entry, post: Post) -> list[PostImage]:
        """Store every picture of an entry as new files; return the unsaved rows.

        Decodes nothing, since it runs in a transaction and every picture was checked before. Raises
        BadLineError if one has changed since, UploadsMissingError outside `uploads()`.
        """
        rows = []
        for name in entry.images:
            with _named(entry, name):
                picture, content = self._content(name)
            rows.append(store(picture, content, row=PostImage(post=post)))
        return rows

    def _content(self, name: str) -> tuple[Picture, bytes]:
        version = self._version(name)
        picture = self._examined.get(version)
        if picture is None:
            raise PictureRefusedError("changed")
        with version[0].open("rb") as file:
            return picture, stored_bytes(picture, File(file))

    def _version(self, name: str) -> _Version:
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder):
            raise ValueError("it leads out of the folder of pictures")
        if not path.is_file():
            raise ValueError("there is no such picture")
        status = path.stat()
        return path, status.st_mtime_ns, status.st_size


def _examine(path: Path) -> Picture:
    with path.open("rb") as file:
        return examine(File(file))


@contextmanager
def _named(entry: Entry, name: str) -> Iterator[None]:
    """Turn errors of a picture into a BadLineError that names it."""
    try:
        yield
    except PictureRefusedError as refused:
        raise BadLineError(entry.number, f"{name!r}: {refused}") from refused
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of links
        reason = getattr(error, "strerror", None) or error
        raise BadLineError(entry.number, f"{name!r}: {reason}") from error
