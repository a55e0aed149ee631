"""A row that names a key which a removal takes: kept while there is time, refused afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage

from moderation.errors import KeyTaken
from moderation.models import AuditEntry
from moderation.purge.batch import purge_batch
from moderation.purge.claim import claim
from posts.models import Post, PostImage

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


def copy_of(image: PostImage, post: Post) -> PostImage:
    return PostImage(
        post=post, image=image.image.name, thumbnail=image.thumbnail.name, sha256="", size=1,
        width=1, height=1,
    )  # fmt: skip


def test_a_pending_key_that_a_row_adopts_is_kept(
    marked: None, moderator: User, make_posts: MakePosts
) -> None:
    spam, ham = make_posts(2, images=1)
    copy = copy_of(spam.post_images.get(), ham)
    spam.delete()
    copy.save()
    assert set(AuditEntry.objects.values_list("state", flat=True)) == {"kept"}
    purge_batch()
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
    purge_batch()
    with pytest.raises(KeyTaken):
        copy.save()


def test_a_row_saved_again_with_its_own_file_is_left_in_peace(make_posts: MakePosts) -> None:
    (post,) = make_posts(1, images=1)
    image = post.post_images.get()
    image.width = 7
    image.save()
    image.refresh_from_db()
    assert image.width == 7
