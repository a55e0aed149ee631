"""A selection is frozen into slices that are small enough, with what is to be seen of each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from moderation.exceptions import NotPlannable
from moderation.models import Removal
from moderation.removals.draft import look_again
from moderation.removals.freeze import freeze
from posts.models import Post, Report
from tests.library.models import Album, Shelf, Song, Thread, Volume
from tests.removing.conftest import confirmed, drafted

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


def test_a_draft_sums_up_what_will_go(make_posts: MakePosts, moderator: User) -> None:
    posts = make_posts(3)
    Report.objects.create(post=posts[0], reporter=moderator, reason="spam")
    removal = drafted(posts, moderator)
    assert removal.state == "draft"
    assert removal.objects_total == 3
    assert removal.files_total == 12
    assert removal.pictures_total == 6
    assert removal.bytes_total == 60
    assert removal.rows_by_kind == {"posts.Post": 3, "posts.PostImage": 6, "posts.Report": 1}


def test_the_selection_is_frozen(make_posts: MakePosts, moderator: User) -> None:
    posts = make_posts(2)
    removal = freeze(Post.objects.all(), actor=moderator, permissions=[])
    make_posts(3)
    confirmed(removal, moderator)
    assert Post.objects.count() == 3
    assert not Post.objects.filter(pk__in=[post.pk for post in posts]).exists()


def test_a_repeated_key_counts_once(make_posts: MakePosts, moderator: User) -> None:
    make_posts(1, images=3)
    doubled = Post.objects.filter(post_images__isnull=False)
    assert doubled.count() == 3
    assert freeze(doubled, actor=moderator, permissions=[]).objects_total == 1


def test_an_empty_selection_leaves_no_draft(moderator: User) -> None:
    with pytest.raises(NotPlannable):
        freeze(Post.objects.none(), actor=moderator, permissions=[])
    assert not Removal.objects.exists()


def test_what_cannot_be_cut_goes_as_one_slice_or_is_refused(moderator: User) -> None:
    root = Thread.objects.create()
    for _ in range(5):
        Thread.objects.create(parent=root)
    with override_settings(MODERATION_SLICE_OBJECTS=2):
        removal = freeze(Thread.objects.all(), actor=moderator, permissions=[])
        assert removal.slices.count() == 1
    small = override_settings(MODERATION_SLICE_ROWS=5)
    with small, pytest.raises(NotPlannable, match=r"Thread\.parent closes a cycle"):
        freeze(Thread.objects.all(), actor=moderator, permissions=[])
    album, single = Album.objects.create(name="a"), Album.objects.create(name="s")
    Song.objects.create(album=album, single_of=single)
    with override_settings(MODERATION_SLICE_OBJECTS=1):
        restricted = freeze(Album.objects.all(), actor=moderator, permissions=[])
        assert restricted.slices.count() == 1
        assert not restricted.blockers
        confirmed(restricted, moderator)
    assert not Album.objects.exists()


@override_settings(MODERATION_SLICE_ROWS=10)
def test_a_slice_closes_at_its_limit_of_rows(moderator: User) -> None:
    for _ in range(8):
        shelf = Shelf.objects.create(name="s")
        Volume.objects.bulk_create(Volume(shelf=shelf) for _ in range(3))
    removal = freeze(Shelf.objects.all(), actor=moderator, permissions=[])
    assert removal.objects_total == 8
    assert removal.slices.count() == 4
    assert max(sum(part.rows_by_kind.values()) for part in removal.slices.all()) <= 10
    Volume.objects.bulk_create(Volume(shelf=shelf) for _ in range(10))
    with pytest.raises(NotPlannable, match="alone takes more than 10 rows"):
        freeze(Shelf.objects.all(), actor=moderator, permissions=[])


@override_settings(MODERATION_SLICE_ROWS=10)
def test_slices_are_halved_until_each_is_small_enough(
    make_posts: MakePosts, moderator: User
) -> None:
    posts = [*make_posts(5), *make_posts(2, images=9)]
    removal = drafted(posts, moderator)
    parts = list(removal.slices.order_by("number"))
    assert [key for part in parts for key, _ in part.shown] == [post.pk for post in posts]
    assert [part.objects_total for part in parts] == [3, 2, 1, 1]
    assert [sum(part.rows_by_kind.values()) for part in parts] == [9, 6, 10, 10]
    assert all(digest for part in parts for _, digest in part.shown)
    assert not look_again(removal)
    make_posts(1, images=10)
    with pytest.raises(NotPlannable, match="alone takes more than 10 rows"):
        freeze(Post.objects.all(), actor=moderator, permissions=[])
