"""Erase keys on a bucket that keeps versions, where a plain deletion only adds a delete marker.

The versions and delete markers to delete are those that exist when the key is first listed (or
those of an earlier attempt). They are recorded first, so that none is lost in a crash, and deleted
by their ids. Then the key is listed again: it counts as erased only if they are absent. Versions
that someone wrote since then are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from moderation.storage.base import NEWER_STAYS, WAS_MISSING, OnVersions, Result
from moderation.storage.s3.batch_delete import BatchDeleter
from moderation.storage.s3.errors import (
    LEASE_ERROR,
    S3_ERRORS,
    UNLISTABLE,
    ErrorCategory,
    StorageError,
    classify,
)
from moderation.storage.s3.listing import Listing, UnlistableError, Version, in_parallel
from moderation.storage.s3.requests import Answer, Target

VERSIONS_LEFT = StorageError(
    "VersionsLeft", "Versions that were to be erased are still listed.", ErrorCategory.KEY
)

# Recorded for a key without versions, so that a later attempt deletes none. Not a possible id.
NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Erasure:
    """The result for one key and its versions; the fields are those of an `Outcome`."""

    key: str
    result: Result
    versions: tuple[str, ...]
    error: StorageError | None = None
    detail: str = ""
    own: bool = True


@dataclass(frozen=True, slots=True)
class _Listed:
    """A key's versions as listed, or the reason why it could not be listed."""

    versions: Sequence[Version] = ()
    error: StorageError | None = None


def erase_versions(
    listing: Listing,
    new_deleter: Callable[[], BatchDeleter],
    wanted: Mapping[str, Sequence[str]],
    on_versions: OnVersions,
    *,
    may_be_sent: Callable[[str], bool] = lambda _: True,
) -> Iterator[Erasure]:
    """Erase keys with their versions. `wanted` maps each key to the versions of an earlier attempt.

    `on_versions` is called with new versions by key before they are deleted. `may_be_sent` is
    called right before each request and returns whether it may be sent for a key.
    """
    before = _list(listing, list(wanted), may_be_sent)
    to_delete = {
        key: tuple(tokens) or tuple(version.token for version in before[key].versions)
        for key, tokens in wanted.items()
    }
    first_listed = [key for key in wanted if not wanted[key] and not before[key].error]
    if first_listed:
        on_versions({key: to_delete[key] or (NOTHING,) for key in first_listed})
    targets = [
        Target(key, version.id)
        for key in wanted
        for version in before[key].versions
        if version.token in to_delete[key]
    ]
    deleter = new_deleter()
    answers = list(deleter.run(targets))
    # An error about the key itself takes precedence over one of the whole request.
    failed = {a.target.key: a for a in sorted(answers, key=lambda a: a.own) if a.error}
    unsent = Answer(Target(""), deleter.given_up, own=False) if deleter.given_up else None
    # If there was nothing to delete, the first listing shows that the key is absent.
    touched = list({target.key for target in targets})
    after = before | _list(listing, touched, may_be_sent)
    for key in wanted:
        yield _erasure(key, to_delete[key], after[key], failed.get(key, unsent))


def _list(
    listing: Listing, keys: Sequence[str], may_be_sent: Callable[[str], bool]
) -> dict[str, _Listed]:
    def listed(key: str) -> _Listed:
        if not may_be_sent(key):
            return _Listed(error=LEASE_ERROR)
        try:
            return _Listed(listing.versions(key))
        except S3_ERRORS as exception:
            return _Listed(error=classify(exception))
        except UnlistableError:
            return _Listed(error=UNLISTABLE)

    return dict(zip(keys, in_parallel(listed, keys, requests=listing.requests), strict=True))


def _erasure(key: str, versions: tuple[str, ...], after: _Listed, failed: Answer | None) -> Erasure:
    if after.error:
        return Erasure(key, Result.FAILED, versions, after.error, own=after.error.concerns_key)
    if any(version.token in versions for version in after.versions):
        if failed is None:
            return Erasure(key, Result.FAILED, versions, VERSIONS_LEFT)
        return Erasure(key, Result.FAILED, versions, failed.error, own=failed.concerns_key)
    if any(not version.is_marker for version in after.versions):
        return Erasure(key, Result.NEWER_VERSION, versions, detail=NEWER_STAYS)
    detail = "" if {*versions} - {NOTHING} else WAS_MISSING
    return Erasure(key, Result.ERASED, versions, detail=detail)
