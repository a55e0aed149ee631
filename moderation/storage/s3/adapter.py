"""S3 and compatible storages, with the settings and the boto3 client of django-storages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
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
    OnVersions,
    Outcome,
    Result,
    refuse_identity_file,
)
from moderation.storage.location import Location, with_trailing_slash
from moderation.storage.s3.batch_delete import BatchDeleter
from moderation.storage.s3.client import prepared_client, with_retries
from moderation.storage.s3.errors import S3_ERRORS, StorageError, classify
from moderation.storage.s3.listing import Listing, in_parallel
from moderation.storage.s3.location import endpoint_of
from moderation.storage.s3.pending import PendingFiles
from moderation.storage.s3.requests import MAX_KEYS, Answer, DeleteClient, Target
from moderation.storage.s3.versions import Erasure, erase_versions
from moderation.storage.spelling import PLAIN_NAME, odd_prefixes, odd_spellings
from moderation.storage.transactions import refuse_inside_transaction

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MAX_KEY_BYTES = 1024
# Keys whose versions are listed, erased and listed again before any has an outcome. At seconds per
# listing this takes minutes, well within a lease.
VERSIONED_KEYS = 100


def full_key(storage: S3Storage, name: str) -> str:
    """Return the key that django-storages uses for a name. No network.

    Raises ValueError if the name leads out of the location or is not that of a file. Only this
    function calls the private function of django-storages.
    """
    try:
        key = str(storage._normalize_name(clean_name(name)))  # noqa: SLF001 - see above
    except SuspiciousOperation as error:
        raise ValueError(str(error)) from error
    if not clean_name(name).strip("/") or not key or key.endswith("/"):
        raise ValueError("The name is that of a folder.")
    if len(key.encode()) > MAX_KEY_BYTES:
        raise ValueError(f"The key is longer than {MAX_KEY_BYTES} bytes.")
    return key


class S3Adapter:
    """Erases with several `DeleteObjects` requests at a time, and reads the answer for each key."""

    def __init__(self, storage: S3Storage) -> None:
        self.storage = storage
        self.bucket: str = storage.bucket_name
        self.folder = with_trailing_slash(storage.location)
        self.request_keys = min(conf.request_keys(), MAX_KEYS)

    @property
    def claim_size(self) -> int:
        """Return the number of keys in a request."""
        return self.request_keys

    @cached_property
    def key_is_root_plus_name(self) -> bool:
        """Return whether the storage joins names as django-storages does."""
        return type(self.storage)._normalize_name is S3Storage._normalize_name  # noqa: SLF001

    def location(self) -> str:
        """Return the bucket and the folder in it, as `s3://bucket/folder`."""
        return f"s3://{self.bucket}/{self.storage.location}".rstrip("/")

    def key(self, name: str) -> str:
        """Return the full key; see `full_key`."""
        key = full_key(self.storage, name)
        refuse_identity_file(key)
        return key

    def real_location(self) -> Location:
        """Return the endpoint, the bucket, and the folder in it."""
        space = ("s3", endpoint_of(self.storage), self.bucket)
        return Location(space, self.folder)

    def full_key(self, name: str) -> str:
        """Return the key in the bucket, like `key`, but faster for plain names."""
        if self.key_is_root_plus_name and PLAIN_NAME.fullmatch(name):
            return self.folder + name
        return self.key(name)

    def odd_spellings(self, name: str) -> tuple[str, ...]:
        """Return the spellings that django-storages accepts; see `Adapter.odd_spellings`."""
        return odd_spellings(name)

    def odd_prefixes(self, directory: str) -> tuple[str, ...]:
        """Return the prefixes of oddly spelled names; see `Adapter.odd_prefixes`."""
        return odd_prefixes(directory)

    def opened(self) -> AbstractContextManager[None]:
        """Do nothing: a bucket cannot be renamed; see `Adapter.opened`."""
        return nullcontext()

    def erase(self, files: Iterable[FileToErase], on_versions: OnVersions) -> Iterator[Outcome]:
        """Erase names with all their versions; see `Adapter.erase`."""
        refuse_inside_transaction()
        return self._erase(files, on_versions)

    def verify(self, names: Sequence[str]) -> dict[str, bool]:
        """List the objects that remain under the names; see `Adapter.verify`.

        On a versioned bucket a name counts as absent if no version of it remains; delete markers
        hold no bytes.
        """
        refuse_inside_transaction()
        keys = {name: self.key(name) for name in names}
        if self.keeps_versions:
            wanted = list(set(keys.values()))
            versions = in_parallel(self.listing.versions, wanted, requests=self.requests)
            absent = {
                key: all(v.is_marker for v in found)
                for key, found in zip(wanted, versions, strict=True)
            }
        else:
            absent = self.listing.absent(keys.values())
        return {name: absent[key] for name, key in keys.items()}

    def read_identity_file(self) -> bytes | None:
        """Return the content of the identity file; see `Adapter.read_identity_file`."""
        refuse_inside_transaction()
        key = full_key(self.storage, IDENTITY_FILE)
        try:
            return with_retries(lambda: self._content(key))
        except ClientError as error:
            # A missing bucket is a 404 too, but does not mean that the file is missing.
            if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                return None
            raise

    def _content(self, key: str) -> bytes:
        """Return the beginning of an object. Raises the storage's error if it is truncated."""
        with self.client.get_object(Bucket=self.bucket, Key=key)["Body"] as body:
            return body.read(IDENTITY_FILE_BYTES)

    def write_identity_file(self, content: bytes) -> None:
        """Write the identity file. Raises the storage's own error."""
        refuse_inside_transaction()
        self.client.put_object(
            Bucket=self.bucket,
            Key=full_key(self.storage, IDENTITY_FILE),
            Body=content,
            ContentType="application/json",
        )

    @cached_property
    def client(self) -> S3Client:
        """Return the thread-safe client behind the storage."""
        return prepared_client(self.storage)

    @cached_property
    def requests(self) -> int:
        """Return the number of requests at a time, at most the client's connections."""
        connections: int = getattr(self.client.meta.config, "max_pool_connections")  # noqa: B009
        return min(conf.requests(), connections)

    @cached_property
    def listing(self) -> Listing:
        """Return the listing of the bucket."""
        return Listing(self.client, self.bucket, requests=self.requests)

    @cached_property
    def keeps_versions(self) -> bool:
        """Return whether the bucket keeps versions. Raises the storage's own error."""
        return self.listing.keeps_versions()

    def _deleter(self, pending: PendingFiles) -> BatchDeleter:
        return BatchDeleter(
            DeleteClient(self.client, self.bucket),
            request_keys=self.request_keys,
            requests=self.requests,
            sendable=pending.sendable,
        )

    def _erase(self, files: Iterable[FileToErase], on_versions: OnVersions) -> Iterator[Outcome]:
        invalid: list[Outcome] = []
        keyed = self._with_keys(files, invalid)
        try:
            keeps_versions = self.keeps_versions
        except S3_ERRORS as exception:
            # Consume one name, whose outcome says why. The others are not consumed.
            error = classify(exception)
            yield from (
                _failed_outcome(file.name, error, own=False) for _, file in islice(keyed, 1)
            )
        else:
            erase = self._erase_versions if keeps_versions else self._erase_plain
            yield from erase(keyed, on_versions)
        yield from invalid

    def _with_keys(
        self, files: Iterable[FileToErase], invalid: list[Outcome]
    ) -> Iterator[tuple[str, FileToErase]]:
        """Yield each file with its key; outcomes of invalid names are added to `invalid`."""
        for file in files:
            try:
                yield self.key(file.name), file
            except ValueError as error:
                invalid.append(_failed_outcome(file.name, StorageError.invalid_name(str(error))))

    def _erase_plain(
        self, keyed: Iterator[tuple[str, FileToErase]], on_versions: OnVersions
    ) -> Iterator[Outcome]:
        """Erase keys that have only one version, as far as is known."""
        pending = PendingFiles()
        versioned: list[tuple[str, FileToErase]] = []

        def targets() -> Iterator[Target]:
            for key, file in keyed:
                if file.versions:
                    versioned.append((key, file))
                elif pending.add(key, file):
                    yield Target(key)
                if len(versioned) >= self.request_keys:
                    return  # erase all others with their versions too, so that these need not wait

        for answer in self._deleter(pending).run(targets()):
            same = pending.pop(answer.target.key)
            if answer.created_marker:  # the bucket keeps versions after all
                versioned += ((answer.target.key, file) for file in same)
            else:
                yield from (_outcome_without_versions(file.name, answer) for file in same)
        others = keyed if len(versioned) >= self.request_keys else ()
        yield from self._erase_versions(chain(versioned, others), on_versions)

    def _erase_versions(
        self, keyed: Iterable[tuple[str, FileToErase]], on_versions: OnVersions
    ) -> Iterator[Outcome]:
        """Erase keys with all their versions, some at a time: each takes several requests."""
        keyed = iter(keyed)
        while some := list(islice(keyed, min(self.request_keys, VERSIONED_KEYS))):
            pending = PendingFiles()
            for key, file in some:
                pending.add(key, file)
            for erasure in erase_versions(
                self.listing,
                partial(self._deleter, pending),
                pending.versions(),
                pending.by_name(on_versions),
                may_be_sent=pending.may_be_sent,
            ):
                yield from (
                    _outcome_with_versions(file.name, erasure) for file in pending.pop(erasure.key)
                )


def _failed_outcome(
    name: str, error: StorageError, versions: tuple[str, ...] = (), *, own: bool = True
) -> Outcome:
    unsure = not own or error.is_transient
    return Outcome(
        name, Result.FAILED, error.code, error.message, versions=versions, own=own, unsure=unsure
    )


def _outcome_without_versions(name: str, answer: Answer) -> Outcome:
    if answer.error:
        return _failed_outcome(name, answer.error, own=answer.concerns_key)
    return Outcome(name, Result.ERASED, detail=WAS_MISSING if answer.missing else "")


def _outcome_with_versions(name: str, erasure: Erasure) -> Outcome:
    if erasure.error:
        return _failed_outcome(name, erasure.error, erasure.versions, own=erasure.own)
    verified = erasure.result is Result.ERASED
    return Outcome(
        name, erasure.result, detail=erasure.detail, versions=erasure.versions, verified=verified
    )
