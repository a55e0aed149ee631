"""S3 and what speaks like it, through django-storages: its settings, and one client of boto3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial
from itertools import chain, islice
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from django.core.exceptions import SuspiciousOperation
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

from moderation import conf
from moderation.storage.base import (
    IDENTITY_FILE,
    IDENTITY_FILE_BYTES,
    WAS_MISSING,
    FileToErase,
    Note,
    Outcome,
    Result,
)
from moderation.storage.location import Location, folder
from moderation.storage.s3.batch_delete import Sweep
from moderation.storage.s3.client import patiently, prepared_client
from moderation.storage.s3.errors import S3_ERRORS, Trouble, trouble_of
from moderation.storage.s3.listing import Listing, at_once
from moderation.storage.s3.location import endpoint_of
from moderation.storage.s3.requests import MOST_KEYS, Answer, Deletion, Target
from moderation.storage.s3.versions import Erasure, erase_versions
from moderation.storage.s3.waiting import Waiting
from moderation.storage.spelling import PLAIN_NAME, odd_beginnings, spelled
from moderation.storage.transactions import refuse_inside_transaction

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MOST_KEY_BYTES = 1024
# Keys whose versions are listed, erased and listed again before any has its outcome: at seconds for
# a listing that is minutes, well within a lease.
VERSIONED_AT_ONCE = 100


def full_key(storage: S3Storage, name: str) -> str:
    """Return the key that django-storages makes of a name. No network.

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
        self.folder = folder(storage.location)
        self.joins_names = type(storage)._normalize_name is S3Storage._normalize_name  # noqa: SLF001
        self.request_keys = min(conf.request_keys(), MOST_KEYS)
        self.claim_names = self.request_keys

    def location(self) -> str:
        """Return the bucket with the folder in it, as `s3://bucket/folder`."""
        return f"s3://{self.bucket}/{self.storage.location}".rstrip("/")

    def key(self, name: str) -> str:
        """Return the full key; see `full_key`."""
        return full_key(self.storage, name)

    def real_location(self) -> Location:
        """Return the endpoint with the bucket, and the folder in it."""
        space = ("s3", endpoint_of(self.storage), self.bucket)
        return Location(space, self.folder)

    def full_key(self, name: str) -> str:
        """Return the key in the bucket, like `key`, but faster for plain names."""
        if self.joins_names and PLAIN_NAME.fullmatch(name):
            return self.folder + name
        return self.key(name)

    def spelled(self, name: str) -> tuple[str, ...]:
        """Return the spellings that django-storages understands; see `Adapter.spelled`."""
        return spelled(name)

    def odd_beginnings(self, directory: str) -> tuple[str, ...]:
        """Return the prefixes of odd names; see `Adapter.odd_beginnings`."""
        return odd_beginnings(directory)

    def erase(self, files: Iterable[FileToErase], note: Note) -> Iterator[Outcome]:
        """Erase names, versions included; see `Adapter.erase`."""
        refuse_inside_transaction()
        return self._erase(files, note)

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

    def read_identity_file(self) -> bytes | None:
        """Return the marker's content; see `Adapter.read_identity_file`."""
        refuse_inside_transaction()
        key = self.key(IDENTITY_FILE)
        try:
            return patiently(lambda: self._content(key))
        except ClientError as error:
            # A missing bucket is a 404 too, but no missing marker.
            if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                return None
            raise

    def _content(self, key: str) -> bytes:
        """Return the beginning of an object. Raises the storage's error if it is truncated."""
        with self.client.get_object(Bucket=self.bucket, Key=key)["Body"] as body:
            return body.read(IDENTITY_FILE_BYTES)

    def write_identity_file(self, content: bytes) -> None:
        """Put the marker in place of an older one. Raises the storage's own error."""
        refuse_inside_transaction()
        self.client.put_object(
            Bucket=self.bucket,
            Key=self.key(IDENTITY_FILE),
            Body=content,
            ContentType="application/json",
        )

    @cached_property
    def client(self) -> S3Client:
        """Return the thread-safe client behind the storage."""
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
        """Return whether the bucket keeps versions, requested once. Raises the storage's error."""
        return self.listing.keeps_versions()

    def _sweep(self, waiting: Waiting) -> Sweep:
        return Sweep(
            Deletion(self.client, self.bucket),
            request_keys=self.request_keys,
            requests=self.requests,
            sendable=waiting.sendable,
        )

    def _erase(self, files: Iterable[FileToErase], note: Note) -> Iterator[Outcome]:
        refused: list[Outcome] = []
        named = self._by_key(files, refused)
        try:
            keeps_versions = self.keeps_versions
        except S3_ERRORS as error:
            # One that was taken says why; for the others nothing was asked.
            trouble = trouble_of(error)
            yield from (_failed(each.name, trouble, own=False) for _, each in islice(named, 1))
        else:
            erase = self._erase_versions if keeps_versions else self._erase_plain
            yield from erase(named, note)
        yield from refused

    def _by_key(
        self, files: Iterable[FileToErase], refused: list[Outcome]
    ) -> Iterator[tuple[str, FileToErase]]:
        """Yield each name with its key; names that name nothing go into `refused`."""
        for each in files:
            try:
                yield self.key(each.name), each
            except ValueError as error:
                refused.append(_failed(each.name, Trouble.of_name(str(error))))

    def _erase_plain(
        self, named: Iterator[tuple[str, FileToErase]], note: Note
    ) -> Iterator[Outcome]:
        """Erase keys of which there is one version, as far as is known."""
        waiting = Waiting()
        versioned: list[tuple[str, FileToErase]] = []

        def targets() -> Iterator[Target]:
            for key, each in named:
                if each.versions:
                    versioned.append((key, each))
                elif waiting.add(key, each):
                    yield Target(key)
                if len(versioned) >= self.request_keys:
                    return  # the rest goes the same way, rather than waiting for the end

        for answer in self._sweep(waiting).run(targets()):
            same = waiting.pop(answer.target.key)
            if answer.marked:  # the bucket keeps versions after all
                versioned += ((answer.target.key, each) for each in same)
            else:
                yield from (_plain(each.name, answer) for each in same)
        rest = named if len(versioned) >= self.request_keys else ()
        yield from self._erase_versions(chain(versioned, rest), note)

    def _erase_versions(
        self, named: Iterable[tuple[str, FileToErase]], note: Note
    ) -> Iterator[Outcome]:
        """Erase keys with all their versions, some at a time: each takes several requests."""
        named = iter(named)
        while some := list(islice(named, min(self.request_keys, VERSIONED_AT_ONCE))):
            waiting = Waiting()
            for key, each in some:
                waiting.add(key, each)
            for erasure in erase_versions(
                self.listing,
                partial(self._sweep, waiting),
                waiting.versions(),
                waiting.noting(note),
                may_ask=waiting.may_be_asked_for,
            ):
                yield from (_versioned(each.name, erasure) for each in waiting.pop(erasure.key))


def _failed(
    name: str, trouble: Trouble, versions: tuple[str, ...] = (), *, own: bool = True
) -> Outcome:
    unsure = not own or trouble.may_pass
    return Outcome(name, Result.FAILED, trouble.code, trouble.message, versions=versions, own=own,
                   unsure=unsure)  # fmt: skip


def _plain(name: str, answer: Answer) -> Outcome:
    if answer.trouble:
        return _failed(name, answer.trouble, own=answer.speaks_of_key)
    return Outcome(name, Result.ERASED, detail=WAS_MISSING if answer.missing else "")


def _versioned(name: str, erasure: Erasure) -> Outcome:
    if erasure.trouble:
        return _failed(name, erasure.trouble, erasure.taken, own=erasure.own)
    verified = erasure.result is Result.ERASED
    return Outcome(
        name, erasure.result, detail=erasure.detail, versions=erasure.taken, verified=verified
    )
