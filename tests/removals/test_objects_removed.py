"""The signal `objects_removed` reaches other apps while the rows can still be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import QuerySet

from moderation.models import Removal
from moderation.removals.delete import delete_next_batch
from moderation.signals import objects_removed
from posts.models import Post, Report
from tests.helpers import confirmed, drafted

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


@contextmanager
def received_by(receiver: Callable[..., None]) -> Iterator[None]:
    objects_removed.connect(receiver, sender=Post)
    try:
        yield
    finally:
        objects_removed.disconnect(receiver, sender=Post)


def test_a_receiver_reads_the_objects_of_each_batch_and_what_refers_to_them(
    make_posts: MakePosts, moderator: User, settings: Any
) -> None:
    settings.MODERATION_BATCH_OBJECTS = 2
    posts = make_posts(3)
    Report.objects.bulk_create(Report(post=post, reporter=moderator) for post in posts)
    seen: list[tuple[Removal, set[int], int]] = []

    def see(*, objects: QuerySet[Post], removal: Removal, using: str, **_: Any) -> None:
        reports = Report.objects.using(using).filter(post__in=objects)
        seen.append((removal, set(objects.values_list("pk", flat=True)), reports.count()))

    with received_by(see):
        removal = confirmed(drafted(posts, moderator), moderator)
        while delete_next_batch(removal.pk):
            pass
    assert [(each, reports) for each, _keys, reports in seen] == [(removal, 2), (removal, 1)]
    assert set.union(*(keys for _removal, keys, _reports in seen)) == {post.pk for post in posts}
    assert not Post.objects.exists()


def test_an_error_of_a_receiver_rolls_the_batch_back_and_is_named(
    make_posts: MakePosts, moderator: User
) -> None:
    posts = make_posts(2)

    def fail(**_: Any) -> None:
        Report.objects.create(post=Post.objects.earliest("pk"), reporter=moderator)
        raise ValueError("no room")

    with received_by(fail):
        removal = confirmed(drafted(posts, moderator), moderator)
        delete_next_batch(removal.pk)
    assert Post.objects.count() == 2
    assert not Report.objects.exists()
    assert "no room" in removal.batches.get().error
