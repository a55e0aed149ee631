"""Dates at either end of the calendar are refused in new posts, but shown in stored ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client

from moderation.removals.freeze import freeze
from posts.models import Post, Report
from tests.posts.drawn import a_post

pytestmark = pytest.mark.django_db

FAR = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1, 6, 1, tzinfo=UTC),
    datetime(9998, 12, 31, 23, 59, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
]
ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Kiritimati"]


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def far_post(moment: datetime) -> Post:
    post = a_post()
    Report.objects.create(post=post, reporter=post.author)
    Report.objects.update(created_at=moment)
    Post.objects.filter(pk=post.pk).update(created_at=moment)
    return post


@pytest.mark.parametrize("moment", FAR)
@pytest.mark.parametrize("model", [Post, Report])
def test_the_field_refuses_it(model: Any, moment: datetime) -> None:
    with pytest.raises(ValidationError, match="between 1970 and 2199"):
        model._meta.get_field("created_at").clean(moment, None)
    for fine in (datetime(1970, 1, 1, tzinfo=UTC), datetime(2199, 12, 31, 23, tzinfo=UTC)):
        assert model._meta.get_field("created_at").clean(fine, None) == fine


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "1969-12-30", "2200-01-02"])
@pytest.mark.parametrize("zone", ZONES)
def test_the_form_refuses_it(root: Client, settings: Any, day: str, zone: str) -> None:
    settings.TIME_ZONE = zone
    post = a_post()
    sent = {"author": post.author_id, "title": "x", "body": "", "created_at_0": day,
            "created_at_1": "12:00:00"}  # fmt: skip
    for inline in ("post_images", "post_images-2", "reports"):
        sent |= {f"{inline}-TOTAL_FORMS": 0, f"{inline}-INITIAL_FORMS": 0}
    answer = root.post(f"/admin/posts/post/{post.pk}/change/", sent)
    assert answer.status_code == 200
    assert "The date must be between 1970 and 2199." in answer.content.decode()


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("moment", FAR)
def test_pages_show_it(root: Client, settings: Any, moment: datetime, zone: str) -> None:
    settings.TIME_ZONE = zone
    post = far_post(moment)
    others = [a_post() for _ in range(2)]
    shown = [
        "/admin/posts/post/", "/admin/posts/post/?o=5", "/admin/posts/post/?o=-5",
        "/admin/posts/post/?reported=yes", "/admin/posts/post/?q=a",
        f"/admin/posts/post/?author={post.author.username}",
        f"/admin/posts/post/?created_at__year={others[0].created_at.year}",
        f"/admin/posts/post/{post.pk}/change/", f"/admin/posts/post/{post.pk}/delete/",
        f"/admin/posts/post/{post.pk}/history/", f"/admin/auth/user/{post.author_id}/change/",
    ]  # fmt: skip
    for address in shown:
        assert root.get(address).status_code == 200, address
    removal = freeze(Post.objects.all(), actor=User.objects.get(username="root"), permissions=[])
    for show in ("pictures", "objects"):
        address = f"/admin/moderation/removal/{removal.pk}/change/?show={show}"
        assert root.get(address).status_code == 200


@pytest.mark.parametrize("moment", FAR)
def test_no_year_is_offered_that_cannot_be_requested(
    root: Client, settings: Any, moment: datetime
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    far_post(moment)
    a_post()
    page = root.get("/admin/posts/post/").content.decode()
    assert "created_at__year=2026" in page or "2026" in page
    for year in range(9990, 10000):
        if f"created_at__year={year}" in page:
            assert root.get(f"/admin/posts/post/?created_at__year={year}").status_code == 200


def test_it_can_be_removed(root: Client) -> None:
    for moment in FAR:
        far_post(moment)
    Post.objects.all().delete()
    assert not Post.objects.exists()
