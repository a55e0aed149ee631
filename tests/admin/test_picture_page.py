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


def drawing(size: tuple[int, int] = (1000, 500), file_format: str = "PNG") -> bytes:
    written = BytesIO()
    Image.new("RGB", size, "red").save(written, file_format)
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


def test_a_large_picture_is_made_from_the_picture_also_at_the_address_of_its_thumbnail(
    client: Client, picture: PostImage
) -> None:
    put(picture, drawing((3000, 1500), "JPEG"))
    default_storage.save(picture.thumbnail.name or "", ContentFile(drawing((320, 160))))
    for field in ("image", "thumbnail"):
        response = client.get(address(picture, field), {"size": "large"})
        assert "no-store" in response["Cache-Control"]
        with Image.open(BytesIO(response.content)) as image:
            assert (image.format, image.size) == ("WEBP", (1600, 800)), field


def test_a_small_picture_is_not_made_larger(client: Client, picture: PostImage) -> None:
    response = client.get(address(picture), {"size": "large"})
    with Image.open(BytesIO(response.content)) as image:
        assert image.size == (1000, 500)


@pytest.mark.parametrize("size", ["", "small", "1000000", "large\0"])
def test_there_is_no_third_size(client: Client, picture: PostImage, size: str) -> None:
    response = client.get(address(picture), {"size": size})
    with Image.open(BytesIO(response.content)) as image:
        assert image.size == (640, 320)


def test_the_frames_of_a_large_animation_share_its_sides(
    client: Client, picture: PostImage
) -> None:
    frames = [Image.new("RGB", (900, 900), colour) for colour in ("red", "green", "blue")]
    written = BytesIO()
    frames[0].save(written, "GIF", save_all=True, append_images=frames[1:], duration=100)
    put(picture, written.getvalue())
    response = client.get(address(picture), {"size": "large"})
    with Image.open(BytesIO(response.content)) as image:
        width, height = image.size
    assert 1500 <= width <= thumbnails.LARGE_SIDE
    assert 500 <= height <= 540


def test_whoever_may_not_view_a_picture_may_not_view_it_large(
    auditor: User, picture: PostImage
) -> None:
    assert browser_of(auditor).get(address(picture), {"size": "large"}).status_code == 404


@pytest.mark.parametrize(
    "content",
    [b"", b"no picture", b"<svg onload='alert(1)'/>", drawing()[:200], drawing(file_format="BMP")],
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
