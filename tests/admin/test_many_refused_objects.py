"""The memory that refused objects take does not grow with their number."""

from __future__ import annotations

import tracemalloc

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory

from moderation.admin.removals.object_permissions import guard_for
from moderation.removals.draft import exclude_refused
from posts.models import Post
from tests.admin.conftest import drafted
from tests.admin.desk import a_site, allowing

pytestmark = pytest.mark.django_db

BODY = "Buy! " * 2_000  # 10 kB


def make_large_posts(count: int) -> list[Post]:
    author, _ = User.objects.get_or_create(username="spammer")
    return Post.objects.bulk_create(
        (Post(author=author, title=f"Pills {n}", body=BODY) for n in range(count)), batch_size=1_000
    )


def peak(count: int, moderator: User) -> int:
    """Return the peak in bytes of excluding this many refused posts from a draft."""
    site = a_site("desk", Post, post=allowing(lambda *_: False))
    request = RequestFactory().get("/")
    request.user = moderator
    guard = guard_for(site.get_model_admin(Post), request)
    assert guard is not None
    removal = drafted(make_large_posts(count), moderator)
    tracemalloc.start()
    refused = exclude_refused(removal, guard)
    _current, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (refused.total, len(refused.names), removal.objects_total) == (count, 20, 0)
    return most


def test_10_000_refused_posts_take_about_the_memory_of_1_000(moderator: User) -> None:
    few, many = peak(1_000, moderator), peak(10_000, moderator)
    assert many < 1.5 * few
