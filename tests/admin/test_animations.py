"""A draft marks animated pictures."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.test import Client

from posts.models import Post
from tests.admin.conftest import drafted, page_of
from tests.posts.drawn import a_picture, a_post, animation, drawing

BADGE = '<span class="removal-badge">animated</span>'


def posts_with(*pictures: bytes) -> list[Post]:
    posts = []
    for content in pictures:
        posts.append(a_post())
        a_picture(posts[-1], content)
    return posts


def test_the_preview_of_an_animation_has_a_badge(client: Client, moderator: User) -> None:
    removal = drafted(posts_with(animation("GIF"), drawing()), moderator)
    page = client.get(page_of(removal)).content.decode()
    assert page.count("<img") >= 2
    assert page.count(BADGE) == 1


def test_a_still_picture_has_no_badge(client: Client, moderator: User) -> None:
    removal = drafted(posts_with(drawing(), drawing("JPEG")), moderator)
    assert BADGE not in client.get(page_of(removal)).content.decode()
