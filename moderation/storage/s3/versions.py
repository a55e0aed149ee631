"""Erasing on a bucket that keeps versions: a plain deletion would only lay a marker on the bytes.

Taken are the versions and markers that exist when the key is first asked for (or that an earlier
attempt took). They are noted, so that a crash forgets none of them; they are deleted by their ids,
and the key is listed again: only what was seen to be gone is called erased. What somebody wrote
since is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from moderation.storage.base import NEWER_STAYS, WAS_MISSING, Note, Result
from moderation.storage.s3.batch_delete import Sweep
from moderation.storage.s3.errors import OVER, S3_ERRORS, UNLISTABLE, Kind, Trouble, trouble_of
from moderation.storage.s3.listing import Listing, UnlistableError, Version, at_once
from moderation.storage.s3.requests import Answer, Target

LEFT = Trouble("VersionsLeft", "Versions that were to be erased are still listed.", Kind.KEY)

# Noted of a key that had no version: another attempt takes none either. No server has such an id.
NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Erasure:
    """What became of one key and its versions; the fields are those of an `Outcome`."""

    key: str
    result: Result
    taken: tuple[str, ...]
    trouble: Trouble | None = None
    detail: str = ""
    own: bool = True


@dataclass(frozen=True, slots=True)
class _Seen:
    """A key's versions as listed, or why it could not be listed."""

    versions: Sequence[Version] = ()
    trouble: Trouble | None = None


def erase_versions(
    listing: Listing,
    new_sweep: Callable[[], Sweep],
    wanted: Mapping[str, Sequence[str]],
    note: Note,
    *,
    may_ask: Callable[[str], bool] = lambda _: True,
) -> Iterator[Erasure]:
    """Erase keys with their versions. `wanted` maps each key to the versions of an earlier attempt.

    `note` is called with new versions by key before they are deleted. `may_ask` is called right
    before each request and returns whether it may be sent for a key.
    """
    before = _look(listing, list(wanted), may_ask)
    taken = {
        key: tuple(tokens) or tuple(version.token for version in before[key].versions)
        for key, tokens in wanted.items()
    }
    first_seen = [key for key in wanted if not wanted[key] and not before[key].trouble]
    if first_seen:
        note({key: taken[key] or (NOTHING,) for key in first_seen})
    files = [
        Target(key, version.id)
        for key in wanted
        for version in before[key].versions
        if version.token in taken[key]
    ]
    sweep = new_sweep()
    answers = list(sweep.run(files))
    # An error about the key itself takes precedence over one of the whole request.
    troubles = {a.target.key: a for a in sorted(answers, key=lambda a: a.own) if a.trouble}
    unsent = Answer(Target(""), sweep.given_up, own=False) if sweep.given_up else None
    # Where there was nothing to delete, the first look is the proof.
    touched = list({target.key for target in files})
    after = before | _look(listing, touched, may_ask)
    for key in wanted:
        yield _erasure(key, taken[key], after[key], troubles.get(key, unsent))


def _look(
    listing: Listing, keys: Sequence[str], may_ask: Callable[[str], bool]
) -> dict[str, _Seen]:
    def seen(key: str) -> _Seen:
        if not may_ask(key):
            return _Seen(trouble=OVER)
        try:
            return _Seen(listing.versions(key))
        except S3_ERRORS as error:
            return _Seen(trouble=trouble_of(error))
        except UnlistableError:
            return _Seen(trouble=UNLISTABLE)

    return dict(zip(keys, at_once(seen, keys, requests=listing.requests), strict=True))


def _erasure(key: str, taken: tuple[str, ...], after: _Seen, said: Answer | None) -> Erasure:
    if after.trouble:
        own = after.trouble.speaks_of_key
        return Erasure(key, Result.FAILED, taken, after.trouble, own=own)
    if any(version.token in taken for version in after.versions):
        if said is None:
            return Erasure(key, Result.FAILED, taken, LEFT)
        return Erasure(key, Result.FAILED, taken, said.trouble, own=said.speaks_of_key)
    if any(not version.is_marker for version in after.versions):
        return Erasure(key, Result.NEWER_VERSION, taken, detail=NEWER_STAYS)
    return Erasure(key, Result.ERASED, taken, detail="" if {*taken} - {NOTHING} else WAS_MISSING)
