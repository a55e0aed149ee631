"""The check of defaults considers only fields that have one."""

from __future__ import annotations

from moderation.registry.defaults import has_changing_default
from posts.models import PostImage


def test_w011_says_nothing_of_a_field_without_a_default() -> None:
    """Django's placeholder for a missing default returns a new object at each call."""
    image = PostImage._meta.get_field("image")
    assert not image.has_default()
    assert not has_changing_default(image)
