"""What the content app tells moderation about its files."""

from __future__ import annotations

from moderation.registry import register
from posts.models import PostImage


def register_pictures() -> None:
    """Have the files of removed pictures recorded and purged; call it once, when apps are ready."""
    register(
        PostImage,
        title="post__title",
        owner="post__author__username",
        picture="image",
        thumbnail="thumbnail",
        size="size",
        sha256="sha256",
    )
