"""The pictures of an import, as files in a folder."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.files import File

from posts.images.intake import (
    InvalidImage,
    ValidatedImage,
    check_allowed,
    content_to_store,
    store_content,
    validate_image,
)
from posts.imports.parse import BadLineError, Entry
from posts.models import Post, PostImage

# Validated pictures in the cache, about 20 kB each, so that a picture of several posts is decoded
# only once. A batch has fewer, so that its pictures are still cached when it is written.
CACHED_PICTURES = 512

# The version of a file: path, modification time in nanoseconds, size in bytes.
_Version = tuple[Path, int, int]


class ImportImages:
    """A folder of pictures. Files outside it are never opened.

    If `is_dry_run` is true, nothing is written: attempts to add refused pictures are not counted.
    """

    def __init__(self, folder: Path, *, is_dry_run: bool = False) -> None:
        self.folder = folder.resolve()
        self._is_dry_run = is_dry_run
        self._validated: OrderedDict[_Version, ValidatedImage] = OrderedDict()

    def check(self, entry: Entry) -> None:
        """Validate every picture of an entry. Raises BadLineError if one is invalid."""
        found: dict[_Version, ValidatedImage] = {}
        for name in entry.images:
            with _named(entry, name):
                version = self._version(name)
                found[version] = self._validated.get(version) or _validate(version)
        # Cached only now: a bad line must not evict what a good one of the same batch needs.
        for version, image in found.items():
            self._validated[version] = image
            self._validated.move_to_end(version)
        while len(self._validated) > CACHED_PICTURES:
            self._validated.popitem(last=False)

    def check_allowed(self, entry: Entry) -> None:
        """Raise BadLineError if a picture of an entry has changed, or moderators have refused it.

        `check` must have validated the entry shortly before.
        """
        for name in entry.images:
            with _named(entry, name):
                image = self._validated_image(self._version(name))
                check_allowed(image, is_counted=not self._is_dry_run)

    def store(self, entry: Entry, post: Post) -> list[PostImage]:
        """Store every picture of an entry as new files; return the unsaved rows.

        Decodes nothing, since it runs in a transaction and `check` has validated every picture.
        Raises BadLineError if one has changed since, UploadsMissingError outside `uploads()`.
        """
        rows = []
        for name in entry.images:
            with _named(entry, name):
                image, content = self._content(name)
            rows.append(store_content(image, content, row=PostImage(post=post)))
        return rows

    def _content(self, name: str) -> tuple[ValidatedImage, bytes]:
        version = self._version(name)
        image = self._validated_image(version)
        with version[0].open("rb") as file:
            return image, content_to_store(image, File(file))

    def _version(self, name: str) -> _Version:
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder):
            raise ValueError("it is outside the folder of pictures")
        if not path.is_file():
            raise ValueError("there is no such picture")
        status = path.stat()
        return path, status.st_mtime_ns, status.st_size

    def _validated_image(self, version: _Version) -> ValidatedImage:
        image = self._validated.get(version)
        if image is None:
            raise InvalidImage("changed")
        return image


def _validate(version: _Version) -> ValidatedImage:
    with version[0].open("rb") as file:
        return validate_image(File(file))


@contextmanager
def _named(entry: Entry, name: str) -> Iterator[None]:
    """Raise errors of a picture as a BadLineError that names the picture."""
    try:
        yield
    except InvalidImage as error:
        raise BadLineError(entry.number, f"{name!r}: {error}") from error
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of links
        reason = getattr(error, "strerror", None) or error
        raise BadLineError(entry.number, f"{name!r}: {reason}") from error
