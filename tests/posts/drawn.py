"""Pictures drawn for the tests, and posts that carry them."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from PIL import Image

from posts.images import intake
from posts.models import Post, PostImage


def drawing(
    file_format: str = "PNG", *, size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: Any
) -> bytes:
    """Return the bytes of a picture: the left half red, the right half blue if it has colours."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, *size))
    target = BytesIO()
    (image if mode == "RGB" else image.convert(mode)).save(target, file_format, **options)
    return target.getvalue()


def animation(file_format: str, frames: int = 4) -> bytes:
    """Return the bytes of an animation whose first frame is red."""
    noise = [Image.effect_noise((40, 30), 90).convert("RGB") for _ in range(frames - 1)]
    target = BytesIO()
    Image.new("RGB", (40, 30), "red").save(target, file_format, save_all=True, append_images=noise)
    return target.getvalue()


def a_post(title: str = "A post", author: str = "ada") -> Post:
    """Save a post of a user who is made where need be."""
    user, _ = get_user_model().objects.get_or_create(username=author)
    return Post.objects.create(author=user, title=title)


def a_picture(post: Post, content: bytes | None = None) -> PostImage:
    """Store a picture, and save its row. Files with the same content are validated only once."""
    content = content or drawing()
    image = _validated(content, keep_metadata=getattr(settings, "PICTURES_KEEP_METADATA", False))
    with intake.uploads():
        row = intake.store(image, ContentFile(content), row=PostImage(post=post))
        row.save()
    return row


@cache
def _validated(content: bytes, *, keep_metadata: bool) -> intake.ValidatedImage:
    """Return the validated picture. It depends on the setting, which is therefore an argument."""
    return intake.validate_image(ContentFile(content))


def files_in(root: Path) -> list[Path]:
    """List the files below a folder."""
    return sorted(path for path in root.rglob("*") if path.is_file())
