"""Posts with pictures that have a known digest and hash."""

from __future__ import annotations

from posts.models import PostImage
from tests.picture_groups.test_near import with_bits
from tests.posts.drawn import a_picture, a_post


def pictured(title: str, sha256: str = "a", bits: int | None = None) -> PostImage:
    """Return the picture of a new post.

    Its digest repeats this digit, and its hash has this many bits set, or is missing.
    """
    picture = a_picture(a_post(title))
    found = None if bits is None else with_bits(*range(bits))
    PostImage.objects.filter(pk=picture.pk).update(sha256=sha256 * 64, perceptual_hash=found)
    picture.refresh_from_db()
    return picture
