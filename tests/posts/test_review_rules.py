"""The rule about the record of a post's author."""

from __future__ import annotations

import pytest

from posts.models import Post, Report
from posts.review_rules import FEWEST_GOOD_POSTS, author_with_good_posts
from tests.review_rules.waves import make_post, make_wave

pytestmark = pytest.mark.django_db


def marked() -> list[int]:
    """The keys of the posts that the rule marks among those whose title is not "Outside"."""
    found = author_with_good_posts(Post.objects.exclude(title="Outside"))
    return [key for key, _parameters in found]


def others(number: int, *, reports: int = 0, title: str = "Outside") -> None:
    """Create other posts of the same author."""
    for _ in range(number):
        make_post(author="regular", reports=reports, title=title)


def test_a_post_by_an_author_of_three_good_posts_that_stay_is_marked() -> None:
    make_wave(5)
    post = make_post(author="regular")
    others(FEWEST_GOOD_POSTS - 1)
    assert marked() == []
    others(1)
    assert marked() == [post.pk]


def test_reported_posts_do_not_speak_for_their_author() -> None:
    make_post(author="regular")
    others(5, reports=1)
    assert marked() == []


def test_dismissed_reports_do_not_speak_against_an_author() -> None:
    post = make_post(author="regular")
    others(5, reports=1)
    Report.objects.update(state="dismissed")
    assert marked() == [post.pk]


def test_posts_that_are_selected_too_do_not_count() -> None:
    make_post(author="regular")
    others(5, title="Selected")
    assert marked() == []


def test_each_post_of_the_author_is_marked_once() -> None:
    posts = [make_post(author="regular", reports=2) for _ in range(2)]
    others(4)
    assert sorted(marked()) == [post.pk for post in posts]
