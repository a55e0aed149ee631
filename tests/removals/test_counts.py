"""A batch's deletions are counted, and it stops if the actor may no longer remove anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, models
from django.db.models.signals import pre_delete
from django.test import override_settings

from moderation.models import AuditEntry
from moderation.removals.delete import delete_next_batch
from moderation.removals.freeze import freeze
from moderation.removals.limits import blockers_of
from posts.models import Post, PostImage, Report
from tests.helpers import confirmed, drafted
from tests.testapp.models import Thread

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]

# Triggers that prevent the deletion of a row, like those of a soft deletion.
KEEP = (
    "CREATE OR REPLACE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
)
KEEPING = {
    "sqlite": [
        "CREATE TRIGGER keeping BEFORE DELETE ON {table} BEGIN SELECT RAISE(IGNORE); END",
    ],
    "postgresql": [
        KEEP,
        "CREATE TRIGGER keeping BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION keep()",
    ],
}


@contextmanager
def kept(model: type[models.Model]) -> Iterator[None]:
    """Make the database keep each row of a model that a statement deletes."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        for statement in KEEPING[connection.vendor]:
            cursor.execute(statement.format(table=table))
    try:
        yield
    finally:
        on_table = f" ON {table}" if connection.vendor == "postgresql" else ""
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER keeping{on_table}")


@pytest.mark.parametrize("model", [Post, PostImage])
def test_rows_that_the_database_keeps_roll_the_batch_back(
    make_posts: MakePosts, moderator: User, model: type[models.Model]
) -> None:
    removal = drafted(make_posts(2, images=1), moderator)
    with kept(model), connection.constraint_checks_disabled():
        confirmed(removal, moderator)
    batch = removal.batches.get()
    assert batch.state == "failed"
    assert f"The number of deleted rows of {model._meta.label} was 0 instead of 2" in batch.error
    assert (Post.objects.count(), PostImage.objects.count()) == (2, 2)
    assert not AuditEntry.objects.exists()


def test_rows_that_are_only_counted_may_have_become_more(
    make_posts: MakePosts, moderator: User
) -> None:
    posts = make_posts(1)
    removal = drafted(posts, moderator)
    Report.objects.create(post=posts[0], reporter=moderator, reason="spam")
    confirmed(removal, moderator)
    assert removal.batches.get().state == "deleted"


def test_rows_of_a_chain_are_counted_to_its_end(moderator: User) -> None:
    parent = root = Thread.objects.create()
    for _ in range(3):
        parent = Thread.objects.create(parent=parent)
    chain = Thread.objects.filter(pk=root.pk)
    confirmed(freeze(chain, actor=moderator, permissions=[]), moderator)
    assert not Thread.objects.exists()


def test_a_receiver_that_takes_pictures_first_is_noticed(
    make_posts: MakePosts, moderator: User
) -> None:
    def take_pictures(instance: Post, **_: Any) -> None:
        PostImage.objects.filter(post=instance)._raw_delete("default")

    removal = drafted(make_posts(1), moderator)
    pre_delete.connect(take_pictures, sender=Post)
    try:
        confirmed(removal, moderator)
    finally:
        pre_delete.disconnect(take_pictures, sender=Post)
    batch = removal.batches.get()
    assert batch.state == "failed"
    assert PostImage.objects.count() == 2


def test_a_custom_delete_of_a_base_manager_is_not_called(
    make_posts: MakePosts, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Bin(models.QuerySet):
        def delete(self) -> Any:
            raise AssertionError("a delete() of the model's own was called")

    removal = drafted(make_posts(2), moderator)
    binning = models.Manager.from_queryset(Bin)()
    binning.model = Post
    monkeypatch.setattr(Post._meta, "base_manager", binning)
    confirmed(removal, moderator)
    batch = removal.batches.get()
    assert (batch.state, batch.error) == ("deleted", "")
    assert not Post.objects.exists()


def test_a_user_who_is_no_longer_staff_deletes_no_more_batches(
    make_posts: MakePosts, moderator: User
) -> None:
    with override_settings(MODERATION_BATCH_OBJECTS=1):
        removal = confirmed(drafted(make_posts(3), moderator), moderator)
    User.objects.filter(pk=moderator.pk).update(is_staff=False)
    assert not delete_next_batch(removal.pk)
    removal.refresh_from_db()
    assert removal.state == "stopped"
    assert removal.stop_reason == "mod is no longer staff."
    assert Post.objects.count() == 3


def test_a_user_who_is_no_longer_staff_cannot_confirm(
    make_posts: MakePosts, moderator: User
) -> None:
    removal = drafted(make_posts(1), moderator)
    moderator.is_staff = False
    assert list(blockers_of(removal, moderator)) == ["Your account may no longer use the admin."]


def test_a_user_who_never_was_staff_need_not_be_staff_later(
    make_posts: MakePosts, moderator: User
) -> None:
    """An admin site may admit users who are not staff."""
    moderator.is_staff = False
    moderator.save()
    removal = drafted(make_posts(1), moderator)
    confirmed(removal, moderator)
    assert not Post.objects.exists()
