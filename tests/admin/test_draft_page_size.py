"""The confirmation page costs the same for any number of posts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from moderation.models import Removal
from posts.models import Post
from tests.admin.conftest import drafted, page_of

MakePosts = Callable[..., list[Post]]


def measured(client: Client, removal: Removal, query: str) -> tuple[int, int]:
    """Queries and bytes of a page, seen a second time."""
    client.get(page_of(removal) + query)
    with CaptureQueriesContext(connection) as queries:
        response = client.get(page_of(removal) + query)
    assert response.status_code == 200
    return len(queries), len(response.content)


@pytest.mark.parametrize("query", ["", "?show=objects"])
def test_the_page_costs_the_same_for_any_number_of_posts(
    client: Client, moderator: User, make_posts: MakePosts, query: str
) -> None:
    few_queries, few_bytes = measured(client, drafted(make_posts(100), moderator), query)
    for count in (1_000, 10_000):
        queries, size = measured(client, drafted(make_posts(count), moderator), query)
        assert queries <= few_queries
        # Links to pages, each also as a button, and longer counts and keys; nothing for each post.
        assert size - few_bytes < 7_500
    assert few_queries < 40
