"""Which pictures are refused: the same file, and those with nearly the same hash, until a day."""

from __future__ import annotations

import os
import random
import re
from datetime import date, datetime, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from moderation.db.hash_chunks import CHUNK_DIGITS, with_similar_chunk
from moderation.images.perceptual import THRESHOLD
from moderation.lifecycle.refused_pictures import lift
from moderation.models import RefusedPicture
from moderation.picture_groups.refused import find_refused
from tests.picture_groups.test_near import BITS, with_bits
from tests.refused_pictures.refused import SAME, refused

pytestmark = pytest.mark.django_db

OTHER = "b" * 64
SPREAD = range(0, BITS, BITS // THRESHOLD)  # in every chunk


@pytest.fixture
def actor(db: None) -> User:
    return User.objects.create_user("mod")


def today() -> date:
    return timezone.localdate()


def test_the_same_file_is_refused_and_another_is_not(actor: User) -> None:
    refused(actor)
    assert find_refused(SAME) == RefusedPicture.objects.get()
    assert find_refused(SAME.upper()) is not None
    assert find_refused(OTHER) is None


def test_a_nearly_identical_picture_is_refused_up_to_the_threshold(actor: User) -> None:
    chance = random.Random(0)  # noqa: S311 - repeatable
    base = chance.getrandbits(BITS)
    refused(actor, perceptual_hash=with_bits(base=base))
    bit_lists = [list(SPREAD), *(chance.sample(range(BITS), THRESHOLD + 1) for _ in range(30))]
    for bits in bit_lists:
        assert find_refused(OTHER, with_bits(*bits[:THRESHOLD], base=base))
    for bits in bit_lists[1:]:
        assert find_refused(OTHER, with_bits(*bits, base=base)) is None


def test_of_several_the_nearest_is_found_and_of_equally_near_ones_the_oldest(actor: User) -> None:
    for number, bits in enumerate([(1, 2, 3), (1,), (2,)]):
        refused(actor, f"{number:064x}", with_bits(*bits))
    found = [find_refused(OTHER, with_bits(*bits)) for bits in ((), (1, 2), (2, 3))]
    assert [each and int(each.sha256, 16) for each in found] == [1, 0, 0]


def test_a_picture_without_hash_is_refused_as_the_same_file_only(actor: User) -> None:
    refused(actor)
    assert find_refused(SAME, "")
    assert find_refused(OTHER, "") is None


@pytest.mark.parametrize("bad", ["", "x", "0" * 63, "g" * 64, "\0", "٣" * 64, "1" * 10_000])
def test_a_value_that_is_not_a_digest_matches_nothing(bad: str, actor: User) -> None:
    refused(actor, perceptual_hash=bad)
    assert RefusedPicture.objects.get().perceptual_hash == ""
    assert find_refused(bad, bad) is None
    assert find_refused(SAME, bad)


def test_a_picture_that_was_allowed_again_is_accepted(actor: User) -> None:
    refused(actor, perceptual_hash=with_bits(1))
    lift(RefusedPicture.objects.get(), actor=actor)
    assert find_refused(SAME) is find_refused(OTHER, with_bits(1)) is None


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_whole_last_day_counts_in_the_time_zone_of_the_site(zone: str, actor: User) -> None:
    with override_settings(TIME_ZONE=zone):
        day = timezone.localdate(timezone=ZoneInfo(zone))
        refused(actor, perceptual_hash=with_bits(1), last_day=day)
        picture = RefusedPicture.objects.get()
        end = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)) + timedelta(days=1)
        assert picture.refused_until == end
        assert picture.last_day == day
        assert find_refused(SAME)
    RefusedPicture.objects.update(refused_until=timezone.now() - timedelta(seconds=1))
    assert find_refused(SAME) is find_refused(OTHER, with_bits(1)) is None
    RefusedPicture.objects.update(refused_until=timezone.now() + timedelta(minutes=1))
    assert find_refused(OTHER, with_bits(1))


def test_a_day_before_one_without_a_midnight_ends_nevertheless(actor: User) -> None:
    """On 2027-09-05, clocks in Santiago go from 00:00 to 01:00."""
    with override_settings(TIME_ZONE="America/Santiago"):
        refused(actor, last_day=date(2027, 9, 4))
        assert RefusedPicture.objects.get().last_day == date(2027, 9, 4)


def test_a_lookup_takes_at_most_two_queries_and_changes_nothing(actor: User) -> None:
    refused(actor, perceptual_hash=with_bits(1))
    before = RefusedPicture.objects.values().get()
    for sha256, perceptual_hash, queries in ((SAME, with_bits(1), 1), (OTHER, with_bits(1), 2),
                                             (OTHER, "", 1)):  # fmt: skip
        with CaptureQueriesContext(connection) as captured:
            find_refused(sha256, perceptual_hash)
        assert len(captured) == queries
    assert RefusedPicture.objects.values().get() == before


def fill(number: int) -> list[str]:
    """Refuse this many different pictures, and return their hashes."""
    chance = random.Random(1)  # noqa: S311 - repeatable
    hashes = [with_bits(base=chance.getrandbits(BITS)) for _ in range(number)]
    rows = (
        RefusedPicture(
            sha256=f"{n:064x}", perceptual_hash=each, refused_by="mod", refused_at=timezone.now()
        )
        for n, each in enumerate(hashes)
    )
    RefusedPicture.objects.bulk_create(rows, batch_size=5_000)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {RefusedPicture._meta.db_table}")
    return hashes


def test_a_lookup_among_many_refused_pictures_uses_the_indexes() -> None:
    hashes = fill(int(os.environ.get("REFUSED_PICTURES", "10000")))
    near = [with_bits(*SPREAD[:THRESHOLD], base=int(each, 16)) for each in hashes[:50]]
    start = perf_counter()
    assert all(find_refused(OTHER, each) for each in near)
    print(f"{(perf_counter() - start) / len(near):.4f} seconds for each lookup")  # noqa: T201
    active = RefusedPicture.objects.active().order_by()
    plan = with_similar_chunk(active, "perceptual_hash", near[:1]).explain()
    for number in range(1, len(CHUNK_DIGITS) + 1):
        assert re.search(rf"INDEX (SCAN ON )?refused_hash_{number}\b", plan, re.IGNORECASE)
    table = RefusedPicture._meta.db_table
    assert not re.search(rf"SCAN (ON )?{table}", plan.replace("Bitmap Heap Scan", ""))
