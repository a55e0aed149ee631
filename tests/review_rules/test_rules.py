"""The rules that need only what is registered: what they mark, and what they do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User

from moderation.registry.content import PictureSource, picture_sources_of
from moderation.registry.registration import Registration
from moderation.removals.freeze import freeze
from moderation.review_rules import pictures
from moderation.review_rules.apply import review_rules_of
from moderation.review_rules.pictures import no_picture, unique_picture
from moderation.review_rules.times import much_older
from posts.models import Post, PostImage
from tests.review_rules.waves import PICTURES, make_post, make_wave
from tests.testapp.models import BoundVolume, Case, Exhibit, Piece, Thread, Volume

pytestmark = pytest.mark.django_db

UNIQUE, OTHER = "a" * 64, "b" * 64


def marked_by(rule: object) -> set[int]:
    """The keys of the posts that a rule marks among all posts."""
    found = list(rule(Post.objects.all()))  # type: ignore[operator]
    assert len(found) == len(dict(found)), "an object was yielded twice"
    return {key for key, _parameters in found}


def test_a_post_without_a_picture_is_marked_where_others_have_one() -> None:
    make_wave(5)
    assert marked_by(no_picture) == set()
    without = make_post()
    assert marked_by(no_picture) == {without.pk}


def test_an_empty_file_field_is_not_a_picture() -> None:
    make_wave(5)
    post = make_post(UNIQUE)
    PostImage.objects.filter(post=post).update(image="")
    assert marked_by(no_picture) == {post.pk}


def test_no_post_is_marked_where_none_has_a_picture() -> None:
    for _ in range(5):
        make_post()
    assert marked_by(no_picture) == set()


def test_a_picture_that_only_one_post_has_is_marked_even_if_it_has_it_twice() -> None:
    make_wave(2 * PICTURES)
    assert marked_by(unique_picture) == set()
    once, twice = make_post(UNIQUE), make_post(OTHER, OTHER)
    both = make_post(f"{0:064x}", "c" * 64)
    assert marked_by(unique_picture) == {once.pk, twice.pk, both.pk}


def test_a_picture_of_two_posts_is_not_marked() -> None:
    make_wave(2 * PICTURES)
    make_post(UNIQUE)
    make_post(UNIQUE)
    assert marked_by(unique_picture) == set()


def test_pictures_without_sha256_cannot_be_told_apart() -> None:
    make_wave(2 * PICTURES)
    make_post("")
    assert marked_by(unique_picture) == set()


def test_pictures_whose_sha256_is_null_cannot_be_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The column of these files can be NULL, and stands for that of a SHA-256.
    registration = Registration(Piece, {"sha256": "picture"}, "leaflet", "", None)
    source = PictureSource(registration, "pk")
    monkeypatch.setattr(pictures, "picture_sources_of", lambda _model: (source,))
    case = Case.objects.create(exhibit=Exhibit.objects.create())
    Piece.objects.create(case=case, leaflet="leaflet.pdf")
    Piece.objects.update(picture=None)
    assert list(unique_picture(Piece.objects.all())) == []


def test_a_unique_picture_is_found_if_the_key_is_the_uuid_of_a_parent_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registration = Registration(BoundVolume, {"sha256": "cover"}, "cover", "", None)
    source = PictureSource(registration, "pk")
    monkeypatch.setattr(pictures, "picture_sources_of", lambda _model: (source,))
    for cover in (OTHER, OTHER):
        BoundVolume.objects.create(cover=cover)
    unique = BoundVolume.objects.create(cover=UNIQUE)
    assert list(unique_picture(BoundVolume.objects.all())) == [(unique.pk, {})]


def test_only_the_selection_counts_for_a_unique_picture() -> None:
    make_wave(2 * PICTURES)
    selected, _other = make_post(UNIQUE), make_post(UNIQUE, title="Outside")
    found = unique_picture(Post.objects.exclude(title="Outside"))
    assert [key for key, _parameters in found] == [selected.pk]


def test_a_picture_that_is_in_two_models_is_not_unique(monkeypatch: pytest.MonkeyPatch) -> None:
    make_wave(2 * PICTURES)
    make_post(UNIQUE)
    (source,) = picture_sources_of(Post)
    same = replace(source)  # stands for a second model with the same picture
    monkeypatch.setattr(pictures, "picture_sources_of", lambda _model: (source, same))
    assert marked_by(unique_picture) == set()


def test_pictures_that_are_selected_themselves_are_compared_too() -> None:
    make_wave(2 * PICTURES)
    (image,) = make_post(UNIQUE).post_images.all()
    found = unique_picture(PostImage.objects.all())
    assert [key for key, _parameters in found] == [image.pk]


def test_a_post_that_is_much_older_than_the_rest_is_marked_with_the_days() -> None:
    make_wave(40)
    assert marked_by(much_older) == set()
    old, _recent = make_post(hours=-24 * 30), make_post(hours=-24 * 5)
    assert list(much_older(Post.objects.all())) == [(old.pk, {"days": 30})]
    assert "30 days older" in much_older.phrase(days=30)
    assert "1 day older" in much_older.phrase(days=1)


def test_in_a_long_wave_a_post_must_be_older_by_as_much() -> None:
    for day in range(100):
        make_post(hours=24 * day)
    make_post(hours=-24 * 80)
    assert marked_by(much_older) == set()
    older = make_post(hours=-24 * 120)
    assert marked_by(much_older) == {older.pk}


def test_no_post_is_marked_if_the_span_of_times_is_longer_than_any_time_before() -> None:
    make_wave(18)
    for _ in range(2):
        post = make_post()
        Post.objects.filter(pk=post.pk).update(created_at=datetime(9999, 12, 31, tzinfo=UTC))
    assert marked_by(much_older) == set()


def test_rules_yield_nothing_for_models_without_the_lookups_and_with_uuid_keys(
    moderator: User,
) -> None:
    for model in (Exhibit, Thread, Volume):
        for rule in review_rules_of(model):
            assert list(rule(model._default_manager.all())) == []
    for _ in range(30):
        Exhibit.objects.create()
    removal = freeze(Exhibit.objects.all(), actor=moderator, permissions=[])
    assert not removal.marked_objects.exists()


def test_rules_yield_nothing_in_an_empty_selection() -> None:
    for rule in review_rules_of(Post):
        assert list(rule(Post.objects.none())) == []
        assert list(rule(Post.objects.all())) == []


def test_each_rule_has_a_name_of_its_own() -> None:
    names = [rule.name for rule in review_rules_of(Post)]
    assert names == ["no_picture", "unique_picture", "much_older", "author_with_good_posts"]
