"""The pictures of a fixture, as files in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.core.files import File

from posts.pictures import Picture, PictureRefusedError, examine


@dataclass(frozen=True, slots=True)
class Original:
    """A file of the folder, with what the intake learned about it."""

    path: Path
    picture: Picture


class Originals:
    """One folder of pictures; nothing outside of it is ever opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._examined = lru_cache(maxsize=None)(_examine)  # advertisements come again and again

    def find(self, name: str) -> Original:
        """Examine a picture. Raises ValueError for one that is not there or is not taken in."""
        try:
            path = (self.folder / name).resolve()
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
            raise ValueError(f"{name!r}: {error}") from error
        if not path.is_relative_to(self.folder):
            raise ValueError(f"{name!r} leads out of the folder of pictures")
        if not path.is_file():
            raise ValueError(f"{name!r} is not in {self.folder.parent.name}/{self.folder.name}/")
        return self._examined(path)


def _examine(path: Path) -> Original:
    try:
        with path.open("rb") as file:
            return Original(path, examine(File(file)))
    except (PictureRefusedError, OSError) as error:
        raise ValueError(f"{path.name!r}: {error}") from error
