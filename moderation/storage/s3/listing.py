"""List a bucket: whether it keeps versions, which ones, and which keys are absent.

A listing shows that a key is absent only if it is complete and in order, and if its XML can
represent the key: some servers list in another order, and XML turns a carriage return into a line
feed. In case of doubt the key is requested separately.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from os.path import commonprefix
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from moderation.storage.s3.client import with_retries
from moderation.storage.s3.errors import ErrorCategory, classify

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import DeleteMarkerEntryTypeDef, ObjectVersionTypeDef

T = TypeVar("T")
R = TypeVar("R")

# Servers without versions reject the request with various errors, and some permit it to few users.
VERSIONING_UNKNOWN = {ErrorCategory.NO_BATCH, ErrorCategory.UNREADABLE, ErrorCategory.KEY}
NULL_VERSION = "null"
AFTER_ALL_KEYS = "\U0010ffff"  # sorts after every key
# What XML 1.0 cannot represent, or changes, unless the server URL-encodes keys.
CHANGED_BY_XML = re.compile("[\x00-\x1f\x7f-\x9f\u2028\ufffe\uffff]|^ | $")
MISSING = "NoSuchKey"
# The error for a range of an empty object.
EMPTY = "InvalidRange"


class UnlistableError(Exception):
    """The listings of this server do not show what is stored under a key."""


class Version(NamedTuple):
    """A version or a delete marker of a key.

    `token` is its id. The id of the null version is used again by each later upload, so its token
    is the id with the time of the upload (in seconds on S3) and the digest of the content.
    """

    id: str
    token: str
    is_marker: bool


class _Page(NamedTuple):
    """Keys, the last key that the page covers, whether others follow, and whether these are all."""

    keys: set[str]
    last: str
    is_truncated: bool
    is_all: bool


class Listing:
    """Sends listing requests for one bucket. Safe to use from several threads."""

    def __init__(self, client: S3Client, bucket: str, *, requests: int) -> None:
        self.client = client
        self.bucket = bucket
        self.requests = requests

    def keeps_versions(self) -> bool:
        """Return whether versions are, or may be, kept. Raises the storage's own error.

        False if the server does not say: a delete marker in the answer to a deletion then shows
        that versions are kept.
        """
        try:
            reply = with_retries(lambda: self.client.get_bucket_versioning(Bucket=self.bucket))
        except ClientError as error:
            if classify(error).category in VERSIONING_UNKNOWN:
                return False
            raise
        return reply.get("Status") in ("Enabled", "Suspended")

    def versions(self, key: str) -> list[Version]:
        """Return all versions and delete markers of exactly this key.

        Raises the storage's own error, or UnlistableError if the listing does not show the key.
        """
        return with_retries(lambda: list(self._versions(key)))

    def _versions(self, key: str) -> Iterator[Version]:
        pages = self.client.get_paginator("list_object_versions")
        found, is_all = False, True
        for page in pages.paginate(Bucket=self.bucket, Prefix=key):
            is_all = is_all and not page.get("IsTruncated")
            if not _represents(page, key):
                raise UnlistableError(f"Listings of this server cannot represent {key!r}")
            versions, markers = page.get("Versions", []), page.get("DeleteMarkers", [])
            matching = [_version(v, is_marker=False) for v in versions if v["Key"] == key]
            matching += [_version(m, is_marker=True) for m in markers if m["Key"] == key]
            yield from matching
            found = found or bool(matching)
            # Longer keys with this prefix come after it, and may be many.
            others = any(entry["Key"] != key for entry in itertools.chain(versions, markers))
            if others and _in_order(versions) and _in_order(markers):
                break
        # A listing with a single page is complete, whatever its order.
        if not found and not is_all and not self.is_absent(key):
            raise UnlistableError(f"Listings of this server omit {key!r}")

    def is_absent(self, key: str) -> bool:
        """Request this key separately. Raises the storage's own error if the result is unclear.

        Uses GET, because the 404 of a HEAD does not differ from that of a missing bucket.
        """
        try:
            reply = with_retries(
                lambda: self.client.get_object(Bucket=self.bucket, Key=key, Range="bytes=0-0")
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            if code not in (MISSING, EMPTY):
                raise
            return code == MISSING
        reply["Body"].close()
        return False

    def absent(self, keys: Iterable[str]) -> dict[str, bool]:
        """Return {key: whether it is absent}. Raises the storage's own error.

        One listing covers adjacent keys of a folder. A single key is listed too: the 404 of a HEAD
        does not differ from that of a missing bucket or of another server's error page. A key that
        is missing from an incomplete listing is requested separately.
        """
        wanted = sorted(set(keys))  # by code point, which is the order of S3's listings
        plain = [key for key in wanted if not CHANGED_BY_XML.search(key)]
        folders: dict[str, list[str]] = {}
        for key in plain:
            folders.setdefault(key.rpartition("/")[0], []).append(key)
        try:
            found = in_parallel(self._list, folders.values(), requests=self.requests)
        except UnlistableError:
            found = []
        known = {key: is_absent for listed in found for key, is_absent in listed.items()}
        others = [key for key in wanted if key not in known]
        absent = in_parallel(self.is_absent, others, requests=self.requests)
        return known | dict(zip(others, absent, strict=True))

    def _list(self, keys: Sequence[str]) -> dict[str, bool]:
        """Return {key: whether it is absent} for those of these sorted keys that listings decide.

        The keys are those of one folder. A page that others follow decides only which keys exist:
        the listing might be out of order. If the last page does not start at the beginning, one of
        its absent keys is requested separately, as a check. Sends at most two listings per key.
        Raises UnlistableError if a page is out of order.
        """
        found: dict[str, bool] = {}
        while keys:
            # Start just before the first key; keys in between share all but its last character.
            prefix = commonprefix([keys[0], keys[-1]])  # noqa: RUF071 - keys are not paths
            page = self._page(prefix, after=keys[0][:-1])
            last = page.last
            if last < keys[0]:
                page, last = self._page(keys[0], after=""), keys[0]
            covered = [key for key in keys if key <= last]
            absent = [key for key in covered if key not in page.keys]
            if page.is_truncated:
                absent = []
            elif absent and not page.is_all and not self.is_absent(absent[0]):
                raise UnlistableError(f"Listings of this server are not in order: {absent[0]!r}")
            found |= dict.fromkeys(page.keys.intersection(covered), False)
            found |= dict.fromkeys(absent, True)
            keys = keys[len(covered) :]
        return found

    def _page(self, prefix: str, *, after: str) -> _Page:
        """Return one page. Raises UnlistableError if it is out of order or not a reply of S3."""
        # MinIO rejects a StartAfter outside of the prefix.
        start = after if after.startswith(prefix) else ""
        try:
            reply = with_retries(
                lambda: self.client.list_objects_v2(
                    Bucket=self.bucket, Prefix=prefix, StartAfter=start
                )
            )
        except ResponseParserError as error:  # another key's characters break the XML
            raise UnlistableError(f"A listing of this server cannot be read: {error}") from error
        contents = reply.get("Contents", [])
        listed = [entry["Key"] for entry in contents]
        # A page without this is not a reply of S3, even with status 200.
        is_page, is_truncated = "IsTruncated" in reply, bool(reply.get("IsTruncated"))
        in_order = _in_order(contents) and (not listed or listed[0] > start)
        if not is_page or not in_order or (is_truncated and not listed):
            raise UnlistableError(f"Listings of this server are not in order: {prefix!r}")
        last = listed[-1] if is_truncated else AFTER_ALL_KEYS
        return _Page(set(listed), last, is_truncated, is_all=not is_truncated and not start)


def _in_order(entries: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether keys are in the order of their code points; versions repeat keys."""
    return all(one["Key"] <= other["Key"] for one, other in itertools.pairwise(entries))


def _represents(page: Mapping[str, Any], key: str) -> bool:
    """Return whether a page of versions is a reply of S3 that represents this key unchanged."""
    encoded = page.get("EncodingType") == "url"
    return "IsTruncated" in page and (encoded or not CHANGED_BY_XML.search(key))


def _version(entry: ObjectVersionTypeDef | DeleteMarkerEntryTypeDef, *, is_marker: bool) -> Version:
    token = identifier = entry["VersionId"]
    if identifier == NULL_VERSION:
        token = f"{identifier}@{entry['LastModified'].isoformat()}@{entry.get('ETag', '')}"
    return Version(identifier, token, is_marker)


def in_parallel(function: Callable[[T], R], items: Iterable[T], *, requests: int) -> list[R]:
    """Call a function with each item, `requests` at a time; return the results in order."""
    with ThreadPoolExecutor(requests) as pool:
        return list(pool.map(function, items))
