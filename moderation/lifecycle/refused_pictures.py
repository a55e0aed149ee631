"""What a moderator does with a refused picture: refuse it, allow it again, refuse it once more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils.translation import gettext as _

from moderation.db import server_time
from moderation.db.server_time import DatabaseNow
from moderation.exceptions import PictureNotRefused
from moderation.models import AuditEvent, RefusedPicture
from moderation.models.refused_picture import DIGEST, LAST_YEAR, NOTE_LENGTH, end_of
from moderation.models.states import EventType

# The most files that are refused at once. The files of a larger group are nearly identical, so
# those that are left out are refused as well.
MAX_FILES = 100

CHANGED_BY_REFUSING = (
    "note", "refused_until", "refused_by", "refused_at", "lifted_by", "lifted_at",
)  # fmt: skip


def refuse(
    pictures: Mapping[str, str], *, actor: AbstractUser, note: str, last_day: date | None
) -> int:
    """Refuse pictures up to a day, or without end; return how many files these are.

    `pictures` are the SHA-256 and the perceptual hash of each file, which is "" if it is unknown.
    For a picture that has been refused before, everything but the number of matches is replaced.
    At most MAX_FILES are refused. Raises PictureNotRefused if no SHA-256 is valid, for a day that
    is over, and for a note that is too long.
    """
    chosen = sorted(filter(DIGEST.fullmatch, pictures))[:MAX_FILES]
    if not chosen:
        raise PictureNotRefused(_("This picture has no SHA-256, so it could not be recognized."))
    if len(note) > NOTE_LENGTH:
        text = _("The note is longer than %(number)s characters.")
        raise PictureNotRefused(text % {"number": NOTE_LENGTH})
    now, until = server_time.now(), end_of_last_day(last_day)
    rows = [
        RefusedPicture(
            sha256=sha256, perceptual_hash=_valid_hash(pictures[sha256]), note=note,
            refused_until=until, refused_by=actor.get_username(), refused_at=now,
        )
        for sha256 in chosen
    ]  # fmt: skip
    with transaction.atomic():
        _write(rows)
        _record(EventType.REFUSE, actor, rows)
    return len(rows)


def end_of_last_day(day: date | None) -> datetime | None:
    """Return the end of a last day, or None if there is none.

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


def lift(picture: RefusedPicture, *, actor: AbstractUser) -> None:
    """Allow a picture again. Raises PictureNotRefused if that has already been done."""
    refused = RefusedPicture.objects.filter(pk=picture.pk, lifted_at=None)
    with transaction.atomic():
        if not refused.update(lifted_at=DatabaseNow(), lifted_by=actor.get_username()):
            raise PictureNotRefused(_("This picture has already been allowed again."))
        _record(EventType.LIFT, actor, [picture])


def refuse_again(picture: RefusedPicture, *, actor: AbstractUser) -> None:
    """Refuse a picture that was allowed again or has expired, with the same note.

    The last day stays as well, unless it is over: then there is none. Raises PictureNotRefused if
    the picture is refused already.
    """
    with transaction.atomic():
        locked = RefusedPicture.objects.select_for_update().get(pk=picture.pk)
        now = server_time.now()
        is_over = locked.refused_until is not None and locked.refused_until <= now
        if locked.lifted_at is None and not is_over:
            raise PictureNotRefused(_("This picture is already refused."))
        locked.lifted_at, locked.lifted_by = None, ""
        locked.refused_at, locked.refused_by = now, actor.get_username()
        locked.refused_until = None if is_over else locked.refused_until
        locked.save(update_fields=CHANGED_BY_REFUSING)
        _record(EventType.REFUSE, actor, [locked])


def _valid_hash(perceptual_hash: str) -> str:
    return perceptual_hash if DIGEST.fullmatch(perceptual_hash) else ""


def _write(rows: list[RefusedPicture]) -> None:
    """Insert rows, or update those with the same SHA-256, which are locked in this order.

    A stored hash stays if that of the new row is unknown.
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
    """Record what was done with rows that have the same note and last day."""
    day = rows[0].last_day
    AuditEvent.record(
        event,
        actor=actor,
        details={
            "pictures": len(rows),
            "sha256s": [row.sha256 for row in rows],
            "note": rows[0].note,
            "until": day.isoformat() if day else "",
        },
    )
