"""Pictures in the admin: re-encoded, never kept, and only for those who see their row."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from django.test import Client
from PIL import Image

from moderation.admin import thumbnails
from moderation.images import limits
from posts.models import Post, PostImage
from project import storages as storages_of
from tests.admin.conftest import browser_of, make_user
from tests.testapp.models import Volume

MakePosts = Callable[..., list[Post]]


def drawing(size: tuple[int, int] = (1000, 500), kind: str = "PNG") -> bytes:
    written = BytesIO()
    Image.new("RGB", size, "red").save(written, kind)
    return written.getvalue()


def address(row: PostImage | Volume, field: str = "image") -> str:
    label = row._meta.label_lower
    return f"/admin/moderation/removal/picture/{label}/{row.pk}/{field}/"


@pytest.fixture
def picture(make_posts: MakePosts) -> PostImage:
    """A picture whose file is there."""
    make_posts(1)
    row = PostImage.objects.get()
    default_storage.save(row.image.name or "", ContentFile(drawing()))
    return row


def put(row: PostImage, content: bytes) -> None:
    """Put other bytes where a row's picture is."""
    with default_storage.open(row.image.name or "", "wb") as stored:
        stored.write(content)


def test_a_picture_is_encoded_again_small_and_not_cached(
    client: Client, picture: PostImage
) -> None:
    response = client.get(address(picture))
    assert response.status_code == 200
    assert response["Content-Type"] == "image/webp"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in response["Cache-Control"]
    with Image.open(BytesIO(response.content)) as image:
        assert (image.format, image.size) == ("WEBP", (640, 320))


@pytest.mark.parametrize(
    "content",
    [b"", b"no picture", b"<svg onload='alert(1)'/>", drawing()[:200], drawing(kind="BMP")],
)
def test_a_file_that_is_not_a_picture_gives_a_placeholder(
    client: Client, picture: PostImage, content: bytes
) -> None:
    put(picture, content)
    response = client.get(address(picture))
    assert response.status_code == 415
    assert response["Content-Type"] == "image/svg+xml"
    assert response.content == thumbnails.PLACEHOLDER


def test_a_missing_file_gives_a_placeholder(client: Client, picture: PostImage) -> None:
    default_storage.delete(picture.image.name or "")
    response = client.get(address(picture))
    assert response.status_code == 404
    assert response.content == thumbnails.PLACEHOLDER


def test_an_unreachable_storage_gives_a_placeholder(
    client: Client, picture: PostImage, settings: Any
) -> None:
    """Nothing listens there: boto's own errors come, which are no OSError."""
    away = storages_of.s3(
        bucket="gone", endpoint="http://127.0.0.1:9", region="us-east-1",
        access_key="key", secret_key="secret", location="", addressing_style="path",
    )  # fmt: skip
    away["OPTIONS"]["client_config"] = Config(retries={"max_attempts": 0})
    settings.STORAGES = settings.STORAGES | {"default": away}
    response = client.get(address(picture))
    assert response.status_code == 502
    assert response.content == thumbnails.PLACEHOLDER
    assert "no-store" in response["Cache-Control"]


def test_a_file_that_cannot_be_opened_gives_a_placeholder(
    client: Client, picture: PostImage
) -> None:
    path = Path(picture.image.path)
    path.unlink()
    path.mkdir()  # a folder cannot be read, by root neither
    assert client.get(address(picture)).status_code == 502
    PostImage.objects.filter(pk=picture.pk).update(image="../outside.jpg")
    assert client.get(address(picture)).status_code == 404


def test_a_decompression_bomb_is_not_decoded(
    client: Client, picture: PostImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(limits.MAX_PIXELS, "PNG", 1_000)
        assert client.get(address(picture)).status_code == 415
    monkeypatch.setattr(limits, "MAX_BYTES", 100)
    assert client.get(address(picture)).status_code == 415


def test_only_registered_models_and_their_file_fields_are_served(
    client: Client, picture: PostImage
) -> None:
    base = "/admin/moderation/removal/picture"
    for path in (
        f"auth.user/{picture.post.author_id}/password",
        f"posts.post/{picture.post_id}/title",
        f"posts.postimage/{picture.pk}/sha256",
        f"posts.postimage/{picture.pk}/post",
        "posts.postimage/999999/image",
        "posts.postimage/x/image",
        "nothing.here/1/image",
        "nothing/1/image",
    ):
        assert client.get(f"{base}/{path}/").status_code == 404, path


def test_the_admin_of_the_parent_decides_who_may_view_a_picture(
    client: Client, auditor: User, picture: PostImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert browser_of(auditor).get(address(picture)).status_code == 404
    assert Client().get(address(picture)).status_code == 302
    posts_admin = admin.site.get_model_admin(Post)
    monkeypatch.setattr(posts_admin, "get_queryset", lambda _request: Post.objects.none())
    assert client.get(address(picture)).status_code == 404


def test_without_an_admin_the_permission_to_view_decides(client: Client, moderator: User) -> None:
    name = storages["attachments"].save("cover.png", ContentFile(drawing((8, 8))))
    volume = Volume.objects.create(text=name)
    assert client.get(address(volume, "text")).status_code == 404
    reader = make_user("reader")
    reader.user_permissions.add(Permission.objects.get(codename="view_volume"))
    assert browser_of(reader).get(address(volume, "text")).status_code == 200
