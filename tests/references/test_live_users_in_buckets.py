"""In S3, a file is kept while any row uses its full key, in any location of the bucket."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.test import override_settings
from storages.backends.s3 import S3Storage

from moderation.models import AuditEntry
from moderation.purge.run import purge_due_files
from moderation.storage import write_identity
from moderation.storage.s3.location import endpoint_of
from posts.models import Post, PostImage
from tests.services.s3_gateway import S3Server
from tests.testapp.models_references import Flyer
from tests.testapp.storage import ATTACHMENTS

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "prints/2026/spring.pdf"


def purge_after_deleting(name: str) -> str:
    """Store a picture, delete the row that names it, purge; return the entry's state."""
    write_identity("default")
    storages["default"].save(name, ContentFile(b"x"))
    picture(name).delete()
    while purge_due_files():
        pass
    state = AuditEntry.objects.get(name=name).state
    assert storages["default"].exists(name) == (state == "in_use")
    return str(state)


def picture(name: str) -> PostImage:
    author, _ = User.objects.get_or_create(username="a")
    post = Post.objects.create(author=author, title="Good")
    image = PostImage(post=post, image=name, thumbnail=f"{name}.webp", sha256="0" * 64, size=1,
                      width=1, height=1)  # fmt: skip
    PostImage.objects.bulk_create([image])
    return image


@pytest.mark.parametrize("spelled", ["prints\\2026\\spring.pdf", "/prints/2026/spring.pdf"])
def test_a_bucket_knows_backslashes_and_leading_slashes(spelled: str, s3_storage: str) -> None:
    picture(spelled)
    assert purge_after_deleting(NAME) == "in_use"


@pytest.mark.parametrize(
    ("location", "name", "state"),
    [
        ("", f"media/{NAME}", "in_use"),
        ("media", NAME, "in_use"),
        ("media/prints", "2026/spring.pdf", "in_use"),
        ("prints", "2026/spring.pdf", "erased"),
        ("media2", NAME, "erased"),
    ],
)
def test_locations_in_one_bucket_are_compared_by_the_whole_key(
    location: str, name: str, state: str, s3_gateway: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3_gateway.make_bucket()
    other = S3Storage(**s3_gateway.storage(bucket, location=location)["OPTIONS"])
    monkeypatch.setattr(Flyer._meta.get_field("sheet"), "storage", other)
    Flyer.objects.bulk_create([Flyer(sheet=name)])
    entry = s3_gateway.storage(bucket, location="media")
    with override_settings(STORAGES={"default": entry, "attachments": ATTACHMENTS}):
        assert purge_after_deleting(NAME) == state


def test_another_bucket_is_another_location(
    s3_storage: str, s3_gateway: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = S3Storage(**s3_gateway.storage(s3_gateway.make_bucket())["OPTIONS"])
    monkeypatch.setattr(Flyer._meta.get_field("sheet"), "storage", other)
    Flyer.objects.bulk_create([Flyer(sheet=NAME)])
    assert purge_after_deleting(NAME) == "erased"


@pytest.mark.parametrize(
    ("given", "means"),
    [
        (None, "amazonaws.com"),
        ("https://s3.eu-central-1.amazonaws.com", "amazonaws.com"),
        ("https://s3.cn-north-1.amazonaws.com.cn/", "amazonaws.com"),
        ("https://Files.Example.org:443/", "files.example.org:443"),
        ("https://files.example.org", "files.example.org:443"),
        ("http://127.0.0.1:9000", "localhost:9000"),
        ("http://localhost:9000/", "localhost:9000"),
    ],
)
def test_an_endpoint_is_one_in_every_spelling(
    given: str | None, means: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    storage = S3Storage(bucket_name="b", endpoint_url=given)
    assert endpoint_of(storage) == means
    if given:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", given)
        assert endpoint_of(S3Storage(bucket_name="b", endpoint_url=None)) == means
