"""What a bucket holds: whether it keeps versions, which, and which keys are absent."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from os.path import commonprefix
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from botocore.exceptions import ClientError

from moderation.storage.s3.answers import Kind, trouble_of
from moderation.storage.s3.client import patiently

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import DeleteMarkerEntryTypeDef, ObjectVersionTypeDef

T = TypeVar("T")
R = TypeVar("R")

# Servers without versions refuse the question in words of their own, and some let few people ask.
VERSIONING_UNTOLD = {Kind.NO_BATCH, Kind.UNREAD, Kind.KEY}
NULL_VERSION = "null"
LAST_OF_ALL = "\U0010ffff"  # sorts after every key


class Version(NamedTuple):
    """A version or a delete marker of a key.

    `token` is its id; for the null version, whose id is used again by each later writing, it is
    the id with the time of writing (S3 tells seconds) and the digest of the content.
    """

    id: str
    token: str
    is_marker: bool


class Listing:
    """Looks into one bucket. Safe to use from several threads."""

    def __init__(self, client: S3Client, bucket: str, *, requests: int) -> None:
        self.client = client
        self.bucket = bucket
        self.requests = requests

    def keeps_versions(self) -> bool:
        """Whether versions are, or may be, kept. Raises the storage's own error.

        False where the server does not say: the answer to each deletion then tells by its delete
        marker.
        """
        try:
            reply = patiently(lambda: self.client.get_bucket_versioning(Bucket=self.bucket))
        except ClientError as error:
            if trouble_of(error).kind in VERSIONING_UNTOLD:
                return False
            raise
        return reply.get("Status") in ("Enabled", "Suspended")

    def versions(self, key: str) -> list[Version]:
        """All versions and delete markers of exactly this key. Raises the storage's own error."""
        return patiently(lambda: list(self._versions(key)))

    def _versions(self, key: str) -> Iterator[Version]:
        pages = self.client.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self.bucket, Prefix=key):
            versions, markers = page.get("Versions", []), page.get("DeleteMarkers", [])
            yield from (_version(v, is_marker=False) for v in versions if v["Key"] == key)
            yield from (_version(m, is_marker=True) for m in markers if m["Key"] == key)
            # Longer keys with this prefix come after it, and may be many.
            if any(entry["Key"] != key for entry in itertools.chain(versions, markers)):
                return

    def absent(self, keys: Iterable[str]) -> dict[str, bool]:
        """Tell for each key whether no object has it. Raises the storage's own error.

        One listing serves keys that lie side by side in a folder. A lone key is listed too: the 404
        of a HEAD could not be told from that of a missing bucket or of a stranger's error page.
        """
        folders: dict[str, list[str]] = {}
        for key in sorted(set(keys)):  # by code point, which is the order of S3's listings
            folders.setdefault(key.rpartition("/")[0], []).append(key)
        found = at_once(self._present, folders.values(), requests=self.requests)
        present = set[str]().union(*found)
        return {key: key not in present for alike in folders.values() for key in alike}

    def _present(self, keys: Sequence[str]) -> set[str]:
        """Find which of these sorted keys of one folder exist, in two listings a key at most."""
        found: set[str] = set()
        while keys:
            # Begins just before the first key; what lies between shares all but its last character.
            prefix = commonprefix([keys[0], keys[-1]])  # noqa: RUF071 - keys are no paths
            listed, last = self._page(prefix, after=keys[0][:-1])
            if last < keys[0]:
                listed, _ = self._page(keys[0], after="")
                last = keys[0]
            found |= listed & set(keys)
            keys = [key for key in keys if key > last]
        return found

    def _page(self, prefix: str, *, after: str) -> tuple[set[str], str]:
        """List one page: its keys, and the last key that it decides about."""
        # MinIO refuses a beginning outside of the prefix.
        start = after if after.startswith(prefix) else ""
        reply = patiently(
            lambda: self.client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, StartAfter=start)
        )
        listed = [entry["Key"] for entry in reply.get("Contents", [])]
        whole = not reply.get("IsTruncated")
        return set(listed), LAST_OF_ALL if whole else max(listed, default="")


def _version(entry: ObjectVersionTypeDef | DeleteMarkerEntryTypeDef, *, is_marker: bool) -> Version:
    token = identifier = entry["VersionId"]
    if identifier == NULL_VERSION:
        token = f"{identifier}@{entry['LastModified'].isoformat()}@{entry.get('ETag', '')}"
    return Version(identifier, token, is_marker)


def at_once(ask: Callable[[T], R], questions: Iterable[T], *, requests: int) -> list[R]:
    """Ask several questions at the same time; the answers come in their order."""
    with ThreadPoolExecutor(requests) as pool:
        return list(pool.map(ask, questions))
