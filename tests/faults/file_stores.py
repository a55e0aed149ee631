"""Where the files of a wave lie, and how a test reaches them past Django's storages."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from moderation.storage.base import IDENTITY_FILE
from tests.services.s3_gateway import S3Server

# Parallel uploads: the gateway handles no more on a machine of two cores.
UPLOADS = 8


class FileStore(Protocol):
    """A storage that tests read directly, without the code of the product."""

    def put(self, names: Iterable[str]) -> None:
        """Write a small file under each name; its content is that of `content_of`."""

    def names(self) -> set[str]:
        """Every file that is there, the storage's own marker left out."""

    def content(self, name: str) -> bytes:
        """The bytes of a file. Raises the storage's error where it is missing."""

    def environment(self) -> dict[str, str]:
        """The variables by which another process reaches it, beside those of every worker."""


def content_of(name: str) -> bytes:
    """The content of a file that a test wrote."""
    return f"bytes of {name}".encode()


@dataclass(frozen=True, slots=True)
class Folder:
    """Files on disk."""

    root: Path

    def put(self, names: Iterable[str]) -> None:
        for name in names:
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content_of(name))

    def names(self) -> set[str]:
        files = (path for path in self.root.rglob("*") if path.is_file())
        return {path.relative_to(self.root).as_posix() for path in files} - {IDENTITY_FILE}

    def content(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def environment(self) -> dict[str, str]:
        return {}


@dataclass(frozen=True, slots=True)
class Bucket:
    """Files in a bucket, reached without the proxy that may stand before it."""

    server: S3Server
    name: str

    def put(self, names: Iterable[str]) -> None:
        with ThreadPoolExecutor(UPLOADS) as pool:
            list(pool.map(self._put, names))

    def _put(self, name: str) -> None:
        self.server.client.put_object(Bucket=self.name, Key=name, Body=content_of(name))

    def names(self) -> set[str]:
        # The gateway may list folders that became empty.
        files = {key for key in self.server.keys(self.name) if not key.endswith("/")}
        return files - {IDENTITY_FILE}

    def content(self, name: str) -> bytes:
        return self.server.client.get_object(Bucket=self.name, Key=name)["Body"].read()

    def environment(self) -> dict[str, str]:
        return self.server.environment(self.name)
