"""An error that comes only with a batch's commit, or after it, is that batch's alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models.signals import post_delete
from django.test import override_settings

from moderation.models import AuditEntry, Removal
from moderation.removals.delete import delete_next_batch
from posts.models import Post
from tests.helpers import confirmed, drafted

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("marked")]

MakePosts = Callable[..., list[Post]]


@pytest.fixture
def referring_table() -> Iterator[Callable[[int], None]]:
    """A table that no model describes, such as that of an app which was uninstalled.

    Its foreign key is checked at the commit, as those that Django makes are. Yield what lets a row
    of it refer to a post.
    """

    def refer(post: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO left_over (post_id) VALUES (%s)", [post])

    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE left_over (post_id bigint REFERENCES posts_post (id) "
            "DEFERRABLE INITIALLY DEFERRED)"
        )
    yield refer
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE left_over")


def run(removal: Removal) -> list[str]:
    """Delete all batches; return their states in order."""
    while delete_next_batch(removal.pk):
        pass
    return list(removal.batches.order_by("number").values_list("state", flat=True))


def test_a_constraint_that_is_checked_at_the_commit_fails_its_batch_with_the_reason(
    referring_table: Callable[[int], None], make_posts: MakePosts, moderator: User
) -> None:
    posts = make_posts(3, images=1)
    referring_table(posts[0].pk)
    with override_settings(MODERATION_BATCH_OBJECTS=1):
        removal = confirmed(drafted(posts, moderator), moderator)
    assert run(removal) == ["failed", "deleted", "deleted"]
    assert "IntegrityError" in removal.batches.earliest("number").error
    assert list(Post.objects.all()) == [posts[0]]
    assert AuditEntry.objects.filter(parent_key=str(posts[0].pk)).count() == 0
    removal.refresh_from_db()
    assert removal.state in ("purging", "done")


def test_the_request_that_confirms_one_batch_survives_it(
    referring_table: Callable[[int], None], make_posts: MakePosts, moderator: User
) -> None:
    posts = make_posts(1)
    referring_table(posts[0].pk)
    removal = confirmed(drafted(posts, moderator), moderator)
    assert [batch.state for batch in removal.batches.all()] == ["failed"]


def test_a_callback_that_fails_after_the_commit_undoes_nothing(
    make_posts: MakePosts, moderator: User
) -> None:
    def tell_somebody(**_: Any) -> None:
        def send() -> None:
            raise ConnectionRefusedError("nobody listens")

        transaction.on_commit(send)

    with override_settings(MODERATION_BATCH_OBJECTS=1):
        removal = confirmed(drafted(make_posts(2), moderator), moderator)
    post_delete.connect(tell_somebody, sender=Post)
    try:
        assert run(removal) == ["deleted", "deleted"]
    finally:
        post_delete.disconnect(tell_somebody, sender=Post)
    assert not Post.objects.exists()
