"""Fixtures that are not restored, each with the reason, before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError
from pytest_django import Settings

from posts.models import Post, Report
from tests.posts.drawn import drawing, files_in
from tests.posts.small_site import WHEN, Rows, a_theme, offer, restore, row, small_site, state

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]


def assert_refused(storage: Path, *words: str) -> None:
    before = state()
    with pytest.raises(CommandError) as refused:
        restore()
    for word in words:
        assert word in str(refused.value)
    assert state() == before
    assert files_in(storage) == []


def test_demo_accounts_without_their_group_are_refused(
    settings: Settings, fresh_storage: Path, folder: Path
) -> None:
    settings.DEBUG = True
    Group.objects.all().delete()
    assert_refused(fresh_storage, "Moderators", "migrate")


def changed(number: int, **fields: Any) -> Rows:
    content = small_site()
    content[number]["fields"].update(fields)
    return content


BAD: dict[str, tuple[object, tuple[str, ...]]] = {
    "not JSON": ("[{", ("demo.json", "JSON")),
    "no list": ({}, ("demo.json", "list")),
    "no row": ([7], ("demo.json, row 1",)),
    "another model": ([row("auth.group", 1, name="x")], ("row 1", "auth.group")),
    "another part": ([{**small_site()[4], "natural": 1}], ("row 1", "natural")),
    "staff": (changed(4, is_staff=True), ("row 5", "field is_staff")),
    "password": (changed(4, password="x"), ("row 5", "field password")),
    "a storage key": (changed(1, thumbnail="posts/x.webp"), ("row 2", "field thumbnail")),
    "out of the folder": (
        changed(1, image="../../secret.png"),
        ("field image", "outside the folder"),
    ),
    "an absolute path": (changed(1, image="/etc/passwd"), ("field image", "outside the folder")),
    "an absent picture": (changed(1, image="three.png"), ("row 2", "field image", "three.png")),
    "no picture": (changed(1, image="../demo.json"), ("row 2", "field image")),
    "a broken picture": (changed(1, image="broken.png"), ("row 2", "field image", "broken")),
    "a number for a text": (changed(3, title=5), ("row 4", "field title", "not a string")),
    "null for a text": (changed(3, title=None), ("row 4", "field title")),
    "a NUL in a text": (changed(3, body="a\0b"), ("row 4", "field body")),
    "a long text": (changed(3, title="x" * 301), ("row 4", "field title", "300")),
    "no user name": (changed(4, username="a b"), ("row 5", "field username")),
    "no date": (changed(3, created_at="soon"), ("row 4", "field created_at")),
    "far date": (changed(3, created_at="9999-01-01T00:00:00+00:00"), ("field created_at", "1970")),
    "report's far date": (changed(0, created_at="0001-01-01T00:00:00+00:00"), ("1970",)),
    "no time zone": (changed(3, created_at=WHEN[:19]), ("field created_at", "time zone")),
    "true for a key": (changed(3, author=True), ("field author", "not an integer")),
    "a missing author": (changed(3, author=99), ("row 4", "field author", "99")),
    "a missing field": ([row("auth.user", 1)], ("row 1", "field username", "missing")),
    "a missing key": ([row("auth.user", None, username="x")], ("row 1", "field pk")),
    "a key twice": ([*small_site(), small_site()[4]], ("row 8", "field pk", "row 5")),
    "a name twice": (changed(5, username="mossy_gate"), ("row 6", "field username", "row 5")),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_named_and_nothing_written(
    folder: Path, fresh_storage: Path, name: str
) -> None:
    content, words = BAD[name]
    (folder / "pictures" / "broken.png").write_bytes(drawing()[:60])
    offer(folder, content)
    assert_refused(fresh_storage, *words)


def test_a_link_out_of_the_folder_is_refused(folder: Path, fresh_storage: Path) -> None:
    (folder / "pictures" / "link.png").symlink_to(folder.parent / "secret.png")
    offer(folder, changed(1, image="link.png"))
    assert_refused(fresh_storage, "field image", "outside the folder")


def test_every_taken_key_and_name_is_listed_and_nothing_written(
    folder: Path, fresh_storage: Path
) -> None:
    stranger = User.objects.create(pk=21, username="stranger")
    namesake = User.objects.create(pk=71, username="moderator")
    Post.objects.create(pk=31, author=stranger, title="Another", created_at=WHEN)
    assert namesake.pk
    assert_refused(
        fresh_storage,
        "row 5 (auth.user 21), field pk",
        "row 6 (auth.user 22), field username: auth.user 71",
        "row 4 (posts.post 31), field pk",
    )


def test_another_report_of_the_same_person_is_a_conflict(folder: Path) -> None:
    restore()
    Report.objects.filter(pk=51).delete()
    Report.objects.create(pk=77, post_id=31, reporter_id=22)
    with pytest.raises(CommandError, match=r"field post, reporter: posts.report 77"):
        restore()


def test_another_picture_behind_a_key_is_a_conflict(folder: Path) -> None:
    restore()
    (folder / "pictures" / "two.png").write_bytes(drawing(size=(9, 9)))
    with pytest.raises(CommandError, match=r"posts.postimage 42.*different: image"):
        restore()


@pytest.mark.parametrize("field", ["logo", "favicon"])
def test_a_file_of_the_theme_is_refused(folder: Path, fresh_storage: Path, field: str) -> None:
    offer(folder, a_theme(**{field: "one.png"}), "theme")
    assert_refused(fresh_storage, "theme.json, row 1", f"field {field}")
