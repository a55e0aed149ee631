"""Posts and a draft of them, for the tests of removals."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from moderation.models import Removal
from posts.models import Post
from tests.helpers import drafted


@pytest.fixture
def posts(marked: None, make_posts: Callable[..., list[Post]]) -> list[Post]:
    return make_posts(6, images=1)


@pytest.fixture
def draft(posts: list[Post], moderator: User) -> Removal:
    """Three batches of two posts."""
    with override_settings(MODERATION_BATCH_OBJECTS=2):
        return drafted(posts, moderator)
