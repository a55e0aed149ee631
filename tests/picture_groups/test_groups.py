"""Pictures of a selection in groups: identical files, counted, ordered and described."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from moderation.images.perceptual import THRESHOLD
from moderation.models import FrozenKeys, KeptKeys, Removal, batch_numbers, has_exact_keys
from moderation.picture_groups import groups as groups_module
from moderation.picture_groups.details import details_of_groups, objects_with
from moderation.picture_groups.groups import (
    Order,
    can_compare,
    can_group,
    group_of,
    picture_groups,
)
from moderation.registry.content import PictureSource
from moderation.registry.registration import Registration
from moderation.removals.freeze import freeze
from moderation.removals.keep import exclude
from posts.models import Post, PostImage, Report
from tests.helpers import drafted
from tests.testapp.defaults import DEFAULT_AVATAR
from tests.testapp.models import Case, Exhibit, Piece, Profile, Shelf, Thread

pytestmark = pytest.mark.django_db

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
RARE, COMMON, OTHER = "a" * 64, "b" * 64, "c" * 64


def make_post(day: int, *sha256s: str, author: str = "spammer") -> Post:
    """Create a post with pictures, whose files do not exist."""
    user, _ = User.objects.get_or_create(username=author)
    created_at = FIRST_DAY + timedelta(days=day)
    post = Post.objects.create(author=user, title=f"Post {day}", created_at=created_at)
    for number, sha256 in enumerate(sha256s):
        PostImage.objects.create(
            post=post, sha256=sha256, image=f"{post.pk}-{number}.jpg",
            thumbnail=f"{post.pk}-{number}.webp", size=10, width=1, height=1,
        )  # fmt: skip
    return post


@pytest.fixture
def moderator() -> User:
    return User.objects.create_superuser("root")


def all_keys() -> QuerySet[Any, Any]:
    return Post.objects.values("pk")


def selected(removal: Removal) -> QuerySet[Post]:
    return Post.objects.filter(pk__in=FrozenKeys(removal, Post))


def test_identical_pictures_of_several_posts_are_one_group() -> None:
    make_post(1, COMMON, COMMON)
    make_post(2, COMMON, RARE)
    groups = picture_groups(Post, all_keys())
    assert [(group.key, group.pictures) for group in groups] == [(RARE, 1), (COMMON, 3)]
    assert not any(group.is_near for group in groups)


def test_nearly_identical_pictures_are_one_group_after_a_rarer_one() -> None:
    make_post(1, OTHER)
    make_post(2, RARE)
    make_post(3, COMMON, COMMON)
    for sha256, bits in ((OTHER, 100), (RARE, 0), (COMMON, THRESHOLD)):
        hashes = {"perceptual_hash": f"{2**bits - 1:064x}"}
        PostImage.objects.filter(sha256=sha256).update(**hashes)
    alone, near = picture_groups(Post, all_keys())
    assert (alone.sha256s, alone.pictures, alone.is_near) == ((OTHER,), 1, False)
    assert (near.sha256s, near.pictures, near.is_near) == ((RARE, COMMON), 3, True)
    _alone, near = picture_groups(Post, all_keys(), Order.OLDEST)
    assert near.oldest == FIRST_DAY + timedelta(days=2)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order.RAREST, [RARE, OTHER, COMMON]),
        (Order.LARGEST, [COMMON, RARE, OTHER]),
        (Order.OLDEST, [COMMON, RARE, OTHER]),
    ],
)
def test_groups_are_ordered(order: Order, expected: list[str]) -> None:
    make_post(3, OTHER)
    make_post(2, RARE)
    make_post(1, COMMON)
    make_post(4, COMMON)
    assert [group.key for group in picture_groups(Post, all_keys(), order)] == expected


def test_only_selected_posts_count(moderator: User) -> None:
    chosen = [make_post(1, COMMON), make_post(2, RARE)]
    make_post(3, COMMON)
    groups = picture_groups(Post, FrozenKeys(drafted(chosen, moderator), Post))
    assert [(group.key, group.pictures) for group in groups] == [(RARE, 1), (COMMON, 1)]


def test_a_group_is_reviewed_when_all_of_its_objects_are() -> None:
    first, second = make_post(1, COMMON, COMMON, RARE), make_post(2, COMMON)
    for keys, expected in (([], 0), ([first.pk], 1), ([first.pk, second.pk], 2)):
        reviewed = Post.objects.filter(pk__in=keys).values("pk")
        groups = picture_groups(Post, all_keys(), reviewed=reviewed)
        assert sum(group.is_reviewed for group in groups) == expected
    assert not any(group.is_reviewed for group in picture_groups(Post, all_keys()))


def test_above_a_number_of_hashes_only_identical_pictures_are_grouped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_post(1, RARE, COMMON, OTHER)
    PostImage.objects.exclude(sha256=OTHER).update(perceptual_hash="0f" * 32)
    for most, expected in ((2, [1, 2]), (1, [1, 1, 1])):
        monkeypatch.setattr(groups_module, "MAX_COMPARED", most)
        groups = picture_groups(Post, all_keys())
        assert [len(group.sha256s) for group in groups] == expected
        assert can_compare(groups) == (most == 2)


def test_a_picture_without_sha256_is_in_no_group() -> None:
    make_post(1, "")
    assert picture_groups(Post, all_keys()) == []


@pytest.mark.parametrize("order", Order)
def test_a_picture_whose_sha256_is_null_is_in_no_group(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The columns of these files can be NULL, and stand for those of a SHA-256.
    registration = Registration(Piece, {"sha256": "picture"}, "leaflet", "", None)
    source = PictureSource(registration, "pk")
    monkeypatch.setattr(groups_module, "picture_sources_of", lambda _model: (source,))
    case = Case.objects.create(exhibit=Exhibit.objects.create())
    for sha256 in (None, COMMON):
        piece = Piece.objects.create(case=case, leaflet="leaflet.pdf")
        Piece.objects.filter(pk=piece.pk).update(picture=sha256)
    groups = picture_groups(Piece, Piece.objects.values("pk"), order)
    assert [(group.key, group.pictures) for group in groups] == [(COMMON, 1)]


def test_an_empty_or_default_picture_is_in_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    registration = Registration(Profile, {"sha256": "banner"}, "avatar", "", None)
    source = PictureSource(registration, "pk")
    monkeypatch.setattr(groups_module, "picture_sources_of", lambda _model: (source,))
    for avatar in ("", DEFAULT_AVATAR, "own.png"):
        Profile.objects.create(avatar=avatar, banner=COMMON)
    (group,) = picture_groups(Profile, Profile.objects.values("pk"))
    assert group.pictures == 1


def test_the_details_count_posts_authors_reported_and_other_posts(moderator: User) -> None:
    first = make_post(1, COMMON, COMMON, author="one")
    second = make_post(2, COMMON, author="two")
    third = make_post(3, COMMON, author="two")
    for reporter in ("a", "b"):
        Report.objects.create(post=second, reporter=User.objects.create_user(reporter))
    outside = [make_post(4, COMMON), make_post(5, COMMON)]
    keys = FrozenKeys(drafted([first, second, third], moderator), Post)
    (details,) = details_of_groups(picture_groups(Post, keys), Post, keys)
    assert (details.objects, details.owners, details.reported) == (3, 2, 1)
    assert details.others == len(outside)
    visible = Post.objects.exclude(pk=outside[0].pk).values("pk")
    (details,) = details_of_groups(picture_groups(Post, keys), Post, keys, visible)
    assert details.others == len(outside) - 1
    assert details.group.pictures == 4
    assert details.object_key == first.pk
    assert details.file
    assert details.file.name == f"{first.pk}-0.jpg"


def test_details_take_the_same_number_of_queries_for_any_number_of_groups(
    django_assert_num_queries: Any,
) -> None:
    for number in range(30):
        make_post(number, f"{number:064x}")
    groups = picture_groups(Post, all_keys())
    for page in (groups[:1], groups):
        with django_assert_num_queries(3):
            assert len(details_of_groups(page, Post, all_keys())) == len(page)
    assert details_of_groups([], Post, all_keys()) == []


def test_the_objects_of_a_group_are_those_with_one_of_its_pictures() -> None:
    first, _second, third = make_post(1, COMMON), make_post(2, RARE), make_post(3, COMMON, RARE)
    group = group_of(picture_groups(Post, all_keys()), COMMON)
    assert group
    assert set(objects_with([group], Post, all_keys())) == {first, third}
    assert group_of([group], RARE) is None


def test_frozen_keys_are_those_of_the_batches(moderator: User, settings: Any) -> None:
    settings.MODERATION_BATCH_OBJECTS = 2
    posts = [make_post(day) for day in range(5)]
    removal = drafted(posts[:3], moderator)
    assert set(selected(removal)) == set(posts[:3])
    numbers = batch_numbers(removal, [post.pk for post in posts])
    first, second = removal.batches.order_by("number").values_list("number", flat=True)
    assert numbers == {
        str(posts[0].pk): first, str(posts[1].pk): first, str(posts[2].pk): second,
    }  # fmt: skip


def test_looking_up_no_keys_takes_no_query(moderator: User) -> None:
    removal = drafted([make_post(1)], moderator)
    with CaptureQueriesContext(connection) as captured:
        assert batch_numbers(removal, []) == {}
    assert not captured.captured_queries


def test_frozen_keys_may_be_uuids(moderator: User) -> None:
    chosen, other = Exhibit.objects.create(), Exhibit.objects.create()
    removal = freeze(Exhibit.objects.filter(pk=chosen.pk), actor=moderator, permissions=[])
    assert has_exact_keys(Exhibit)
    assert list(Exhibit.objects.filter(pk__in=FrozenKeys(removal, Exhibit))) == [chosen]
    assert list(batch_numbers(removal, [chosen.pk, other.pk])) == [str(chosen.pk)]
    number = removal.batches.get().number
    exclude(removal, seal=removal.seal, keys_by_batch=[(number, [str(chosen.pk)])])
    assert list(Exhibit.objects.filter(pk__in=KeptKeys(removal, Exhibit))) == [chosen]


def test_models_without_pictures_or_sha256_cannot_be_grouped() -> None:
    assert can_group(Post)
    assert can_group(PostImage)
    assert not can_group(Shelf)  # its pictures are two relations away
    assert not can_group(Thread)  # it is registered without a picture
