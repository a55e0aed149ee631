"""The page of a group leads to the list of all objects with its pictures."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from posts.admin import PostAdmin
from posts.models import Post, PostImage
from tests.admin.conftest import drafted
from tests.admin.drafts import html, text_of
from tests.picture_groups.test_near import with_bits

MakePosts = Callable[..., list[Post]]
pytestmark = pytest.mark.django_db


@pytest.fixture
def group(client: Client, moderator: User, make_posts: MakePosts) -> Callable[..., str]:
    """Return the page of the group of two selected posts with these digests and hashes."""

    def page(*pictures: tuple[str, str | None]) -> str:
        posts = make_posts(len(pictures))
        for post, (digit, perceptual_hash) in zip(posts, pictures, strict=True):
            PostImage.objects.filter(post=post).update(
                sha256=digit * 64, perceptual_hash=perceptual_hash
            )
        removal = drafted(posts, moderator)
        return html(client, removal, f"?show=groups&group={pictures[0][0] * 64}")

    return page


def test_identical_pictures_have_both_links(group: Callable[..., str]) -> None:
    page = group(("a", with_bits(0)), ("a", with_bits(0)))
    for query in (f"picture={'a' * 64}", f"like={with_bits(0)}"):
        assert f'<a href="/admin/posts/post/?{query}" target="_blank"' in page
    assert "All posts with this picture" in text_of(page)
    assert "All posts with pictures like this one" in text_of(page)


def test_pictures_without_a_hash_have_only_the_first(group: Callable[..., str]) -> None:
    page = group(("a", ""), ("a", None))
    assert f"?picture={'a' * 64}" in page
    assert "?like=" not in page


def test_nearly_identical_pictures_have_only_the_second(group: Callable[..., str]) -> None:
    page = group(("a", with_bits(1)), ("b", with_bits(0)))
    assert f"?like={with_bits(0)}" in page
    assert "?picture=" not in page


def test_a_model_admin_without_parameters_has_none(
    group: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(PostAdmin, "picture_parameters")
    page = group(("a", with_bits(0)), ("a", with_bits(0)))
    assert "?like=" not in page
    assert "?picture=" not in page
