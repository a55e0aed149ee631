"""A name that became free is reused: the storage decides whether it has a new file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from django.db import transaction

from moderation.exceptions import KeyTaken
from moderation.models import AuditEntry
from moderation.purge.claim import claim
from moderation.purge.run import purge_due_files
from moderation.storage import write_identity
from posts.models import Post, PostImage
from tests.helpers import stored

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]


@pytest.fixture(params=["s3_storage", "versioned_storage"])
def bucket(request: pytest.FixtureRequest) -> Any:
    found = request.getfixturevalue(request.param)
    write_identity("default")
    return found


def picture(post: Post, name: str) -> PostImage:
    return PostImage(
        post=post, image=name, thumbnail=f"{name}.webp", sha256="", size=1, width=1, height=1
    )


def test_an_erased_key_is_refused_until_there_is_a_new_file(
    bucket: str, make_posts: MakePosts
) -> None:
    (post,) = make_posts(1, images=0)
    name = stored("a.jpg")
    picture(post, name).save()
    PostImage.objects.get().delete()
    while purge_due_files():
        pass
    assert set(AuditEntry.objects.values_list("state", flat=True)) == {"erased"}
    with pytest.raises(KeyTaken):
        picture(post, name).save()
    assert default_storage.save(name, ContentFile(b"new")) == name
    default_storage.save(f"{name}.webp", ContentFile(b"new"))
    with transaction.atomic():
        picture(post, name).save()
    PostImage.objects.get().save()
    assert default_storage.exists(name)


def test_an_upload_keeps_away_from_a_key_whose_answer_is_not_written_down(
    bucket: str, make_posts: MakePosts
) -> None:
    (post,) = make_posts(1, images=0)
    name = stored("a.jpg")
    picture(post, name).save()
    image = PostImage.objects.get()
    image.delete()
    claim(10)
    storages["default"].delete(name)
    field: Any = PostImage._meta.get_field("image")
    field_upload_to, field.upload_to = field.upload_to, ""
    try:
        image.image.save(name, ContentFile(b"new"), save=False)
    finally:
        field.upload_to = field_upload_to
    assert image.image.name != name
    assert default_storage.exists(str(image.image.name))
