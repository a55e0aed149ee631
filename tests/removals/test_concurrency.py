"""Two concurrent sessions on PostgreSQL: rows stay locked after their digests are compared."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Queue

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, connections, transaction
from django.test import override_settings
from django.utils import timezone

from moderation.exceptions import KeyTaken, RemovalError
from moderation.lifecycle.entries import retry as retry_entries
from moderation.lifecycle.removals import advance, retry
from moderation.models import AuditEntry, Removal
from moderation.purge.claim import claim
from moderation.purge.run import purge_due_files
from moderation.removals.delete import delete_next_batch
from moderation.removals.draft import _confirm_sealed, confirm
from posts.models import Post, PostImage
from tests.helpers import confirmed, drafted, stored

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor == "sqlite", reason="SQLite has one writer at a time: nothing to race"
    ),
]

MakePosts = Callable[..., list[Post]]

# Long enough for a thread that is not blocked to finish; a blocked one is waited for afterwards.
BLOCKED = 0.7


class Session:
    """Work in another session of the database, begun immediately in a thread."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.results: Queue[object] = Queue()
        self.thread = threading.Thread(target=self._run, args=[work])
        self.thread.start()

    def _run(self, work: Callable[[], object]) -> None:
        try:
            self.results.put(work())
        except Exception as error:  # noqa: BLE001 - handed to the test, which looks at it
            self.results.put(error)
        finally:
            connections.close_all()

    def is_blocked(self) -> bool:
        self.thread.join(BLOCKED)
        return self.thread.is_alive()

    def result(self) -> object:
        return self.results.get(timeout=60)


@pytest.fixture
def removal(marked: None, moderator: User, make_posts: MakePosts) -> Removal:
    with override_settings(MODERATION_BATCH_OBJECTS=2):
        return confirmed(drafted(make_posts(4, images=1), moderator), moderator)


def test_a_picture_replaced_at_the_same_moment_is_left_alone(removal: Removal) -> None:
    image = PostImage.objects.order_by("pk")[0]
    with transaction.atomic():
        PostImage.objects.filter(pk=image.pk).update(image=stored("new.jpg"))
        deleting = Session(lambda: delete_next_batch(removal.pk))
        assert deleting.is_blocked(), "the batch waits for the picture's row"
    assert deleting.result() is True
    first = removal.batches.order_by("number")[0]
    assert first.changed == [image.post_id]
    assert PostImage.objects.filter(pk=image.pk).exists()
    assert not AuditEntry.objects.filter(name=image.image.name).exists()


def test_a_picture_added_while_its_post_is_deleted_fails_and_nothing_is_lost(
    removal: Removal,
) -> None:
    post = Post.objects.order_by("pk")[0]
    name = stored("late.jpg")

    def add() -> object:
        return PostImage.objects.create(
            post=post, image=name, thumbnail=name, sha256="", size=1, width=1, height=1
        )

    with transaction.atomic():
        list(Post.objects.filter(pk=post.pk).select_for_update())
        adding = Session(add)
        assert adding.is_blocked(), "the new picture waits for its post"
        Post.objects.filter(pk=post.pk).delete()
    assert isinstance(adding.result(), IntegrityError)
    assert not PostImage.objects.filter(image=name).exists()


def test_two_workers_never_take_the_same_batch(removal: Removal) -> None:
    with transaction.atomic():
        list(removal.batches.select_for_update().order_by("number")[:1])
        assert Session(lambda: delete_next_batch(removal.pk)).result() is True
        states = list(removal.batches.order_by("number").values_list("state", flat=True))
    assert states == ["waiting", "deleted"]


def test_a_file_stays_if_a_row_reuses_its_key_in_time(
    removal: Removal, make_posts: MakePosts
) -> None:
    """The transaction that reuses the key is open while the purge searches, which skips the key."""
    image = PostImage.objects.order_by("pk")[0]
    (ham,) = make_posts(1, images=0)
    delete_next_batch(removal.pk)
    copy = PostImage(
        post=ham, image=image.image.name, thumbnail=image.thumbnail.name, sha256="", size=1,
        width=1, height=1,
    )  # fmt: skip
    with transaction.atomic():
        copy.save()
        Session(purge_due_files).result()
    while purge_due_files():
        pass
    entry = AuditEntry.objects.get(name=image.image.name)
    assert entry.state == "in_use"
    assert default_storage.exists(str(image.image.name))
    assert AuditEntry.objects.filter(state="erased").count() == 2


def test_a_row_that_reuses_a_claimed_key_is_refused(
    removal: Removal, make_posts: MakePosts
) -> None:
    image = PostImage.objects.order_by("pk")[0]
    (ham,) = make_posts(1, images=0)
    delete_next_batch(removal.pk)
    copy = PostImage(
        post=ham, image=image.image.name, thumbnail=image.thumbnail.name, sha256="", size=1,
        width=1, height=1,
    )  # fmt: skip
    with transaction.atomic():
        claim(100)
        adopting = Session(copy.save)
        assert adopting.is_blocked(), "the key's lock is the entry's row lock"
    assert isinstance(adopting.result(), KeyTaken)


def test_a_retry_while_the_last_batch_finishes_is_not_lost(
    removal: Removal, moderator: User
) -> None:
    removal.batches.update(state="failed")
    with transaction.atomic():
        retry(removal, actor=moderator)
        advancing = Session(lambda: advance(removal.pk))
        assert advancing.is_blocked(), "whoever advances a removal waits for its row"
    advancing.result()
    removal.refresh_from_db()
    assert removal.state == "deleting"
    assert delete_next_batch(removal.pk)


@override_settings(MODERATION_DAILY_CEILING=2)
def test_two_concurrent_confirmations_do_not_exceed_the_daily_ceiling(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    one, other = (drafted(make_posts(2, images=1), moderator) for _ in range(2))

    def confirm_other() -> object:
        return confirm(other, actor=moderator, seal=other.seal, reason="spam")

    with transaction.atomic():
        _confirm_sealed(one, moderator, "spam", "")
        confirming = Session(confirm_other)
        assert confirming.is_blocked(), "a moderator confirms one removal after the other"
    assert isinstance(confirming.result(), RemovalError)
    assert Post.objects.count() == 4


@pytest.mark.parametrize("by_entries", [False, True])
def test_a_retry_while_the_last_key_finishes_is_not_lost(
    removal: Removal, moderator: User, by_entries: bool
) -> None:
    while delete_next_batch(removal.pk):
        pass
    removal.entries.update(state="failed", failed_at=timezone.now())
    Removal.objects.update(state="purging")
    with transaction.atomic():
        retry_entries(removal.entries.all()) if by_entries else retry(removal, actor=moderator)
        advancing = Session(lambda: advance(removal.pk))
        assert advancing.is_blocked(), "whoever advances a removal waits for its row"
    advancing.result()
    removal.refresh_from_db()
    assert (removal.state, removal.finished_at) == ("purging", None)
