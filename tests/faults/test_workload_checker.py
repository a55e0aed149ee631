"""The checker of the random workload finds what is planted, and nothing in a sound removal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from django.db import DataError, IntegrityError, OperationalError

from moderation.exceptions import KeyTaken
from tests.faults.workload.checker import ENOUGH_STEPS, Breach, Checker
from tests.faults.workload.expected import ExpectedFailures
from tests.faults.workload.file_stores import DEFAULT, digest
from tests.faults.workload.journal import Fact
from tests.faults.workload.site import DEFAULT_BADGE
from tests.faults.workload.tables import TABLES, FileId, Tables

REMOVAL = 7
POST, FIRST, SECOND = 1, 11, 12
SOUND = {FIRST: "first.jpg", SECOND: "second.jpg"}


def saved(picture: int, name: str, *, created: bool = True) -> Fact:
    """A user saved a picture of the post."""
    return {
        "type": "saved", "label": "posts.PostImage", "key": picture, "parent": POST,
        "files": {"image": [name, digest(name.encode())]}, "created": created, "signalled": True,
    }  # fmt: skip


def files(names: Mapping[int, str]) -> dict[str, list[FileId]]:
    """The post with these pictures, as a moderator notes it."""
    found = [("posts.PostImage", str(key), "image", name) for key, name in names.items()]
    return {str(POST): found}


def frozen(before: Mapping[int, str], after: Mapping[int, str]) -> Fact:
    """A moderator froze the post, which had these pictures right before and after."""
    return {
        "type": "frozen", "removal": REMOVAL, "label": "posts.Post", "keys": [POST],
        "previews": [files(before), files(after)],
    }  # fmt: skip


def refrozen(names: Mapping[int, str], *, certain: bool) -> Fact:
    """A confirmation found a difference, or was interrupted."""
    sides = [files(names), files(names)]
    return {"type": "refrozen", "removal": REMOVAL, "certain": certain, "previews": sides}


def deletes(picture: int) -> Fact:
    """A user deletes a picture of the post."""
    return {"type": "deletes", "label": "posts.PostImage", "keys": [picture]}


def entry(picture: int, name: str, removal: int | None = REMOVAL) -> dict[str, Any]:
    """The log has an erased file."""
    return {
        "id": picture, "object_label": "posts.PostImage", "object_key": str(picture),
        "field": "image", "name": name, "state": "erased", "removal_id": removal, "detail": "",
    }  # fmt: skip


@dataclass(frozen=True)
class Round:
    """A round in which one removal deleted a post with its pictures, and no row is left."""

    facts: tuple[Fact, ...] = (*(saved(*pair) for pair in SOUND.items()), frozen(SOUND, SOUND))
    entries: tuple[dict[str, Any], ...] = tuple(entry(*pair) for pair in SOUND.items())
    changed: tuple[int, ...] = ()
    stored: Mapping[str, str] = field(default_factory=dict)

    def and_then(self, *facts: Fact) -> Round:
        """Return the round with more facts."""
        return replace(self, facts=(*self.facts, *facts))

    def breaches(self) -> list[Breach]:
        """Let the checker judge."""
        batch = {
            "removal_id": REMOVAL, "number": 1024, "state": "deleted", "error": "",
            "frozen": [[POST, "digest"]], "changed": list(self.changed), "already_deleted": [],
            "deleted_total": 1 - len(self.changed),
        }  # fmt: skip
        tables = Tables(
            rows={}, parents=frozenset(), entries=list(self.entries), removals={REMOVAL: "done"},
            batches=[batch],
        )  # fmt: skip
        stored = {DEFAULT_BADGE: digest(DEFAULT), **self.stored}
        return Checker(list(self.facts), tables, stored, kept_is_checked=True).breaches()

    def rules(self) -> set[str]:
        """Return the rules that are broken."""
        return {breach.rule for breach in self.breaches()}


def test_a_sound_removal_breaks_no_rule() -> None:
    assert Round().breaches() == []


def test_a_file_that_replaced_another_after_the_freeze_was_not_previewed() -> None:
    """Every other rule holds: both files are in the log, and nothing is left."""
    changed = replace(
        Round().and_then(saved(FIRST, "other.jpg", created=False)),
        entries=(entry(FIRST, "first.jpg", None), entry(FIRST, "other.jpg"), *Round.entries[1:]),
    )
    assert {(breach.rule, breach.key) for breach in changed.breaches()} == {
        ("4 not previewed", "other.jpg"),
        ("4 not previewed", "first.jpg"),
    }


def test_a_picture_that_was_added_after_the_freeze_was_not_previewed() -> None:
    added = replace(
        Round().and_then(saved(13, "third.jpg")),
        entries=(*Round.entries, entry(13, "third.jpg")),
    )
    [breach] = added.breaches()
    assert (breach.rule, breach.key, breach.row) == (
        "4 not previewed", "third.jpg", ("posts.PostImage", "13"),
    )  # fmt: skip


@pytest.mark.parametrize("left", [[SECOND], []])
def test_a_post_that_lost_pictures_after_the_freeze_was_not_previewed(left: list[int]) -> None:
    """Even with no entry at all: the batch says that it deleted the post."""
    gone = [key for key in SOUND if key not in left]
    entries = tuple(entry(key, SOUND[key], REMOVAL if key in left else None) for key in SOUND)
    lost = replace(Round().and_then(*map(deletes, gone)), entries=entries)
    assert {(breach.rule, breach.key) for breach in lost.breaches()} == {
        ("4 not previewed", SOUND[key]) for key in gone
    }


def test_a_changed_object_that_a_batch_skipped_breaks_no_rule() -> None:
    entries = tuple(entry(key, SOUND[key], None) for key in SOUND)
    skipped = replace(Round().and_then(*map(deletes, SOUND)), entries=entries, changed=(POST,))
    assert skipped.breaches() == []


def test_a_draft_that_was_frozen_again_goes_as_it_was_seen_last() -> None:
    entries = (entry(FIRST, "first.jpg", None), entry(SECOND, "second.jpg"))
    lost = replace(Round().and_then(deletes(FIRST)), entries=entries)
    now = {SECOND: "second.jpg"}
    assert lost.and_then(refrozen(now, certain=True)).breaches() == []
    assert Round().and_then(refrozen(now, certain=True)).rules() == {"4 not previewed"}


def test_after_an_interrupted_confirmation_both_states_are_possible() -> None:
    entries = (entry(FIRST, "first.jpg", None), entry(SECOND, "second.jpg"))
    lost = replace(Round().and_then(deletes(FIRST)), entries=entries)
    interrupted = refrozen({SECOND: "second.jpg"}, certain=False)
    assert lost.and_then(interrupted).breaches() == []
    assert Round().and_then(interrupted).breaches() == []


def test_a_picture_that_changed_during_the_freeze_may_or_may_not_have_been_seen() -> None:
    pictures = tuple(saved(*pair) for pair in SOUND.items())
    during = replace(Round(), facts=(*pictures, frozen({SECOND: "second.jpg"}, SOUND)))
    assert during.breaches() == []
    without = replace(
        during.and_then(deletes(FIRST)),
        entries=(entry(FIRST, "first.jpg", None), entry(SECOND, "second.jpg")),
    )
    assert without.breaches() == []


def test_an_upload_that_was_refused_leaves_an_orphan() -> None:
    """No doubt and no abandoned content excuses it."""
    refused = {"type": "unexpected", "by": "user-00", "trace": "KeyTaken"}
    orphan = replace(Round(), stored={"documents/a.txt": digest(b"new")}).and_then(refused)
    assert orphan.rules() == {"0 unexpected error", "2 orphan"}


def test_a_model_that_is_never_saved_is_a_breach_of_a_long_round() -> None:
    steps: list[Fact] = [{"type": "step"}] * ENOUGH_STEPS
    never = {breach.text for breach in Round().and_then(*steps).breaches()}
    assert never == TABLES.keys() - {"posts.PostImage"}
    assert Round().and_then(*steps[1:]).breaches() == []


@pytest.mark.parametrize(
    "error",
    [
        KeyTaken("It was removed."),
        IntegrityError("NOT NULL constraint failed: workload_sheet.folder_id"),
        DataError("value too long"),
        RuntimeError("a bug"),
    ],
)
def test_an_upload_expects_no_other_error_than_a_removed_parent_or_a_busy_database(
    error: Exception,
) -> None:
    with pytest.raises(type(error)), ExpectedFailures():
        raise error


@pytest.mark.parametrize(
    "error",
    [
        IntegrityError("FOREIGN KEY constraint failed"),
        IntegrityError('insert violates foreign key constraint "folder_id"'),
        OperationalError("database is locked"),
    ],
)
def test_errors_that_a_user_can_expect_are_handed_on(error: Exception) -> None:
    raised: list[Exception] = []
    with ExpectedFailures(raised.append):
        raise error
    assert raised == [error]


def test_a_row_that_names_a_removed_file_may_be_refused() -> None:
    raised: list[Exception] = []
    with ExpectedFailures(raised.append, reuses_key=True):
        raise KeyTaken("It was removed.")
    assert len(raised) == 1
