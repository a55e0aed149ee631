"""Which rules are applied to a selection, and which mark too much of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import QuerySet

from moderation.review_rules import apply, review_rule
from moderation.review_rules.apply import SMALLEST_SELECTION, apply_rules, most_marks
from posts.models import Post
from tests.review_rules.waves import make_post, make_wave

pytestmark = pytest.mark.django_db


@review_rule(title="odd titles", weight=5, phrase=lambda: "An odd title")
def odd(objects: QuerySet[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    for key in objects.filter(title="Odd").order_by("pk").values_list("pk", flat=True):
        yield key, {}


@pytest.fixture(autouse=True)
def only_odd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "review_rules_of", lambda _model: [odd])


def applied() -> apply.Marks:
    return apply_rules(Post.objects.all(), Post.objects.count())


@pytest.mark.parametrize(
    ("total", "most"),
    [(20, 4), (30, 6), (50, 10), (100, 10), (200, 10), (220, 11), (951, 47), (50_000, 2_500)],
)
def test_a_rule_may_mark_five_percent_or_a_few(total: int, most: int) -> None:
    assert most_marks(total) == most


def test_a_rule_that_marks_a_few_counts() -> None:
    make_wave(SMALLEST_SELECTION)
    post = make_post(title="Odd")
    marks = applied()
    assert list(marks.by_key) == [post.pk]
    assert marks.by_key[post.pk] == [(odd, {})]
    assert not marks.dropped


def test_a_rule_that_marks_too_many_is_dropped_with_their_number() -> None:
    make_wave(SMALLEST_SELECTION)
    for _ in range(11):
        make_post(title="Odd")
    marks = applied()
    assert not marks.by_key
    assert marks.dropped == [(odd, 11)]


def test_several_rules_mark_the_same_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "review_rules_of", lambda _model: [odd, odd])
    make_wave(SMALLEST_SELECTION)
    post = make_post(title="Odd")
    assert applied().by_key[post.pk] == [(odd, {}), (odd, {})]
