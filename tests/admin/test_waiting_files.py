"""A removal's page says why files wait if it is unknown whether they are in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation.models import StorageIdentity
from moderation.removals.draft import confirm
from posts.models import Post
from tests.admin.conftest import drafted, page_of

pytestmark = pytest.mark.django_db


def test_both_problems_of_a_storage_are_named(
    client: Client, moderator: User, make_posts: Callable[..., list[Post]]
) -> None:
    removal = drafted(make_posts(1), moderator)
    confirm(removal, actor=moderator, seal=removal.seal, reason="spam", typed_count="1")
    mark = StorageIdentity.objects.create(alias="default", environment="test")
    words: dict[str, Any] = {
        "problem": "it holds no marker",
        "reference_problems": {"shop.Banner.image": "shop.Banner.image: no such col"},
    }
    changes: list[dict[str, Any]] = [words, {"problem": ""}, {"reference_problems": {}}]
    for columns in changes:
        StorageIdentity.objects.filter(pk=mark.pk).update(**columns)
        words |= columns
        content = client.get(page_of(removal)).content.decode()
        assert ("it holds no marker" in content) == bool(words["problem"])
        assert ("shop.Banner.image: no such col" in content) == bool(words["reference_problems"])
