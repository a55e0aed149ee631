"""Erasing on a bucket that keeps versions: a plain deletion would only lay a marker on the bytes.

Taken are the versions and markers that exist when the key is first asked for (or that an earlier
attempt took). They are noted, so that a crash forgets none of them; they are deleted by their ids,
and the key is listed again: only what was seen to be gone is called erased. What somebody wrote
since is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from moderation.storage.adapter import NEWER_STAYS, WAS_MISSING, Fate, Note
from moderation.storage.s3.answers import S3_ERRORS, Kind, Trouble, trouble_of
from moderation.storage.s3.deletion import Target
from moderation.storage.s3.listing import Listing, Version, at_once
from moderation.storage.s3.sweep import Sweep

LEFT = Trouble("VersionsLeft", "Versions that were to be erased are still listed.", Kind.KEY)

# Noted of a key that had no version: another attempt takes none either. No server has such an id.
NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Erasure:
    """What became of one key and its versions; the fields are those of an `Outcome`."""

    key: str
    fate: Fate
    taken: tuple[str, ...]
    trouble: Trouble | None = None
    remark: str = ""


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
) -> Iterator[Erasure]:
    """Erase keys with their versions. `wanted` maps each key to what an earlier attempt took.

    `note` is told, by key, what is taken for the first time, before it is deleted.
    """
    before = _look(listing, list(wanted))
    taken = {
        key: tuple(tokens) or tuple(version.token for version in before[key].versions)
        for key, tokens in wanted.items()
    }
    first_seen = [key for key in wanted if not wanted[key] and not before[key].trouble]
    if first_seen:
        note({key: taken[key] or (NOTHING,) for key in first_seen})
    doomed = [
        Target(key, version.id)
        for key in wanted
        for version in before[key].versions
        if version.token in taken[key]
    ]
    sweep = new_sweep()
    answers = list(sweep.run(doomed))
    troubles = {answer.target.key: answer.trouble for answer in answers if answer.trouble}
    # Where there was nothing to delete, the first look is the proof.
    touched = list({target.key for target in doomed})
    after = before | _look(listing, touched)
    for key in wanted:
        yield _erasure(key, taken[key], after[key], troubles.get(key, sweep.given_up))


def _look(listing: Listing, keys: Sequence[str]) -> dict[str, _Seen]:
    def seen(key: str) -> _Seen:
        try:
            return _Seen(listing.versions(key))
        except S3_ERRORS as error:
            return _Seen(trouble=trouble_of(error))

    return dict(zip(keys, at_once(seen, keys, requests=listing.requests), strict=True))


def _erasure(key: str, taken: tuple[str, ...], after: _Seen, trouble: Trouble | None) -> Erasure:
    if after.trouble:
        return Erasure(key, Fate.FAILED, taken, after.trouble)
    if any(version.token in taken for version in after.versions):
        return Erasure(key, Fate.FAILED, taken, trouble or LEFT)
    if any(not version.is_marker for version in after.versions):
        return Erasure(key, Fate.KEPT, taken, remark=NEWER_STAYS)
    return Erasure(key, Fate.ERASED, taken, remark="" if {*taken} - {NOTHING} else WAS_MISSING)
