"""Refuse pictures, allow them again, and refuse them again."""

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

# The most files that are refused at once. The files of a group are nearly identical, so those that
# are left out of a larger group still match one that is refused.
MAX_FILES = 100

CHANGED_BY_REFUSING = (
    "note", "refused_until", "refused_by", "refused_at", "lifted_by", "lifted_at",
)  # fmt: skip


def refuse(
    pictures: Mapping[str, str | None], *, actor: AbstractUser, note: str, last_day: date | None
) -> int:
    """Refuse pictures up to a day, or without end; return the number of files.

    `pictures` maps the SHA-256 of each file to its perceptual hash, or to "" or None if that is
    unknown. For a picture that has been refused before, everything but the number of matches is
    replaced. At most MAX_FILES are refused. Raises PictureNotRefused if no SHA-256 is valid, for a
    day that is over, and for a note that is too long.
    """
    hashes = {sha256.lower(): known for sha256, known in pictures.items() if sha256}
    chosen = sorted(filter(DIGEST.fullmatch, hashes))[:MAX_FILES]
    if not chosen:
        raise PictureNotRefused(_("This picture has no SHA-256, so it could not be recognized."))
    if len(note) > NOTE_LENGTH:
        text = _("The note is longer than %(number)s characters.")
        raise PictureNotRefused(text % {"number": NOTE_LENGTH})
    now, until = server_time.now(), end_of_last_day(last_day)
    rows = [
        RefusedPicture(
            sha256=sha256, perceptual_hash=_valid_hash(hashes[sha256]), note=note,
            refused_until=until, refused_by=actor.get_username(), refused_at=now,
        )
        for sha256 in chosen
    ]  # fmt: skip
    with transaction.atomic():
        _write(rows)
        _record(EventType.REFUSE, actor, rows)
    return len(rows)


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


def lift(picture: RefusedPicture, *, actor: AbstractUser) -> int:
    """Allow a picture again, with those that were refused together with it; return their number.

    The others are nearly identical: they would still refuse the picture. Raises PictureNotRefused
    if the picture has already been allowed again.
    """
    with transaction.atomic():
        rows = {row.pk: row for row in _refused_together(picture) if row.lifted_at is None}
        if picture.pk not in rows:
            raise PictureNotRefused(_("This picture has already been allowed again."))
        refused = RefusedPicture.objects.filter(pk__any_of=set(rows))
        refused.update(lifted_at=DatabaseNow(), lifted_by=actor.get_username())
        _record(EventType.LIFT, actor, list(rows.values()))
    return len(rows)


def refuse_again(picture: RefusedPicture, *, actor: AbstractUser) -> int:
    """Refuse a picture that was allowed again or has expired; return the number of pictures.

    Includes those that were refused together with it. Their note stays, and so does their last day
    unless it is over: then they are refused without end. Raises PictureNotRefused if the picture is
    already refused.
    """
    with transaction.atomic():
        found, now = _refused_together(picture), server_time.now()
        rows = {row.pk: row for row in found if row.lifted_at or _is_over(row, now)}
        if picture.pk not in rows:
            raise PictureNotRefused(_("This picture is already refused."))
        for row in rows.values():
            row.lifted_at, row.lifted_by = None, ""
            row.refused_at, row.refused_by = now, actor.get_username()
            row.refused_until = None if _is_over(row, now) else row.refused_until
        RefusedPicture.objects.bulk_update(list(rows.values()), CHANGED_BY_REFUSING)
        _record(EventType.REFUSE, actor, list(rows.values()))
    return len(rows)


def _refused_together(picture: RefusedPicture) -> list[RefusedPicture]:
    """Lock the pictures that were last refused together with a picture; return them all.

    They have the same `refused_at` and `refused_by`. They are locked in the same order as in
    `_write`.
    """
    last = RefusedPicture.objects.get(pk=picture.pk)
    rows = RefusedPicture.objects.filter(refused_at=last.refused_at, refused_by=last.refused_by)
    return list(rows.order_by("sha256").select_for_update())


def _is_over(picture: RefusedPicture, now: datetime) -> bool:
    return picture.refused_until is not None and picture.refused_until <= now


def _valid_hash(perceptual_hash: str | None) -> str:
    known = (perceptual_hash or "").lower()
    return known if DIGEST.fullmatch(known) else ""


def _write(rows: list[RefusedPicture]) -> None:
    """Insert rows, or update those with the same SHA-256, which are locked in this order.

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
