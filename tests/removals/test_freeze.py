"""A selection is frozen into batches that are small enough, with what is to be seen of each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from moderation.exceptions import CannotFreeze
from moderation.models import Removal
from moderation.removals.draft import refreeze_changed
from moderation.removals.freeze import freeze
from posts.models import Post, Report
from tests.helpers import confirmed, drafted
from tests.testapp.models import Album, Shelf, Song, Thread, Volume

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


def test_a_draft_counts_what_will_be_removed(make_posts: MakePosts, moderator: User) -> None:
    posts = make_posts(3)
    Report.objects.create(post=posts[0], reporter=moderator, reason="spam")
    removal = drafted(posts, moderator)
    assert removal.state == "draft"
    assert removal.objects_total == 3
    assert removal.files_total == 12
    assert removal.pictures_total == 6
    assert removal.bytes_total == 60
    assert removal.rows_by_model == {"posts.Post": 3, "posts.PostImage": 6, "posts.Report": 1}


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
    with pytest.raises(CannotFreeze):
        freeze(Post.objects.none(), actor=moderator, permissions=[])
    assert not Removal.objects.exists()


def test_an_indivisible_selection_becomes_one_batch_or_is_refused(moderator: User) -> None:
    root = Thread.objects.create()
    for _ in range(5):
        Thread.objects.create(parent=root)
    with override_settings(MODERATION_BATCH_OBJECTS=2):
        removal = freeze(Thread.objects.all(), actor=moderator, permissions=[])
        assert removal.batches.count() == 1
    small = override_settings(MODERATION_BATCH_ROWS=5)
    with small, pytest.raises(CannotFreeze, match=r"Thread\.parent closes a cycle"):
        freeze(Thread.objects.all(), actor=moderator, permissions=[])
    album, single = Album.objects.create(name="a"), Album.objects.create(name="s")
    Song.objects.create(album=album, single_of=single)
    with override_settings(MODERATION_BATCH_OBJECTS=1):
        restricted = freeze(Album.objects.all(), actor=moderator, permissions=[])
        assert restricted.batches.count() == 1
        assert not restricted.blockers
        confirmed(restricted, moderator)
    assert not Album.objects.exists()


@override_settings(MODERATION_BATCH_ROWS=10)
def test_a_batch_closes_at_its_limit_of_rows(moderator: User) -> None:
    for _ in range(8):
        shelf = Shelf.objects.create(name="s")
        Volume.objects.bulk_create(Volume(shelf=shelf) for _ in range(3))
    removal = freeze(Shelf.objects.all(), actor=moderator, permissions=[])
    assert removal.objects_total == 8
    assert removal.batches.count() == 4
    assert max(sum(batch.rows_by_model.values()) for batch in removal.batches.all()) <= 10
    Volume.objects.bulk_create(Volume(shelf=shelf) for _ in range(10))
    with pytest.raises(CannotFreeze, match="alone would delete more than 10 rows"):
        freeze(Shelf.objects.all(), actor=moderator, permissions=[])


@override_settings(MODERATION_BATCH_ROWS=10)
def test_batches_are_halved_until_each_is_small_enough(
    make_posts: MakePosts, moderator: User
) -> None:
    posts = [*make_posts(5), *make_posts(2, images=9)]
    removal = drafted(posts, moderator)
    batches = list(removal.batches.order_by("number"))
    assert [key for batch in batches for key, _ in batch.frozen] == [post.pk for post in posts]
    assert [batch.objects_total for batch in batches] == [3, 2, 1, 1]
    assert [sum(batch.rows_by_model.values()) for batch in batches] == [9, 6, 10, 10]
    assert all(digest for batch in batches for _, digest in batch.frozen)
    assert not refreeze_changed(removal)
    make_posts(1, images=10)
    with pytest.raises(CannotFreeze, match="alone would delete more than 10 rows"):
        freeze(Post.objects.all(), actor=moderator, permissions=[])
