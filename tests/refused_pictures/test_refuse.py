"""Pictures are refused, allowed again and refused again, each with an event."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier
from time import sleep
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.utils import timezone

from moderation.exceptions import PictureNotRefused
from moderation.images.perceptual import THRESHOLD
from moderation.lifecycle.refused_pictures import MAX_FILES, Lifted, lift, refuse, refuse_again
from moderation.models import AuditEvent, RefusedPicture
from moderation.picture_groups.refused import find_refused
from tests.picture_groups.test_near import with_bits
from tests.refused_pictures.refused import SAME, refused

OTHER = "b" * 64


@pytest.fixture
def actor(db: None) -> User:
    return User.objects.create_user("mod")


def is_refused(picture: RefusedPicture) -> bool:
    return find_refused(picture.sha256, picture.perceptual_hash) is not None


@pytest.mark.django_db
def test_who_refused_it_why_and_until_when_is_stored_and_recorded(actor: User) -> None:
    day = date(2150, 12, 31)
    number = refuse({OTHER: "", SAME: with_bits(1)}, actor=actor, note="wave 7", last_day=day)
    assert number == 2
    first, second = RefusedPicture.objects.order_by("sha256")
    assert (first.sha256, first.perceptual_hash) == (SAME, with_bits(1))
    assert (second.sha256, second.perceptual_hash) == (OTHER, "")
    for each in (first, second):
        assert (each.note, each.refused_by, each.last_day) == ("wave 7", "mod", day)
        assert abs(each.refused_at - timezone.now()) < timedelta(minutes=1)
    event = AuditEvent.objects.get()
    assert (event.type, event.actor_name) == ("refuse", "mod")
    assert event.details == {
        "pictures": 2, "sha256s": [SAME, OTHER], "note": "wave 7", "until": "2150-12-31",
    }  # fmt: skip


@pytest.mark.django_db
def test_refusing_a_refused_picture_replaces_note_and_day_and_keeps_the_number(actor: User) -> None:
    before = refused(actor, note="first", last_day=date(2150, 1, 1))
    RefusedPicture.objects.update(matches_total=7)
    refuse({SAME: with_bits(2)}, actor=User(username="other"), note="second", last_day=None)
    after = RefusedPicture.objects.get()
    assert after.pk == before.pk
    assert (after.note, after.last_day, after.refused_by) == ("second", None, "other")
    assert (after.matches_total, after.perceptual_hash) == (7, with_bits(2))
    refused(actor)
    assert RefusedPicture.objects.get().perceptual_hash == with_bits(2)


@pytest.mark.django_db
def test_allowing_a_picture_again_keeps_its_row_and_can_be_undone(actor: User) -> None:
    picture = refused(actor, note="why", last_day=date(2150, 1, 1))
    lift(picture, actor=actor)
    picture.refresh_from_db()
    assert picture.lifted_by == "mod"
    assert picture.lifted_at is not None
    with pytest.raises(PictureNotRefused, match="already been allowed"):
        lift(picture, actor=actor)
    refuse_again(picture, actor=actor)
    again = RefusedPicture.objects.get()
    assert (again.lifted_by, again.lifted_at) == ("", None)
    assert (again.note, again.last_day) == ("why", date(2150, 1, 1))
    assert find_refused(SAME)
    with pytest.raises(PictureNotRefused, match="already refused"):
        refuse_again(picture, actor=actor)
    types = AuditEvent.objects.order_by("pk").values_list("type", flat=True)
    assert list(types) == ["refuse", "lift", "refuse"]


@pytest.mark.django_db
@pytest.mark.parametrize("last_day", [None, date(2150, 1, 1)])
def test_undoing_restores_a_picture_as_it_was_refused_and_records_who_did_it(
    last_day: date | None, actor: User
) -> None:
    before = refused(actor, note="why", last_day=last_day)
    other = User.objects.create_user("other")
    lift(before, actor=other)
    refuse_again(before, actor=other)
    assert RefusedPicture.objects.values().get() == {
        name: getattr(before, name) for name in RefusedPicture.objects.values().get()
    }
    events = AuditEvent.objects.order_by("pk").values_list("type", "actor_name", "details__note")
    assert list(events) == [
        ("refuse", "mod", "why"), ("lift", "other", "why"), ("refuse", "other", "why"),
    ]  # fmt: skip


@pytest.mark.django_db
def test_what_expired_after_it_was_allowed_again_is_refused_by_whoever_does_so(actor: User) -> None:
    before = refused(actor, note="why", last_day=date(2150, 1, 1))
    lift(before, actor=actor)
    RefusedPicture.objects.update(refused_until=timezone.now() - timedelta(days=1))
    refuse_again(before, actor=User.objects.create_user("other"))
    after = RefusedPicture.objects.active().get()
    assert (after.refused_by, after.refused_until, after.note) == ("other", None, "why")
    assert after.refused_at > before.refused_at


@pytest.fixture
def group(actor: User) -> list[RefusedPicture]:
    """Three nearly identical pictures that were refused together, and another one."""
    pictures = {f"{number:064x}": with_bits(number) for number in range(3)}
    refuse(pictures, actor=actor, note="wave 7", last_day=None)
    refused(actor)
    return list(RefusedPicture.objects.filter(sha256__in=pictures).order_by("sha256"))


@pytest.mark.django_db
def test_pictures_that_were_refused_together_are_allowed_again_together(
    actor: User, group: list[RefusedPicture]
) -> None:
    other = User(username="other")
    assert lift(group[1], actor=other) == Lifted(pictures=3)
    assert not any(is_refused(each) for each in group)
    assert find_refused(SAME)
    event = AuditEvent.objects.latest("pk")
    sha256s = [each.sha256 for each in group]
    assert (event.type, event.actor_name, event.details["sha256s"]) == ("lift", "other", sha256s)
    with pytest.raises(PictureNotRefused, match="already been allowed"):
        lift(group[0], actor=actor)
    assert refuse_again(group[2], actor=other) == 3
    assert all(is_refused(each) for each in group)
    event = AuditEvent.objects.latest("pk")
    assert (event.type, event.details["sha256s"]) == ("refuse", sha256s)
    with pytest.raises(PictureNotRefused, match="already refused"):
        refuse_again(group[0], actor=actor)
    assert lift(group[0], actor=actor).pictures == 3


@pytest.mark.django_db
def test_a_picture_whose_note_was_edited_is_allowed_again_with_its_group(
    actor: User, group: list[RefusedPicture]
) -> None:
    other = User(username="other")
    refuse({group[0].sha256: ""}, actor=other, note="wave 8", last_day=date(2150, 1, 1))
    assert lift(group[0], actor=other) == Lifted(pictures=3, separate=2, refused_by=("mod",))
    assert not any(is_refused(each) for each in group)
    assert find_refused(SAME)
    details = AuditEvent.objects.latest("pk").details
    assert (details["pictures"], details["note"]) == (3, "wave 8\nwave 7")
    assert refuse_again(group[1], actor=other) == 3
    assert all(is_refused(each) for each in group)
    notes = [RefusedPicture.objects.get(pk=each.pk).note for each in group]
    assert notes == ["wave 8", "wave 7", "wave 7"]


@pytest.mark.django_db
def test_nearly_identical_pictures_that_were_refused_separately_are_allowed_again_with_it(
    actor: User,
) -> None:
    """Each is similar to the one before, except the last two, one of which is in a group."""
    bits = range(THRESHOLD * 3)
    hashes = [with_bits(*bits[: THRESHOLD * number]) for number in range(4)]
    hashes += [with_bits(*range(100, 200)), with_bits(*range(150, 250))]
    pictures = [{f"{number:064x}": each} for number, each in enumerate(hashes)]
    monday, tuesday = actor, User(username="other")
    refuse(pictures[0] | pictures[4], actor=monday, note="", last_day=None)
    for each in (*pictures[1:4], pictures[5]):
        refuse(each, actor=tuesday, note="", last_day=None)
    rows = list(RefusedPicture.objects.order_by("sha256"))
    expected = Lifted(pictures=5, separate=4, refused_by=("mod", "other"))
    assert lift(rows[1], actor=actor) == expected
    assert [is_refused(each) for each in rows] == [False] * 5 + [True]
    assert AuditEvent.objects.latest("pk").details["sha256s"] == [each.sha256 for each in rows[:5]]
    assert refuse_again(rows[1], actor=actor) == 5
    assert all(is_refused(each) for each in rows)


@pytest.mark.django_db(transaction=True)
def test_a_picture_that_is_refused_again_at_the_same_time_is_allowed_again(actor: User) -> None:
    picture = refused(actor)

    def run() -> Lifted:
        try:
            return lift(picture, actor=actor)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            refused(actor, note="second")
            lifting = pool.submit(run)
            sleep(0.2)  # it waits for this transaction
        assert lifting.result().pictures == 1
    assert find_refused(SAME) is None


@pytest.mark.django_db(transaction=True)
def test_two_moderators_who_allow_a_group_again_concurrently_do_it_once(
    group: list[RefusedPicture],
) -> None:
    def run(picture: RefusedPicture) -> int:
        try:
            return lift(picture, actor=User(username="mod")).pictures
        except PictureNotRefused:
            return 0
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(run, group)) == [0, 0, 3]
    assert AuditEvent.objects.filter(type="lift").count() == 1


@pytest.mark.django_db
def test_an_expired_picture_is_refused_again_without_end(actor: User) -> None:
    picture = refused(actor, last_day=date(2150, 1, 1))
    RefusedPicture.objects.update(refused_until=timezone.now() - timedelta(days=1))
    refuse_again(picture, actor=actor)
    assert RefusedPicture.objects.get().refused_until is None
    assert find_refused(SAME)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("pictures", "given", "said"),
    [
        ({}, {}, "no SHA-256"),
        ({"": "", "x": "y", "G" * 64: ""}, {}, "no SHA-256"),
        ({None: ""}, {}, "no SHA-256"),
        ({SAME: ""}, {"note": "n" * 10_000}, "longer than 2000"),
        ({SAME: ""}, {"last_day": date(2026, 1, 1)}, "already over"),
    ],
)
def test_what_cannot_be_refused_changes_nothing(
    pictures: dict[Any, str], given: dict[str, Any], said: str, actor: User
) -> None:
    options: dict[str, Any] = {"note": "", "last_day": None, **given}
    with pytest.raises(PictureNotRefused, match=said):
        refuse(pictures, actor=actor, **options)
    assert not RefusedPicture.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
def test_digests_are_stored_in_lower_case_as_they_are_looked_up(actor: User) -> None:
    refuse({SAME.upper(): with_bits(1, 200).upper()}, actor=actor, note="", last_day=None)
    picture = RefusedPicture.objects.get()
    assert (picture.sha256, picture.perceptual_hash) == (SAME, with_bits(1, 200))


@pytest.mark.django_db
def test_a_hash_that_is_not_computed_yet_is_stored_as_unknown(actor: User) -> None:
    refuse({SAME: None}, actor=actor, note="", last_day=None)
    assert RefusedPicture.objects.get().perceptual_hash == ""


@pytest.mark.django_db
def test_a_bad_hash_is_not_stored(actor: User) -> None:
    refuse({SAME: "z" * 64}, actor=actor, note="", last_day=None)
    assert RefusedPicture.objects.get().perceptual_hash == ""


@pytest.mark.django_db
def test_the_number_of_files_refused_at_once_is_limited(actor: User) -> None:
    pictures = {f"{number:064x}": with_bits(number % 9) for number in range(MAX_FILES + 5)}
    assert refuse(pictures, actor=actor, note="", last_day=None) == MAX_FILES
    assert all(find_refused(each, pictures[each]) for each in pictures)


@pytest.mark.django_db(transaction=True)
def test_two_moderators_who_refuse_the_same_picture_concurrently_make_one_row() -> None:
    actors = [User.objects.create_user(name) for name in ("mod", "other")]
    barrier = Barrier(2)

    def run(actor: User) -> None:
        barrier.wait()
        pictures = {SAME: with_bits(1), OTHER: ""}
        refuse(pictures, actor=actor, note=actor.username, last_day=None)
        connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, actors))
    names = RefusedPicture.objects.values_list("refused_by", "note").distinct()
    assert RefusedPicture.objects.count() == 2
    assert len(names) == 1
    assert AuditEvent.objects.count() == 2
