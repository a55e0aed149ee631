"""Compute missing perceptual hashes, such as those of pictures that are older than the column."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import router
from django.db.models import Model, QuerySet

from moderation.db.rows import all_rows
from moderation.images import InvalidImage
from moderation.images.limits import MAX_BYTES, MAX_CONCURRENT
from moderation.images.perceptual import hash_of_file
from moderation.picture_groups.refused import add_hash
from moderation.redaction import clean
from moderation.registry import Registration, registered_models, registration_by_label

PAGE = 100  # rows that are read at a time


@dataclass(frozen=True, slots=True)
class HashedPicture:
    """The result for one picture. The hash is None if the file could not be read.

    `problem` says why there is no hash, unless the picture is animated or has no structure.
    """

    name: str
    perceptual_hash: str | None
    problem: str = ""


def hashed_models() -> list[Registration]:
    """Return the registrations that have a picture and a column of their own for its hash."""
    registrations = [registration_by_label(model._meta.label) for model in registered_models()]
    return [each for each in registrations if each.picture and _has_column(each)]


def _has_column(registration: Registration) -> bool:
    columns = {field.name for field in registration.model._meta.local_concrete_fields}
    return registration.perceptual_hash in columns


def rows_without_hash(registration: Registration) -> QuerySet[Any]:
    """Return the rows that have a picture whose hash has not been computed."""
    rows = all_rows(registration.model, router.db_for_write(registration.model))
    rows = rows.filter(**{f"{registration.perceptual_hash}__isnull": True})
    return rows.exclude(**{registration.picture: ""}).exclude(**{registration.picture: None})


def hash_pictures(registration: Registration) -> Iterator[HashedPicture]:
    """Hash the pictures of the rows without a hash; yield a result for each.

    Reads as many files at a time as can be decoded at a time. Holds no lock while it reads: a hash
    is stored only if the row still names that file.
    """
    with ThreadPoolExecutor(MAX_CONCURRENT) as pool:
        for page in _pages(rows_without_hash(registration)):
            results = pool.map(partial(_hash, registration), page)
            for row, result in zip(page, results, strict=True):
                if result.perceptual_hash is not None:
                    _store(registration, row, result, result.perceptual_hash)
                yield result


def _pages(rows: QuerySet[Any]) -> Iterator[list[Any]]:
    """Yield rows in the order of their keys. One that stays without a hash is not read again."""
    page = list(rows.order_by("pk")[:PAGE])
    while page:
        yield page
        page = list(rows.filter(pk__gt=page[-1].pk).order_by("pk")[:PAGE])


def _hash(registration: Registration, row: Model) -> HashedPicture:
    file = getattr(row, registration.picture)
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except Exception as error:  # noqa: BLE001 - storage libraries raise exceptions of their own
        return HashedPicture(file.name, None, clean(f"{type(error).__name__}: {error}"))
    try:
        return HashedPicture(file.name, hash_of_file(content))
    except InvalidImage as error:
        return HashedPicture(file.name, "", str(error))


def _store(
    registration: Registration, row: Model, result: HashedPicture, perceptual_hash: str
) -> None:
    """Add the hash of a picture to the refused picture with the same file, then store it.

    In this order, because the next run repeats both if this one is interrupted in between.
    """
    sha256 = getattr(row, str(registration.lookups.get("sha256")), "")
    if sha256 and perceptual_hash:
        add_hash(sha256, perceptual_hash)
    unchanged = {"pk": row.pk, registration.picture: result.name}
    rows = rows_without_hash(registration).filter(**unchanged)
    rows.update(**{registration.perceptual_hash: perceptual_hash})
