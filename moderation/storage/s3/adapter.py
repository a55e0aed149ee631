"""S3 and what speaks like it, through django-storages: its settings, and one client of boto3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from django.core.exceptions import SuspiciousOperation
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

from moderation import conf
from moderation.storage.adapter import (
    MARKER_BYTES,
    MARKER_NAME,
    WAS_MISSING,
    Doomed,
    Fate,
    Outcome,
    refuse_too_many,
)
from moderation.storage.guard import refuse_inside_transaction
from moderation.storage.s3.answers import S3_ERRORS, Trouble, trouble_of
from moderation.storage.s3.client import patiently, prepared_client
from moderation.storage.s3.deletion import MOST_KEYS, Answer, Deletion, Target
from moderation.storage.s3.listing import Listing, at_once
from moderation.storage.s3.sweep import Sweep
from moderation.storage.s3.versions import Erasure, erase_versions

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MOST_KEY_BYTES = 1024


def full_key(storage: S3Storage, name: str) -> str:
    """The key that django-storages makes of a name. No network.

    Raises ValueError where the name leaves the location or names it, a folder, or nothing. The one
    place that calls a private function of django-storages.
    """
    try:
        key = str(storage._normalize_name(clean_name(name)))  # noqa: SLF001 - see above
    except SuspiciousOperation as error:
        raise ValueError(str(error)) from error
    if not clean_name(name).strip("/") or not key or key.endswith("/"):
        raise ValueError("The name is that of a folder.")
    if len(key.encode()) > MOST_KEY_BYTES:
        raise ValueError(f"The key is longer than {MOST_KEY_BYTES} bytes.")
    return key


class S3Adapter:
    """Erases by `DeleteObjects`, several requests at once, and reads every key's own answer."""

    def __init__(self, storage: S3Storage) -> None:
        self.storage = storage
        self.bucket: str = storage.bucket_name
        self.batch_keys = min(conf.batch_keys(), MOST_KEYS)
        self.batch_limit = self.batch_keys * conf.requests()

    def location(self) -> str:
        """The bucket with the folder in it, as `s3://bucket/folder`."""
        return f"s3://{self.bucket}/{self.storage.location}".rstrip("/")

    def key(self, name: str) -> str:
        """The full key; see `full_key`."""
        return full_key(self.storage, name)

    def erase(self, doomed: Sequence[Doomed]) -> Iterator[Outcome]:
        """Erase names, versions included; see `Adapter.erase`."""
        refuse_inside_transaction()
        refuse_too_many(doomed, self.batch_limit)
        return self._erase(doomed)

    def verify(self, names: Sequence[str]) -> dict[str, bool]:
        """List what is left under the names; see `Adapter.verify`.

        On a versioned bucket a name counts as absent when no version of it is left; delete markers
        hold no bytes.
        """
        refuse_inside_transaction()
        keys = {name: self.key(name) for name in names}
        if self.keeps_versions:
            asked = list(set(keys.values()))
            versions = at_once(self.listing.versions, asked, requests=self.requests)
            absent = {
                key: all(v.is_marker for v in found)
                for key, found in zip(asked, versions, strict=True)
            }
        else:
            absent = self.listing.absent(keys.values())
        return {name: absent[key] for name, key in keys.items()}

    def read_marker(self) -> bytes | None:
        """The marker's content; see `Adapter.read_marker`."""
        refuse_inside_transaction()
        key = self.key(MARKER_NAME)
        try:
            reply = patiently(lambda: self.client.get_object(Bucket=self.bucket, Key=key))
        except ClientError as error:
            # A missing bucket is a 404 too, but no missing marker.
            if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                return None
            raise
        with reply["Body"] as body:
            return body.read(MARKER_BYTES)

    def write_marker(self, content: bytes) -> None:
        """Put the marker in place of an older one. Raises the storage's own error."""
        refuse_inside_transaction()
        self.client.put_object(
            Bucket=self.bucket,
            Key=self.key(MARKER_NAME),
            Body=content,
            ContentType="application/json",
        )

    @cached_property
    def client(self) -> S3Client:
        """The thread-safe client behind the storage."""
        return prepared_client(self.storage)

    @cached_property
    def requests(self) -> int:
        """Requests at once: no more than the client has connections."""
        connections: int = getattr(self.client.meta.config, "max_pool_connections")  # noqa: B009
        return min(conf.requests(), connections)

    @cached_property
    def listing(self) -> Listing:
        """Looks into the bucket."""
        return Listing(self.client, self.bucket, requests=self.requests)

    @cached_property
    def keeps_versions(self) -> bool:
        """Whether the bucket is known to keep versions, asked once. Raises the storage's error."""
        return self.listing.keeps_versions()

    def _sweep(self) -> Sweep:
        deletion = Deletion(self.client, self.bucket)
        return Sweep(deletion, batch_keys=self.batch_keys, requests=self.requests)

    def _erase(self, doomed: Sequence[Doomed]) -> Iterator[Outcome]:
        alike: dict[str, list[Doomed]] = {}  # names that differ may come to one key: "a//b", "a/b"
        for each in doomed:
            try:
                alike.setdefault(self.key(each.name), []).append(each)
            except ValueError as error:
                yield _failed(each.name, Trouble.of_name(str(error)))
        try:
            keeps_versions = self.keeps_versions
        except S3_ERRORS as error:
            trouble = trouble_of(error)
            yield from (_failed(each.name, trouble) for same in alike.values() for each in same)
            return
        known = {key: _versions_of(same) for key, same in alike.items()}
        versioned = {key: v for key, v in known.items() if keeps_versions or v}
        for answer in self._sweep().run(Target(key) for key in alike if key not in versioned):
            if answer.marked:  # the bucket keeps versions after all
                versioned[answer.target.key] = ()
            else:
                yield from (_plain(each.name, answer) for each in alike[answer.target.key])
        if versioned:
            for erasure in erase_versions(self.listing, self._sweep, versioned):
                yield from (_versioned(each.name, erasure) for each in alike[erasure.key])


def _versions_of(same: Sequence[Doomed]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(version for each in same for version in each.versions))


def _failed(name: str, trouble: Trouble, versions: tuple[str, ...] = ()) -> Outcome:
    return Outcome(name, Fate.FAILED, trouble.code, trouble.message, versions=versions)


def _plain(name: str, answer: Answer) -> Outcome:
    if answer.trouble:
        return _failed(name, answer.trouble)
    return Outcome(name, Fate.ERASED, remark=WAS_MISSING if answer.missing else "")


def _versioned(name: str, erasure: Erasure) -> Outcome:
    if erasure.trouble:
        return _failed(name, erasure.trouble, erasure.taken)
    verified = erasure.fate is Fate.ERASED
    return Outcome(
        name, erasure.fate, remark=erasure.remark, versions=erasure.taken, verified=verified
    )
