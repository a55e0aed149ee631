"""Posts with many reports are shown together on the page of a draft."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from posts.models import Post, PostImage, Report
from tests.admin.conftest import drafted
from tests.admin.drafts import html

MakePosts = Callable[..., list[Post]]
pytestmark = pytest.mark.django_db
SHARED = "a" * 64


def reported_wave(make_posts: MakePosts) -> list[Post]:
    """Return thirty posts with the same picture and five reports each, in all over 100 rows."""
    posts = make_posts(30)
    PostImage.objects.filter(post__in=posts).update(sha256=SHARED)
    reporters = User.objects.bulk_create(User(username=f"reporter of many {n}") for n in range(5))
    Report.objects.filter(post__in=posts).delete()
    Report.objects.bulk_create(
        Report(post=post, reporter=reporter) for post in posts for reporter in reporters
    )
    return posts


@pytest.mark.parametrize("query", [f"?show=groups&group={SHARED}", "?show=objects&order=oldest"])
def test_objects_with_many_reports_are_shown_together(
    query: str,
    client: Client,
    moderator: User,
    make_posts: MakePosts,
    settings: Any,
) -> None:
    settings.MODERATION_BATCH_ROWS = 100
    draft = drafted(reported_wave(make_posts), moderator)
    page = html(client, draft, query)
    assert len(re.findall(r'name="object"\s+value="', page)) == 30
