"""A row that names a key which a removal takes: kept while there is time, refused afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from moderation.exceptions import KeyTaken
from moderation.lifecycle.entries import retry as retry_entries
from moderation.models import AuditEntry
from moderation.purge.claim import claim
from moderation.purge.run import purge_due_files
from posts.models import Post, PostImage
from tests.helpers import stored
from tests.testapp.models import BoundVolume, Volume

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


def copy_of(image: PostImage, post: Post) -> PostImage:
    return PostImage(
        post=post, image=image.image.name, thumbnail=image.thumbnail.name, sha256="", size=1,
        width=1, height=1,
    )  # fmt: skip


def test_a_pending_key_that_a_row_reuses_is_kept(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    spam, ham = make_posts(2, images=1)
    copy = copy_of(spam.post_images.get(), ham)
    spam.delete()
    copy.save()
    assert set(AuditEntry.objects.values_list("state", flat=True)) == {"in_use"}
    purge_due_files()
    assert default_storage.exists(str(copy.image.name))


def test_a_claimed_key_is_refused(marked: None, moderator: User, make_posts: MakePosts) -> None:
    spam, ham = make_posts(2, images=1)
    copy = copy_of(spam.post_images.get(), ham)
    spam.delete()
    claim(10)
    with pytest.raises(KeyTaken):
        copy.save()
    assert not PostImage.objects.filter(post=ham, image=copy.image.name).exists()


def test_an_erased_key_is_refused(marked: None, moderator: User, make_posts: MakePosts) -> None:
    spam, ham = make_posts(2, images=1)
    copy = copy_of(spam.post_images.get(), ham)
    spam.delete()
    purge_due_files()
    with pytest.raises(KeyTaken):
        copy.save()


def test_a_row_saved_again_with_its_own_file_is_left_in_peace(make_posts: MakePosts) -> None:
    (post,) = make_posts(1, images=1)
    image = post.post_images.get()
    image.width = 7
    image.save()
    image.refresh_from_db()
    assert image.width == 7


def test_a_key_whose_worker_was_killed_is_refused(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    """The lease is over, but nobody knows whether a request was sent before the kill."""
    spam, ham = make_posts(2, images=1)
    copy = copy_of(spam.post_images.get(), ham)
    spam.delete()
    claim(10)
    AuditEntry.objects.update(leased_until=timezone.now() - timedelta(hours=1))
    with pytest.raises(KeyTaken):
        copy.save()


@pytest.mark.parametrize("state", ["pending", "failed"])
def test_a_key_whose_erasure_failed_is_refused(
    marked: None, moderator: User, make_posts: MakePosts, state: str
) -> None:
    """A time-out is a failure, and the bytes may be gone all the same."""
    spam, ham = make_posts(2, images=1)
    copy = copy_of(spam.post_images.get(), ham)
    spam.delete()
    AuditEntry.objects.update(state=state, attempts=1, error_code="ReadTimeoutError")
    with pytest.raises(KeyTaken):
        copy.save()


def test_a_retried_key_is_refused_as_well(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    spam, ham = make_posts(2, images=1)
    copy = copy_of(spam.post_images.get(), ham)
    spam.delete()
    AuditEntry.objects.update(state="failed", attempts=8, failed_at=timezone.now())
    retry_entries(AuditEntry.objects.all())
    with pytest.raises(KeyTaken):
        copy.save()


def test_a_row_whose_upload_got_the_name_of_an_erased_file_can_be_saved(marked: None) -> None:
    """Where names are not unique for ever, a name that became free is given again."""
    Volume.objects.create(text=ContentFile(b"old", "report.pdf")).delete()
    purge_due_files()
    volume = Volume.objects.create(text=ContentFile(b"new", "report.pdf"))
    assert volume.text.name == "report.pdf"
    volume.save()
    assert set(AuditEntry.objects.values_list("state", flat=True)) == {"erased"}


def test_an_inherited_field_reuses_keys_as_its_own_model_does(marked: None) -> None:
    volume = Volume.objects.create(text=stored("text.txt", "attachments"))
    volume.delete()
    BoundVolume.objects.create(text="text.txt")
    assert AuditEntry.objects.get().state == "in_use"
