"""Find out whether a picture that somebody wants to add is refused.

Any site can check this before it stores a picture:

    if refused := find_refused(sha256, perceptual_hash):
        count_match(refused)
        # and do not store it
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import router, transaction
from django.db.models import CharField, F, Max, Model, QuerySet, Value

from moderation.db.server_time import DatabaseNow
from moderation.lifecycle.refused_copies import nearly_identical
from moderation.models import RefusedPicture
from moderation.models.refused_picture import DIGEST
from moderation.picture_groups.groups import Keys, rows_of
from moderation.registry.content import PictureSource, picture_sources_of


def find_refused(sha256: str, perceptual_hash: str = "") -> RefusedPicture | None:
    """Return the refused picture that a picture is identical or nearly identical to, or None.

    Pictures are nearly identical if their perceptual hashes differ in at most THRESHOLD bits.
    Without a hash ("", for an animation or a picture without structure), only the same file is
    found. A value that is not 64 hexadecimal digits matches nothing. Runs at most two queries, and
    changes nothing: call `count_match` to count the attempt.
    """
    sha256, perceptual_hash = sha256.lower(), perceptual_hash.lower()
    same: RefusedPicture | None = None
    if DIGEST.fullmatch(sha256):
        same = RefusedPicture.objects.active().filter(sha256=sha256).first()
    if same or not DIGEST.fullmatch(perceptual_hash):
        return same
    return next(iter(nearly_identical([perceptual_hash])), None)


def hashes_of(rows: QuerySet[Any], source: PictureSource) -> dict[str, str | None]:
    """Return what `refuse` needs of the pictures of some rows: {SHA-256: perceptual hash}.

    The hash is "" if the picture has none, and None if it has not been computed. Runs one query.
    """
    column = source.lookup("perceptual_hash")
    known = Max(column) if column else Value(None, output_field=CharField())
    found = rows.order_by().values(source.sha256).annotate(hash_of_picture=known)
    pairs = found.values_list(source.sha256, "hash_of_picture")
    return dict(pairs)


def hashes_of_objects(
    sha256s: Iterable[str], model: type[Model], keys: Keys
) -> dict[str, str | None]:
    """Return `hashes_of` the pictures that belong to objects of a model with these keys."""
    found: dict[str, str | None] = {}
    for source in picture_sources_of(model):
        among = {f"{source.sha256}__any_of": set(sha256s), f"{source.to_object}__in": keys}
        found |= hashes_of(rows_of(source).filter(**among), source)
    return found


def add_hash(sha256: str, perceptual_hash: str) -> None:
    """Add the perceptual hash of a refused picture if it was unknown when that was refused."""
    unknown = RefusedPicture.objects.filter(sha256=sha256.lower(), perceptual_hash="")
    unknown.update(perceptual_hash=perceptual_hash)


def count_match(refused: RefusedPicture) -> None:
    """Count an attempt to add a refused picture, in a short transaction of its own.

    Inside a transaction, this happens after it commits, so that no lock is held, or never, if it is
    rolled back. So call it, and `find_refused`, before the transaction that stores pictures. If
    counting fails, Django logs the error.
    """
    using, key = router.db_for_write(RefusedPicture), refused.pk
    # Not a partial, because Django 5 needs the name of the function for its log.
    transaction.on_commit(lambda: _count_match(key), using=using, robust=True)


def _count_match(key: int) -> None:
    picture = RefusedPicture.objects.filter(pk=key)
    picture.update(matches_total=F("matches_total") + 1, last_matched_at=DatabaseNow())
