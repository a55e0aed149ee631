"""E034: each review rule of a model has a name of its own."""

from __future__ import annotations

import pytest

from moderation.checks import review_rules
from moderation.checks.review_rules import check_names_of_review_rules
from moderation.review_rules.pictures import no_picture
from posts.models import Post


def test_rules_of_the_site_have_names_of_their_own() -> None:
    assert check_names_of_review_rules() == []


def test_two_rules_with_one_name_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def rules_of(model: object) -> tuple[object, ...]:
        return (no_picture, no_picture) if model is Post else ()

    monkeypatch.setattr(review_rules, "review_rules_of", rules_of)
    (message,) = check_names_of_review_rules()
    assert message.id == "moderation.E034"
    assert "posts.Post has 2 review rules with the name 'no_picture'" in message.msg
