"""Each thing that prevents a confirmation is a sentence that says what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from moderation.models import Removal
from moderation.removals.limits import blockers_of, ceilings, typed_count_needed
from moderation.removals.permission_names import permission_names

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor(db: None) -> User:
    return User.objects.create_user("mod", is_staff=True)


def draft(actor: User, **given: Any) -> Removal:
    standard = {"model_label": "posts.Post", "objects_total": 3, "actor_is_staff": True}
    return Removal(actor=actor, actor_name="mod", **{**standard, **given})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        ({"objects_total": 0}, ["The selection is empty. Cancel the draft and select again."]),
        ({"blockers": {"protected": {"library.Loan": 1}}},
         [("1 loan still refers to these posts. Remove the loan first, or keep the posts that it "
          "refers to.")]),
        ({"blockers": {"restricted": {"library.Song": 1_200}}},
         [("1,200 songs still refer to these posts. Remove the songs first, or keep the posts that "
          "they refer to.")]),
        ({"blockers": {"protected": {"library.Song": 1}, "restricted": {"library.Song": 1}}},
         [("2 songs still refer to these posts. Remove the songs first, or keep the posts that "
          "they refer to.")]),
        ({"permissions": ["posts.delete_post"]},
         ["You need the permission “Can delete post” to remove these. Ask an administrator."]),
        ({"permissions": ["posts.gone"]},
         ["You need the permission posts.gone to remove these. Ask an administrator."]),
        ({"blockers": {"protected": {}, "restricted": {}}}, []),
    ],
)  # fmt: skip
def test_blocker_is_a_sentence(given: dict[str, Any], expected: list[str], actor: User) -> None:
    assert list(blockers_of(draft(actor, **given), actor)) == expected


def test_all_blockers_are_named_at_once(actor: User) -> None:
    removal = draft(
        actor,
        objects_total=0,
        blockers={"protected": {"library.Loan": 1, "library.Visit": 2}},
        permissions=["posts.delete_post", "posts.delete_report"],
    )
    assert len(list(blockers_of(removal, actor))) == 5


@pytest.mark.parametrize(("was_staff", "expected"), [(True, 1), (False, 0)])
def test_author_who_was_staff_must_be_so_still(was_staff: bool, expected: int, actor: User) -> None:
    actor.is_staff = False
    actor.save()
    found = list(blockers_of(draft(actor, actor_is_staff=was_staff), actor))
    assert found == ["Your account may no longer use the admin."][:expected]


@pytest.mark.parametrize(
    ("objects", "exceeds"), [(1, False), (10, False), (11, True), (1_000_000, True)]
)
def test_ceiling_of_a_removal_is_inclusive(
    objects: int, exceeds: bool, actor: User, settings: Any
) -> None:
    settings.MODERATION_REMOVAL_CEILING = 10
    settings.MODERATION_DAILY_CEILING = 100_000_000
    found = list(ceilings(draft(actor, objects_total=objects), actor))
    assert bool(found) is exceeds
    if found:
        assert found[0].startswith(
            f"You selected {objects:,} posts; the limit for one removal is 10."
        )


@pytest.mark.parametrize(
    ("hours_ago", "objects", "exceeds"),
    [(1, 7, False), (1, 8, True), (23, 8, True), (25, 8, False)],
)
def test_ceiling_of_a_day_counts_the_last_24_hours(
    hours_ago: int, objects: int, exceeds: bool, actor: User, settings: Any
) -> None:
    settings.MODERATION_DAILY_CEILING = 10
    confirmed = draft(actor, objects_total=objects)
    confirmed.confirmed_at = timezone.now() - timedelta(hours=hours_ago)
    confirmed.save()
    other = User.objects.create_user("other")
    Removal.objects.create(
        model_label="posts.Post", actor=other, actor_name="o", objects_total=99,
        confirmed_at=timezone.now(),
    )  # fmt: skip
    found = list(ceilings(draft(actor), actor))
    assert bool(found) is exceeds
    if found:
        assert f"In the last 24 hours, you removed {objects} of the 10 objects" in found[0]


def test_permission_to_exceed_lifts_both_ceilings(actor: User, settings: Any) -> None:
    settings.MODERATION_REMOVAL_CEILING = settings.MODERATION_DAILY_CEILING = 1
    assert len(list(ceilings(draft(actor), actor))) == 2
    actor.user_permissions.add(Permission.objects.get(codename="exceed_ceilings"))
    assert list(ceilings(draft(actor), User.objects.get(pk=actor.pk))) == []


@pytest.mark.parametrize(("objects", "needed"), [(0, False), (4, False), (5, True), (6, True)])
def test_number_is_typed_from_the_threshold_on(
    objects: int, needed: bool, actor: User, settings: Any
) -> None:
    settings.MODERATION_TYPED_COUNT_FROM = 5
    assert typed_count_needed(draft(actor, objects_total=objects)) is needed


def test_permissions_are_named_in_the_order_of_their_codes(django_assert_num_queries: Any) -> None:
    codes = ["posts.delete_report", "posts.nothing", "auth.delete_user", "posts.delete_post"]
    with django_assert_num_queries(1):
        names = permission_names(codes)
    assert names == [
        "“Can delete report”", "posts.nothing", "“Can delete user”", "“Can delete post”",
    ]  # fmt: skip


def test_permission_of_another_app_with_the_same_code_is_another_one() -> None:
    assert permission_names(["library.delete_post"]) == ["library.delete_post"]
