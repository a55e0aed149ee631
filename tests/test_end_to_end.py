"""A removal from the selection to the last erased key."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage, storages

from moderation.models import AuditEntry, AuditEvent
from moderation.purge.run import purge_due_files
from moderation.removals.delete import delete_next_batch
from moderation.removals.freeze import freeze
from posts.models import Post, PostImage
from tests.helpers import confirmed, drafted, stored
from tests.testapp.models import Shelf, Volume

pytestmark = pytest.mark.django_db(transaction=True)


def test_rows_and_files_go_and_each_file_has_an_erased_entry(
    marked: None, moderator: User, make_posts: Callable[..., list[Post]]
) -> None:
    spam, ham = make_posts(5), make_posts(2, author="gardener")
    removal = confirmed(drafted(spam, moderator), moderator)
    assert removal.state == "purging"
    assert set(Post.objects.values_list("pk", flat=True)) == {post.pk for post in ham}
    while purge_due_files():
        pass
    removal.refresh_from_db()
    assert removal.state == "done"
    entries = AuditEntry.objects.all()
    assert {entry.state for entry in entries} == {"erased"}
    assert len({entry.name for entry in entries}) == len(entries) == 5 * 2 * 2
    assert not any(default_storage.exists(entry.name) for entry in entries)
    for image in PostImage.objects.all():
        assert default_storage.exists(str(image.image.name))
        assert default_storage.exists(str(image.thumbnail.name))


def test_an_entry_says_what_it_was_and_who_removed_it(
    marked: None, moderator: User, make_posts: Callable[..., list[Post]]
) -> None:
    (post,) = make_posts(1, images=1)
    image = post.post_images.get()
    removal = confirmed(drafted([post], moderator), moderator)
    entry = AuditEntry.objects.get(field="image")
    assert (entry.object_label, entry.object_key) == ("posts.PostImage", str(image.pk))
    assert (entry.parent_label, entry.parent_key) == ("posts.Post", str(post.pk))
    assert (entry.title, entry.owner) == ("Cheap pills 0", "spammer")
    assert (entry.size, entry.sha256) == (10, "0" * 64)
    assert (entry.removal, entry.actor, entry.actor_name) == (removal, moderator, "mod")
    assert entry.reason == "spam"
    assert AuditEntry.objects.get(field="thumbnail").size is None
    event = AuditEvent.objects.get()
    assert (event.type, event.removal, event.actor_name) == ("confirm", removal, "mod")


def test_a_large_removal_is_deleted_batch_by_batch(
    marked: None, moderator: User, make_posts: Callable[..., list[Post]]
) -> None:
    removal = confirmed(drafted(make_posts(1500, images=0), moderator), moderator)
    assert removal.state == "deleting"
    assert removal.batches.count() == 3
    assert Post.objects.count() == 1500
    assert delete_next_batch(removal.pk)
    assert Post.objects.count() == 1000
    assert delete_next_batch(removal.pk)
    assert not delete_next_batch(removal.pk)
    removal.refresh_from_db()
    assert (removal.state, Post.objects.count()) == ("done", 0)


def test_another_model_with_other_keys_and_a_storage_of_its_own_goes_the_same_way(
    marked: None, moderator: User
) -> None:
    shelf = Shelf.objects.create(name="s")
    for number in range(3):
        Volume.objects.create(
            shelf=shelf,
            text=stored(f"text-{number}", "attachments"),
            index=stored(f"index-{number}", "attachments") if number else "",
        )
    stays = Volume.objects.create(text=stored("stays", "attachments"))
    removal = freeze(Volume.objects.filter(shelf=shelf), actor=moderator, permissions=[])
    assert (removal.files_total, removal.pictures_total, removal.bytes_total) == (5, 5, 0)
    confirmed(removal, moderator)
    while purge_due_files():
        pass
    removal.refresh_from_db()
    assert removal.state == "done"
    assert list(Volume.objects.all()) == [stays]
    entries = AuditEntry.objects.all()
    assert {(e.storage, e.object_label, e.title, e.size, e.state) for e in entries} == {
        ("attachments", "library.Volume", "", None, "erased")
    }
    left = storages["attachments"].listdir("")[1]
    assert [name for name in left if not name.startswith(".")] == ["stays"]
