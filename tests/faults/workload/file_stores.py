"""Where files are stored, read without Django's storages, and a decoy with the same names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from botocore.exceptions import ClientError

from tests.faults.file_stores import UPLOADS
from tests.faults.workload.site import DEFAULT_BADGE
from tests.services.s3_gateway import S3Server

OWN_FILES = ".moderation"  # the product's own begin so
DECOY = b"not this one"
DEFAULT = b"the badge of everybody"
# Names that the users are likely to give; see uploads.py.
DECOY_NAMES = [f"documents/user-0{u}-{n}.txt" for u in range(2) for n in range(60)]


class FileStore(Protocol):
    """A storage with all that is in it."""

    def environment(self) -> dict[str, str]:
        """Return the variables by which users and moderators reach it."""

    def prepare(self) -> None:
        """Store the initial files, and fill the decoy."""

    def has(self, key: str) -> bool:
        """Return whether a key is there."""

    def digests(self) -> dict[str, str]:
        """Return every key with its content's SHA-256, the product's own files left out."""

    def decoy_problems(self) -> list[str]:
        """Return unexpected changes of the decoy."""


def digest(content: bytes) -> str:
    """Return a content's SHA-256."""
    return hashlib.sha256(content).hexdigest()


class Disk:
    """A folder; the decoy is its neighbour, with a name that begins alike."""

    def __init__(self, folder: Path) -> None:
        self.root, self.decoy = folder / "media", folder / "media-decoy"

    def environment(self) -> dict[str, str]:
        """See `FileStore.environment`."""
        return {"FILES": "disk", "MEDIA_ROOT": str(self.root)}

    def prepare(self) -> None:
        """See `FileStore.prepare`."""
        _write(self.root / DEFAULT_BADGE, DEFAULT)
        for name in DECOY_NAMES:
            _write(self.decoy / name, DECOY)

    def has(self, key: str) -> bool:
        """See `FileStore.has`."""
        return (self.root / key).is_file()

    def digests(self) -> dict[str, str]:
        """See `FileStore.digests`."""
        return {
            key: digest(path.read_bytes())
            for key, path in _files(self.root)
            if not key.startswith(OWN_FILES)
        }

    def decoy_problems(self) -> list[str]:
        """See `FileStore.decoy_problems`."""
        there = {key: path.read_bytes() for key, path in _files(self.decoy)}
        return _differences(there)


class Bucket:
    """A bucket; the decoy is another one on the same server."""

    def __init__(self, server: S3Server, *, versioned: bool = False) -> None:
        self.server = server
        self.name, self.decoy = server.make_bucket(versioned=versioned), server.make_bucket()

    def environment(self) -> dict[str, str]:
        """See `FileStore.environment`."""
        return self.server.environment(self.name)

    def prepare(self) -> None:
        """See `FileStore.prepare`."""
        self._put(self.name, DEFAULT_BADGE, DEFAULT)
        with ThreadPoolExecutor(UPLOADS) as pool:
            list(pool.map(lambda name: self._put(self.decoy, name, DECOY), DECOY_NAMES))

    def has(self, key: str) -> bool:
        """See `FileStore.has`."""
        try:
            self.server.client.head_object(Bucket=self.name, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise
        return True

    def digests(self) -> dict[str, str]:
        """See `FileStore.digests`."""
        keys = (key for key in self.keys() if not key.startswith(OWN_FILES))
        return dict(self._digests(self.name, keys))

    def keys(self) -> list[str]:
        """Return every key; folders that became empty, which the gateway may list, left out."""
        return [key for key in self.server.keys(self.name) if not key.endswith("/")]

    def decoy_problems(self) -> list[str]:
        """See `FileStore.decoy_problems`."""
        keys = [key for key in self.server.keys(self.decoy) if not key.endswith("/")]
        with ThreadPoolExecutor(UPLOADS) as pool:
            contents = pool.map(lambda key: self._get(self.decoy, key), keys)
        return _differences(dict(zip(keys, contents, strict=True)))

    def _digests(self, bucket: str, keys: Iterable[str]) -> Iterable[tuple[str, str]]:
        keys = list(keys)
        with ThreadPoolExecutor(UPLOADS) as pool:
            contents = pool.map(lambda key: self._get(bucket, key), keys)
        return zip(keys, map(digest, contents), strict=True)

    def _get(self, bucket: str, key: str) -> bytes:
        return self.server.client.get_object(Bucket=bucket, Key=key)["Body"].read()

    def _put(self, bucket: str, key: str, content: bytes) -> None:
        self.server.client.put_object(Bucket=bucket, Key=key, Body=content)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _files(root: Path) -> Iterable[tuple[str, Path]]:
    return ((p.relative_to(root).as_posix(), p) for p in root.rglob("*") if p.is_file())


def _differences(there: dict[str, bytes]) -> list[str]:
    meant = dict.fromkeys(DECOY_NAMES, DECOY)
    return [
        f"decoy {key} is {there.get(key, b'gone')!r}"
        for key in sorted(meant.keys() | there.keys())
        if meant.get(key) != there.get(key)
    ]
