"""The details of the objects of a draft: reports, and other objects of the same owner."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.contrib import admin
from django.contrib.auth.models import User

from moderation.admin.removals import object_details
from moderation.admin.removals.object_details import details_of_objects
from moderation.registry.content import content_of
from posts.models import Post, Report
from tests.admin.conftest import browser_of, drafted, page_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def post() -> Post:
    author = User.objects.create_user("spammer")
    return Post.objects.create(author=author, title="Cheap watches")


def report(post: Post, *reasons: str) -> None:
    for number, reason in enumerate(reasons):
        reporter = User.objects.create_user(f"reporter{number}")
        Report.objects.create(post=post, reporter=reporter, reason=reason)


def test_texts_of_reports_are_shown_beside_reports_without_text(post: Post) -> None:
    report(post, "spam link", "")
    details = details_of_objects(Post, [post.pk])[post.pk]
    assert (details.reports, details.report_texts) == (2, ["spam link"])


def test_the_first_texts_of_reports_are_in_order(post: Post) -> None:
    report(post, "b", "d", "", "a", "c")
    assert details_of_objects(Post, [post.pk])[post.pk].report_texts == ["d", "c", "b"]


def test_a_post_without_reports_has_no_texts(post: Post) -> None:
    details = details_of_objects(Post, [post.pk])[post.pk]
    assert (details.reports, details.report_texts) == (0, [])


def test_other_posts_of_the_author_count_only_if_they_are_visible(post: Post) -> None:
    first, _second = (Post.objects.create(author=post.author, title="More") for _ in range(2))
    Post.objects.create(author=User.objects.create_user("reader"), title="A question")
    assert details_of_objects(Post, [post.pk])[post.pk].others == 2
    visible = Post.objects.filter(pk__in=[post.pk, first.pk]).values("pk")
    assert details_of_objects(Post, [post.pk], visible)[post.pk].others == 1


def test_a_page_does_not_count_posts_that_the_admin_hides(
    moderator: User, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden, _shown = (Post.objects.create(author=post.author, title="More") for _ in range(2))
    page = f"{page_of(drafted([post], moderator))}?show=objects"
    client = browser_of(moderator)
    assert "2 other posts" in client.get(page).text
    posts_admin = admin.site.get_model_admin(Post)
    monkeypatch.setattr(posts_admin, "get_queryset", lambda _: Post.objects.exclude(pk=hidden.pk))
    assert "1 other post)" in client.get(page).text


def test_other_posts_are_counted_if_the_owner_is_not_a_text(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    Post.objects.create(author=post.author, title="More")
    content = replace(content_of(Post), owner="author")
    monkeypatch.setattr(object_details, "content_of", lambda _model: content)
    details = details_of_objects(Post, [post.pk])[post.pk]
    assert (details.owner, details.others) == (str(post.author_id), 1)
