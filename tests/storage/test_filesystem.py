"""Erasing files below a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages

from moderation.storage import Result, adapter_for
from moderation.storage.base import IDENTITY_FILE, WAS_MISSING, Adapter, FileToErase
from moderation.storage.filesystem import FileSystemAdapter
from tests.storage.conftest import erased, ignore_versions


@pytest.fixture
def adapter(fresh_storage: Path) -> Adapter:
    """Return the adapter of the default storage, a folder with one other file."""
    storages["default"].save("posts/good.png", ContentFile(b"good"))
    return adapter_for("default")


def files(root: Path) -> list[str]:
    """Return all files below the folder."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_a_file_is_erased_and_its_absence_verified(adapter: Adapter, fresh_storage: Path) -> None:
    name = storages["default"].save("posts/a.png", ContentFile(b"x"))
    outcome = erased(adapter, name)[name]
    assert (outcome.result, outcome.detail, outcome.verified) == (Result.ERASED, "", True)
    assert files(fresh_storage) == ["posts/good.png"]


def test_a_missing_file_counts_as_erased_with_a_detail(adapter: Adapter) -> None:
    outcome = erased(adapter, "posts/none.png")["posts/none.png"]
    assert (outcome.result, outcome.detail, outcome.verified) == (Result.ERASED, WAS_MISSING, True)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "a/..",
        "../x",
        "/etc/passwd",
        "posts/../../x",
        "a\0b",
        "posts/\0",
        IDENTITY_FILE,
        f"inner//{IDENTITY_FILE}",
    ],
)
def test_a_name_that_cannot_be_erased_fails(
    adapter: Adapter, fresh_storage: Path, name: str
) -> None:
    with pytest.raises(ValueError, match=r"."):
        adapter.key(name)
    assert erased(adapter, name)[name].result is Result.FAILED
    assert files(fresh_storage) == ["posts/good.png"]


def test_a_folder_is_not_erased_even_if_it_is_empty(adapter: Adapter, fresh_storage: Path) -> None:
    (fresh_storage / "empty").mkdir()
    outcomes = erased(adapter, "empty", "posts")
    assert {(o.result, o.code) for o in outcomes.values()} == {(Result.FAILED, "IsADirectoryError")}
    assert (fresh_storage / "empty").is_dir()


def test_name_too_long_for_the_disk_fails(adapter: Adapter) -> None:
    name = "x" * 300
    outcome = erased(adapter, name)[name]
    assert (outcome.result, outcome.code) == (Result.FAILED, "OSError")
    assert "too long" in outcome.message


def test_an_error_of_the_disk_fails_one_file_and_the_others_are_erased(
    adapter: Adapter, fresh_storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is raised here, because root, who runs the tests in CI, may erase any file."""
    remove = FileSystemStorage.delete

    def refuse(self: Any, name: str) -> None:
        if name == "posts/good.png":
            raise PermissionError(13, "Permission denied", name)
        remove(self, name)

    monkeypatch.setattr(FileSystemStorage, "delete", refuse)
    storages["default"].save("posts/a.png", ContentFile(b"x"))
    outcomes = erased(adapter, "posts/good.png", "posts/a.png")
    assert outcomes["posts/a.png"].result is Result.ERASED
    assert outcomes["posts/good.png"].code == "PermissionError"
    assert "Permission denied" in outcomes["posts/good.png"].message
    assert files(fresh_storage) == ["posts/good.png"]


def test_a_file_that_still_exists_afterwards_is_not_erased(
    adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FileSystemStorage, "delete", lambda _self, _name: None)
    outcome = erased(adapter, "posts/good.png")["posts/good.png"]
    assert (outcome.result, outcome.code, outcome.verified) == (Result.FAILED, "StillThere", False)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("posts/a.png", "posts/a.png"),
        ("posts/a.png/", "posts/a.png"),
        ("posts/./a", "posts/a"),
        ("posts/a\n", "posts/a\n"),
        ("posts//./a.png", "posts/a.png"),
        ("posts/x/../a.png", "posts/a.png"),
        ("posts/.a/..b", "posts/.a/..b"),
        ("a b/é.png", "a b/é.png"),
    ],
)
def test_key_is_the_normalised_name(adapter: Adapter, name: str, key: str) -> None:
    assert adapter.key(name) == key


def test_absolute_name_below_the_folder_has_the_same_key(
    adapter: Adapter, fresh_storage: Path
) -> None:
    assert adapter.key(f"{fresh_storage}/posts/a.png") == "posts/a.png"


def test_location_is_the_folder(adapter: Adapter, fresh_storage: Path) -> None:
    assert adapter.location() == str(fresh_storage)


class Sharded(FileSystemStorage):
    """A storage that lays files where their names do not say."""

    def path(self, name: str) -> str:
        return super().path(f"shard/{name}")


def test_a_storage_with_paths_of_its_own_is_called_for_each(tmp_path: Path) -> None:
    storage = Sharded(tmp_path)
    adapter = FileSystemAdapter(storage)
    storage.save("a.png", ContentFile(b"x"))
    assert adapter.key("a.png") == adapter.key("./a.png") == "shard/a.png"
    assert [
        outcome.result for outcome in adapter.erase([FileToErase("a.png")], ignore_versions)
    ] == [Result.ERASED]
    assert not storage.exists("a.png")
