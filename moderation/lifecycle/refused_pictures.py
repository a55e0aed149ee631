"""Refuse pictures, allow them again, and refuse them again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime

from django.contrib.auth.models import AbstractUser
from django.db import router, transaction
from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from moderation.db import server_time
from moderation.db.locks import REFUSED_PICTURES_LOCK, lock_until_commit
from moderation.db.server_time import DatabaseNow
from moderation.exceptions import PictureNotRefused, RefusedPictureChanged
from moderation.lifecycle.refused_copies import nearly_identical
from moderation.models import AuditEvent, RefusedPicture
from moderation.models.refused_picture import DIGEST, LAST_YEAR, NOTE_LENGTH, end_of
from moderation.models.states import EventType

# The most files that are refused at once. The files of a group are nearly identical, so those that
# are left out of a larger group still match one that is refused.
MAX_FILES = 100

CHANGED_BY_REFUSING = (
    "note", "refused_until", "refused_by", "refused_at", "lifted_by", "lifted_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lifted:
    """How many pictures were allowed again together, and when.

    `separate` of them had been refused separately, by the people in `refused_by`.
    """

    pictures: int
    separate: int = 0
    refused_by: tuple[str, ...] = ()
    lifted_at: datetime | None = field(default=None, compare=False)


def refuse(
    pictures: Mapping[str, str | None],
    *,
    actor: AbstractUser,
    note: str,
    last_day: date | None,
    seen: str | None = None,
) -> int:
    """Refuse pictures up to a day, or without end; return the number of files.

    `pictures` maps the SHA-256 of each file to its perceptual hash, or to "" or None if that is
    unknown. For a picture that has been refused before, everything but the number of matches is
    replaced. At most MAX_FILES are refused. Raises PictureNotRefused if no SHA-256 is valid, for a
    day that is over, and for a note that is too long. Raises RefusedPictureChanged if the `version`
    of the rows with these pictures is not the one that the actor has `seen`, unless that is None.
    """
    chosen = refusable(pictures)
    if not chosen:
        raise PictureNotRefused(_("This picture has no SHA-256, so it could not be recognized."))
    if len(note) > NOTE_LENGTH:
        text = _("The note is longer than %(number)s characters.")
        raise PictureNotRefused(text % {"number": NOTE_LENGTH})
    until = end_of_last_day(last_day)
    with _changing():
        if seen is not None and seen != version(rows_with(pictures)):
            raise RefusedPictureChanged(
                _("Your note and end date were not stored, because the picture was refused or "
                "allowed again after you opened this page. If they still apply, submit them again.")
            )  # fmt: skip
        now = server_time.now()
        rows = [
            RefusedPicture(
                sha256=sha256, perceptual_hash=_valid_hash(known), note=note,
                refused_until=until, refused_by=actor.get_username(), refused_at=now,
            )
            for sha256, known in chosen.items()
        ]  # fmt: skip
        _write(rows)
        _record(EventType.REFUSE, actor, rows)
    return len(rows)


def refusable(pictures: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the pictures that `refuse` refuses: at most MAX_FILES with a valid SHA-256."""
    hashes = {sha256.lower(): known for sha256, known in pictures.items() if sha256}
    chosen = sorted(filter(DIGEST.fullmatch, hashes))[:MAX_FILES]
    return {sha256: hashes[sha256] for sha256 in chosen}


def rows_with(pictures: Iterable[str]) -> list[RefusedPicture]:
    """Return the rows with these SHA-256s, whatever their state."""
    sha256s = {sha256.lower() for sha256 in pictures if sha256}
    return list(RefusedPicture.objects.filter(sha256__any_of=sha256s))


def version(rows: Iterable[RefusedPicture]) -> str:
    """Return a text that changes when one of these pictures is refused or allowed again.

    It is "" if there are no rows.
    """
    times = sorted(f"{row.sha256} {row.changed_at}" for row in rows)
    return hashlib.sha256("\n".join(times).encode()).hexdigest() if times else ""


def end_of_last_day(day: date | None) -> datetime | None:
    """Return the moment at which a last day ends, or None without a last day.

    Raises PictureNotRefused for a day that is over, or too far away.
    """
    if day is None:
        return None
    if day.year > LAST_YEAR:
        text = _(
            "The last day is too far in the future. Choose one before the year %(year)s, or none."
        )
        raise PictureNotRefused(text % {"year": LAST_YEAR + 1})
    end = end_of(day)
    if end <= server_time.now():
        raise PictureNotRefused(_("This day is already over. Choose today or a later day."))
    return end


def lift(picture: RefusedPicture, *, actor: AbstractUser, seen: datetime | None = None) -> Lifted:
    """Allow a picture again, with all others that would keep it refused; return how many.

    The others were refused together with it, or are nearly identical and were refused separately.
    Raises PictureNotRefused if the picture has already been allowed again, and
    RefusedPictureChanged if its `changed_at` is not the one that the actor has `seen`, unless that
    is None.
    """
    with _changing():
        current = RefusedPicture.objects.get(pk=picture.pk)
        own = set(_refused_together([current]).filter(lifted_at=None))
        if picture not in own:
            raise PictureNotRefused(_("This picture has already been allowed again."))
        if seen is not None and seen != current.changed_at:
            raise _changed_since(current)
        rows = _with_copies(own)
        refused = RefusedPicture.objects.filter(pk__any_of={row.pk for row in rows})
        refused.update(lifted_at=DatabaseNow(), lifted_by=actor.get_username())
        _record(EventType.LIFT, actor, sorted(rows, key=lambda row: row.sha256))
        current.refresh_from_db()
    separate = rows - own
    names = sorted({row.refused_by for row in separate})
    return Lifted(len(rows), len(separate), tuple(names), current.lifted_at)


def refuse_again(
    picture: RefusedPicture, *, actor: AbstractUser, seen: datetime | None = None
) -> int:
    """Refuse a picture that was allowed again or has expired; return the number of pictures.

    Includes those that were allowed again, or last refused, together with it. They are refused as
    before, with the same people, times, notes and last days; the event says who did it. If a last
    day is over, the actor refuses the picture from now on, without a last day.

    `seen` is the `changed_at` that the actor has seen, or None if it does not matter. Pictures that
    were refused or allowed again since stay as they are, and only the others are refused. If there
    are none, raises PictureNotRefused if the picture is already refused, and RefusedPictureChanged
    if it was allowed again since.
    """
    with _changing():
        current, now = RefusedPicture.objects.get(pk=picture.pk), server_time.now()
        is_seen = seen is None or seen == current.changed_at
        together: QuerySet[RefusedPicture]
        if not is_seen:
            together = RefusedPicture.objects.filter(lifted_at=seen)
        elif current.lifted_at:
            together = _lifted_together(current)
        else:
            together = _refused_together([current])
        rows = [each for each in together.order_by("sha256") if _is_allowed(each, now)]
        if not rows and _is_allowed(current, now):
            raise _changed_since(current)
        if not rows:
            text = _("This picture is already refused.")
            raise PictureNotRefused(text if is_seen else f"{text} {last_change(current)}")
        for row in rows:
            row.lifted_at, row.lifted_by = None, ""
            if _is_over(row, now):
                row.refused_at, row.refused_by = now, actor.get_username()
                row.refused_until = None
        RefusedPicture.objects.bulk_update(rows, CHANGED_BY_REFUSING)
        _record(EventType.REFUSE, actor, rows)
    return len(rows)


def last_change(picture: RefusedPicture) -> str:
    """Return a text that says who refused a picture last or allowed it again, and when."""
    moment = date_format(localtime(picture.changed_at), "DATETIME_FORMAT")
    if picture.lifted_at:
        text = _("It was allowed again by %(name)s on %(moment)s.")
        return text % {"name": picture.lifted_by, "moment": moment}
    text = _("It was refused by %(name)s on %(moment)s.")
    note = _("The note is “%(note)s”.") if picture.note else _("There is no note.")
    values = {"name": picture.refused_by, "moment": moment, "note": picture.note}
    return f"{text} {note}" % values


def _changed_since(picture: RefusedPicture) -> RefusedPictureChanged:
    text = _(
        "Nothing was changed, because this picture was refused or allowed again after you opened "
        "the page."
    )
    return RefusedPictureChanged(f"{text} {last_change(picture)}")


@contextmanager
def _changing() -> Iterator[None]:
    """Run a transaction during which nobody else can refuse pictures or allow them again.

    The pictures that belong together are read first. Without the lock, others could change them
    before this transaction writes them.
    """
    using = router.db_for_write(RefusedPicture)
    with transaction.atomic(using=using):
        lock_until_commit(REFUSED_PICTURES_LOCK, using)
        yield


def _refused_together(pictures: Iterable[RefusedPicture]) -> QuerySet[RefusedPicture]:
    """Return all pictures that were last refused at the same times as these, by the same people."""
    times = {each.refused_at for each in pictures}
    names = {each.refused_by for each in pictures}
    return RefusedPicture.objects.filter(refused_at__in=times, refused_by__in=names)


def _lifted_together(picture: RefusedPicture) -> QuerySet[RefusedPicture]:
    lifted = RefusedPicture.objects.filter(lifted_at=picture.lifted_at)
    return lifted.filter(lifted_by=picture.lifted_by)


def _with_copies(pictures: set[RefusedPicture]) -> set[RefusedPicture]:
    """Return pictures with their nearly identical copies, the copies of these, and so on.

    Pictures that were refused together with a copy are included.
    """
    found: set[RefusedPicture] = set()
    while new := pictures - found:
        found |= new
        copies = nearly_identical({each.perceptual_hash for each in new} - {""})
        pictures = set(_refused_together(copies).filter(lifted_at=None))
    return found


def _is_allowed(picture: RefusedPicture, now: datetime) -> bool:
    return picture.lifted_at is not None or _is_over(picture, now)


def _is_over(picture: RefusedPicture, now: datetime) -> bool:
    return picture.refused_until is not None and picture.refused_until <= now


def _valid_hash(perceptual_hash: str | None) -> str:
    known = (perceptual_hash or "").lower()
    return known if DIGEST.fullmatch(known) else ""


def _write(rows: list[RefusedPicture]) -> None:
    """Insert rows, or update those with the same SHA-256.

    A stored perceptual hash stays; only an unknown one is filled in.
    """
    RefusedPicture.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["sha256"], update_fields=CHANGED_BY_REFUSING
    )
    hashes = {row.sha256: row.perceptual_hash for row in rows if row.perceptual_hash}
    stored = RefusedPicture.objects.filter(sha256__any_of=set(hashes), perceptual_hash="")
    for row in stored:
        row.perceptual_hash = hashes[row.sha256]
        row.save(update_fields=["perceptual_hash"])


def _record(event: EventType, actor: AbstractUser, rows: list[RefusedPicture]) -> None:
    """Record what was done with rows, with their notes and last days."""
    days = {day.isoformat() for row in rows if (day := row.last_day)}
    AuditEvent.record(
        event,
        actor=actor,
        details={
            "pictures": len(rows),
            "sha256s": [row.sha256 for row in rows],
            "note": "\n".join(dict.fromkeys(row.note for row in rows if row.note)),
            "until": ", ".join(sorted(days)),
        },
    )
