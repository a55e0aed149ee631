"""A page with an old seal says what changed in the selection since."""

from __future__ import annotations

from typing import Any

import pytest

from moderation.models import Removal
from moderation.removals import history
from moderation.removals.history import (
    CHANGED,
    DELETED,
    EXCLUDED,
    MAX_CHANGES,
    MAX_KEYS,
    REFUSED,
    RETURNED,
    changes_since,
    record_change,
)


def draft() -> Removal:
    return Removal(model_label="posts.Post", seal="seal-0")


def change(removal: Removal, number: int, what: str = EXCLUDED, keys: Any = (1,)) -> None:
    """Record a change, and seal the draft again."""
    record_change(removal, what, keys)
    removal.seal = f"seal-{number}"


@pytest.mark.parametrize(
    ("what", "keys", "phrase"),
    [
        (EXCLUDED, [7], "1 post was kept (7)"),
        (EXCLUDED, [7, 8], "2 posts were kept (7, 8)"),
        (RETURNED, [7], "1 post was returned to the selection (7)"),
        (RETURNED, [7, 8], "2 posts were returned to the selection (7, 8)"),
        (CHANGED, [7], "1 post changed (7)"),
        (CHANGED, [7, 8], "2 posts changed (7, 8)"),
        (DELETED, [7], "1 post was removed by someone else (7)"),
        (DELETED, [7, 8], "2 posts were removed by someone else (7, 8)"),
        (REFUSED, [7], "you may not remove 1 post (7)"),
        (REFUSED, [7, 8], "you may not remove 2 posts (7, 8)"),
        (EXCLUDED, range(1, 7), "6 posts were kept (1, 2, 3, 4, 5, …)"),
        (EXCLUDED, range(1_200), "1,200 posts were kept (0, 1, 2, 3, 4, …)"),
        (REFUSED, range(300), "you may not remove 300 posts (0, 1, 2, 3, 4, …)"),
        (EXCLUDED, [], "0 posts were kept"),
        (DELETED, ["a-uuid"], "1 post was removed by someone else (a-uuid)"),
    ],
)
def test_each_change_is_a_phrase(what: str, keys: Any, phrase: str) -> None:
    removal = draft()
    change(removal, 1, what, keys)
    assert changes_since(removal, "seal-0") == [phrase]


def test_every_type_of_change_has_a_phrase() -> None:
    types = {
        value for name, value in vars(history).items()
        if name.isupper() and isinstance(value, str)
    }  # fmt: skip
    assert types == set(history.PHRASES)


def test_page_lists_the_changes_since_it_was_opened_and_no_others() -> None:
    removal = draft()
    for number in (1, 2, 3):
        change(removal, number, keys=[number])
    assert len(changes_since(removal, "seal-0")) == 3
    assert changes_since(removal, "seal-1") == ["1 post was kept (2)", "1 post was kept (3)"]
    assert changes_since(removal, "seal-2") == ["1 post was kept (3)"]
    assert changes_since(removal, "seal-3") == []
    assert changes_since(removal, "a seal of another draft") == []


def test_a_draft_that_had_a_seal_twice_lists_the_changes_since_the_second_time() -> None:
    removal = draft()
    change(removal, 1, EXCLUDED, keys=[7])
    change(removal, 0, RETURNED, keys=[7])
    assert removal.seal == "seal-0"
    change(removal, 2, EXCLUDED, keys=[8])
    assert changes_since(removal, "seal-0") == ["1 post was kept (8)"]
    assert changes_since(removal, "seal-1") == [
        "1 post was returned to the selection (7)",
        "1 post was kept (8)",
    ]


def test_changes_that_were_recorded_together_are_listed_together() -> None:
    removal = draft()
    change(removal, 1)
    record_change(removal, CHANGED, [7])
    record_change(removal, DELETED, [8])
    assert changes_since(removal, "seal-1") == [
        "1 post changed (7)",
        "1 post was removed by someone else (8)",
    ]


def test_history_does_not_grow_with_the_number_of_changes_or_of_objects() -> None:
    removal = draft()
    for number in range(1, MAX_CHANGES + 11):
        change(removal, number, keys=range(1_000))
    assert len(removal.history) == MAX_CHANGES
    assert {len(each["keys"]) for each in removal.history} == {MAX_KEYS}
    assert {each["total"] for each in removal.history} == {1_000}
    assert changes_since(removal, "seal-0") == [], "that change is forgotten"


def test_recorded_history_is_a_new_list() -> None:
    """Django compares nothing: a list that was changed in place would be the old one, too."""
    removal = draft()
    before = removal.history
    change(removal, 1)
    assert before == []
    assert len(removal.history) == 1
