"""Deletions from anywhere write the same log, in their own transaction, and only what happened."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from django.db import IntegrityError, connection, transaction
from django.db.models.deletion import Collector
from django.db.models.signals import post_delete, pre_delete
from django.test.utils import CaptureQueriesContext

from moderation.db.bulk_insert import ROWS_PER_STATEMENT
from moderation.models import AuditEntry
from moderation.recording.attribution import DeletionContext, attribute
from moderation.registry.files import StoredFile
from posts.models import Post, PostImage
from tests.recording.conftest import Options
from tests.testapp.models import BoundVolume, Volume, VolumeProxy

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


def names() -> list[str]:
    return sorted(AuditEntry.objects.values_list("name", flat=True))


def files_of(*posts: Post) -> list[str]:
    images = PostImage.objects.filter(post__in=posts)
    return sorted(str(file.name) for i in images for file in (i.image, i.thumbnail))


def test_a_delete_in_the_shell_is_recorded(make_posts: MakePosts) -> None:
    (post,) = make_posts(1)
    expected = files_of(post)
    post.delete()
    assert names() == expected
    assert {e.title for e in AuditEntry.objects.all()} == {"Cheap pills 0"}
    assert {e.owner for e in AuditEntry.objects.all()} == {"spammer"}
    assert {e.actor_name for e in AuditEntry.objects.all()} == {""}


def test_long_titles_and_names_of_owners_are_shortened(
    make_posts: MakePosts, options: Options
) -> None:
    """A site's own model of users may have longer names than Django's."""
    options(PostImage, lookups={"title": "post__title", "owner": "post__body"})
    (post,) = make_posts(1)
    Post.objects.filter(pk=post.pk).update(title="t" * 300, body="o" * 400)
    post.delete()
    entries = AuditEntry.objects.values_list("title", "owner")
    assert set(entries) == {("t" * 80, "o" * 80)}


def test_a_picture_deleted_alone_is_recorded(make_posts: MakePosts) -> None:
    (post,) = make_posts(1, images=2)
    image = post.post_images.first()
    assert image
    expected = sorted([str(image.image.name), str(image.thumbnail.name)])
    image.delete()
    assert names() == expected


def test_a_user_deleted_with_all_posts_is_recorded_post_by_post(make_posts: MakePosts) -> None:
    posts = make_posts(3)
    expected = files_of(*posts)
    User.objects.get(username="spammer").delete()
    assert names() == expected
    assert set(AuditEntry.objects.values_list("title", flat=True)) == {
        f"Cheap pills {n}" for n in range(3)
    }


def test_queries_grow_with_posts_and_not_with_pictures(make_posts: MakePosts) -> None:
    def queries(images: int) -> int:
        (post,) = make_posts(1, images=images)
        with CaptureQueriesContext(connection) as captured:
            post.delete()
        return len(captured)

    queries(1)  # afterwards, a task of the purge is already queued
    assert queries(2) == queries(10)


def test_collected_files_do_not_wait_for_the_garbage_collector(make_posts: MakePosts) -> None:
    make_posts(2)
    gc.collect()
    gc.disable()
    try:
        Post.objects.all().delete()
        assert [each for each in gc.get_objects() if isinstance(each, StoredFile)] == []
    finally:
        gc.enable()


def test_the_actor_travels_on_the_object_that_is_deleted(
    make_posts: MakePosts, moderator: User
) -> None:
    (post,) = make_posts(1)
    attribute(post, DeletionContext(actor=moderator.pk, actor_name="mod", reason="abuse"))
    post.delete()
    entry = AuditEntry.objects.first()
    assert entry
    assert (entry.actor, entry.actor_name, entry.reason) == (moderator, "mod", "abuse")


def test_a_proxy_s_delete_is_recorded_once(db: None) -> None:
    Volume.objects.create(text="text.txt", index="index.txt")
    VolumeProxy.objects.all().delete()
    assert names() == ["index.txt", "text.txt"]


def test_inherited_files_are_recorded_once_and_by_the_table_that_has_them(db: None) -> None:
    BoundVolume.objects.create(text="text.txt", cover="cover.jpg")
    BoundVolume.objects.all().delete()
    found = set(AuditEntry.objects.values_list("object_label", "name"))
    assert found == {("library.Volume", "text.txt"), ("library.BoundVolume", "cover.jpg")}


def test_what_is_stored_is_recorded_and_not_what_the_instance_says(db: None) -> None:
    """As a formset deletes a row for which another file was chosen in the same form."""
    volume = Volume.objects.create(text="stored.txt")
    volume.text = ContentFile(b"never stored", "chosen.txt")
    volume.delete()
    bound = BoundVolume.objects.create(text="inherited.txt", cover="cover.jpg")
    bound.text, bound.cover = "other.txt", "other.jpg"
    bound.delete()
    assert names() == ["cover.jpg", "inherited.txt", "stored.txt"]


def test_an_error_late_in_the_deletion_leaves_everything_as_it_was(make_posts: MakePosts) -> None:
    posts = make_posts(3)
    before = files_of(*posts)

    def fail(**_: object) -> None:
        raise IntegrityError("late")

    post_delete.connect(fail, sender=Post)
    try:
        with pytest.raises(IntegrityError):
            Post.objects.all().delete()
    finally:
        post_delete.disconnect(fail, sender=Post)
    assert Post.objects.count() == 3
    assert names() == []
    assert files_of(*posts) == before
    assert all(default_storage.exists(name) for name in before)


def test_the_same_queryset_deleted_again_after_a_rollback_is_recorded_once(
    make_posts: MakePosts,
) -> None:
    posts = make_posts(2)
    expected = files_of(*posts)
    everything = Post.objects.all()
    refusing = True

    def refuse(**_: object) -> None:
        if refusing:
            raise IntegrityError("before the first row goes")

    # After the pictures' own pre_delete, before anything is written.
    pre_delete.connect(refuse, sender=Post)
    try:
        with transaction.atomic():
            with pytest.raises(IntegrityError), transaction.atomic():
                everything.delete()
            refusing = False
            everything.delete()
    finally:
        pre_delete.disconnect(refuse, sender=Post)
    assert names() == expected


def test_a_deletion_rolled_back_by_its_caller_leaves_no_entry(make_posts: MakePosts) -> None:
    make_posts(1)
    with transaction.atomic():
        Post.objects.all().delete()
        transaction.set_rollback(True)
    assert Post.objects.count() == 1
    assert names() == []


def test_without_an_origin_the_entry_is_written_immediately(make_posts: MakePosts) -> None:
    (post,) = make_posts(1)
    expected = files_of(post)
    collector = Collector(using="default")
    collector.collect([post])
    collector.delete()
    assert names() == expected


def test_a_name_that_no_storage_takes_is_recorded_as_failed(make_posts: MakePosts) -> None:
    (post,) = make_posts(1, images=1)
    PostImage.objects.update(image="../outside.jpg")
    post.delete()
    entry = AuditEntry.objects.get(field="image")
    assert (entry.state, entry.error_code, entry.name) == ("failed", "BadName", "../outside.jpg")


def test_no_storage_is_accessed_while_recording(
    make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_posts(2)
    calls: list[str] = []
    backend = type(storages["default"])
    for method in ("open", "exists", "size", "delete", "save"):
        monkeypatch.setattr(backend, method, lambda *_, m=method: calls.append(m))
    Post.objects.all().delete()
    assert calls == []


def test_queries_do_not_grow_with_rows_that_belong_to_nothing(db: None) -> None:
    def queries(number: int) -> int:
        Volume.objects.bulk_create([Volume(text=f"{number}-{n}.pdf") for n in range(number)])
        with CaptureQueriesContext(connection) as captured:
            Volume.objects.all().delete()
        return len(captured)

    queries(1)  # the content types are read once
    # Each number is more than a whole statement of entries, and no multiple of it.
    assert queries(ROWS_PER_STATEMENT + 3) == queries(3 * ROWS_PER_STATEMENT + 3)
