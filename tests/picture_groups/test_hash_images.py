"""`manage.py hash_images` computes the hashes that are missing, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import QuerySet

from moderation.images import perceptual
from moderation.lifecycle.refused_pictures import refuse
from moderation.management.commands import hash_images
from moderation.models import RefusedPicture
from moderation.picture_groups import missing_hashes
from moderation.picture_groups.missing_hashes import hash_pictures, hashed_models
from moderation.picture_groups.refused import find_refused
from posts.images.intake import validate_image
from posts.models import PostImage
from tests.images.alike import advertisement, again
from tests.images.case import saved
from tests.posts.drawn import a_picture, a_post, animation

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("fresh_storage")]


def stored_advertisement(number: int = 1) -> PostImage:
    return a_picture(a_post(), saved(advertisement(number), "JPEG"))


def forget_hashes() -> None:
    PostImage.objects.update(perceptual_hash=None)


def hashes() -> list[str | None]:
    return list(PostImage.objects.order_by("pk").values_list("perceptual_hash", flat=True))


def run(*options: str) -> tuple[str, str]:
    """Run the command; return what it wrote to its output and as errors."""
    out, errors = StringIO(), StringIO()
    call_command("hash_images", *options, stdout=out, stderr=errors)
    return out.getvalue(), errors.getvalue()


def failing_run() -> tuple[str, str]:
    """Run the command; return the final error and what it wrote as errors."""
    errors = StringIO()
    with pytest.raises(CommandError) as failed:
        call_command("hash_images", stdout=StringIO(), stderr=errors)
    assert failed.value.returncode == 1
    return str(failed.value), errors.getvalue()


def test_missing_hashes_become_those_of_the_intake() -> None:
    for number in range(3):
        stored_advertisement(number)
    computed = hashes()
    assert all(computed)
    forget_hashes()
    out, errors = run()
    assert hashes() == computed
    assert "Hashed: 3 pictures." in out
    assert not errors


def test_a_picture_that_was_refused_before_gets_the_hash_too() -> None:
    row, other = stored_advertisement(1), stored_advertisement(2)
    forget_hashes()
    refused: dict[str, str | None] = {row.sha256: None, other.sha256: "f" * 64}
    refuse(refused, actor=User(username="mod"), note="", last_day=None)
    run()
    found = dict(RefusedPicture.objects.values_list("sha256", "perceptual_hash"))
    row.refresh_from_db()
    assert found == {row.sha256: row.perceptual_hash, other.sha256: "f" * 64}
    copy = validate_image(ContentFile(saved(again(advertisement(1), quality=40), "PNG")))
    assert find_refused(copy.sha256, copy.perceptual_hash)


def test_existing_hashes_stay_as_they_are() -> None:
    for _ in range(2):
        stored_advertisement()
    known = ["", "f" * 64]
    for row, value in zip(PostImage.objects.order_by("pk"), known, strict=True):
        PostImage.objects.filter(pk=row.pk).update(perceptual_hash=value)
    assert "Hashed: 0 pictures." in run()[0]
    assert hashes() == known


def test_pictures_that_have_no_hash_are_read_only_once() -> None:
    a_picture(a_post(), animation("GIF"))
    a_picture(a_post())  # two halves
    forget_hashes()
    assert "2 animated or with too little structure" in run()[0]
    assert hashes() == ["", ""]
    assert "0 animated or with too little structure" in run()[0]


def test_a_broken_file_is_named_once_and_gets_no_hash() -> None:
    row = stored_advertisement()
    replace_content(row, b"not a picture")
    forget_hashes()
    out, errors = run()
    assert "1 broken." in out
    assert errors == (
        f"posts.PostImage {row.image.name}: The file is not a JPEG, PNG, GIF or WebP picture.\n"
    )
    assert hashes() == [""]
    assert run()[1] == ""


def replace_content(row: PostImage, content: bytes) -> None:
    default_storage.delete(str(row.image.name))
    assert default_storage.save(str(row.image.name), ContentFile(content)) == row.image.name


def test_a_missing_file_is_named_and_tried_again_by_the_next_run() -> None:
    missing, present = stored_advertisement(1), stored_advertisement(2)
    expected = hashes()
    with missing.image.open() as file:
        content = file.read()
    default_storage.delete(str(missing.image.name))
    forget_hashes()
    message, errors = failing_run()
    assert message.startswith("1 picture could not be read.")
    assert errors.startswith(f"posts.PostImage {missing.image.name}: FileNotFoundError")
    assert hashes() == [None, expected[1]]
    assert default_storage.save(str(missing.image.name), ContentFile(content))
    run()
    assert hashes() == expected
    assert str(present.image.name) not in errors


def test_an_error_of_the_storage_is_named_without_its_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored_advertisement()
    forget_hashes()

    def fail(_storage: Any, _name: str, _mode: str) -> None:
        raise ConnectionError("secret_key=hunter2 was refused")

    monkeypatch.setattr(FileSystemStorage, "_open", fail)
    _message, errors = failing_run()
    assert "ConnectionError: [redacted]" in errors
    assert "hunter2" not in errors
    assert hashes() == [None]


def test_only_the_first_problems_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_images, "MAX_LISTED", 2)
    for _ in range(4):
        default_storage.delete(str(stored_advertisement().image.name))
    forget_hashes()
    message, errors = failing_run()
    assert message.startswith("4 pictures could not be read.")
    assert errors.count("FileNotFoundError") == 2
    assert errors.endswith("Further pictures are counted but not named.\n")


def test_a_dry_run_counts_and_changes_nothing() -> None:
    stored_advertisement()
    stored_advertisement()
    PostImage.objects.filter(pk=PostImage.objects.order_by("pk")[0].pk).update(perceptual_hash=None)
    before = hashes()
    assert run("--dry-run")[0] == "1 picture would be hashed.\n"
    assert hashes() == before


def test_an_interrupted_run_keeps_what_it_has_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing_hashes, "PAGE", 2)
    for number in range(5):
        stored_advertisement(number)
    expected = hashes()
    forget_hashes()
    results = hash_pictures(hashed_models()[0])
    for _ in range(3):
        next(results)
    results.close()  # type: ignore[attr-defined] # a generator
    assert [value is not None for value in hashes()] == [True, True, True, False, False]
    assert "Hashed: 2 pictures." in run()[0]
    assert hashes() == expected


def while_a_file_is_read(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[QuerySet[PostImage]], object]
) -> None:
    """Change the rows of pictures after their file was read and before the hash is stored."""
    computed = perceptual.hash_of_file

    def hash_of_file(content: bytes) -> str:
        try:
            change(PostImage.objects.all())
        finally:
            connection.close()  # that of this thread
        return computed(content)

    monkeypatch.setattr(missing_hashes, "hash_of_file", hash_of_file)


def test_a_row_whose_file_changes_in_the_meantime_gets_no_hash_of_the_old_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored_advertisement()
    forget_hashes()
    while_a_file_is_read(monkeypatch, lambda rows: rows.update(image="posts/another.png"))
    run()
    assert hashes() == [None]


def test_a_hash_that_is_stored_in_the_meantime_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    stored_advertisement()
    forget_hashes()
    while_a_file_is_read(monkeypatch, lambda rows: rows.update(perceptual_hash="a" * 64))
    run()
    assert hashes() == ["a" * 64]


def test_a_row_that_is_deleted_in_the_meantime_does_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored_advertisement()
    forget_hashes()
    while_a_file_is_read(monkeypatch, lambda rows: rows.delete())
    run()
    assert hashes() == []


def test_the_number_of_queries_grows_only_with_the_number_of_hashes(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(missing_hashes, "PAGE", 4)
    for _ in range(8):
        stored_advertisement()
    forget_hashes()
    # Two pages and an empty one. Each hash is stored in its row, and where the file is refused.
    with django_assert_num_queries(3 + 8 + 8):
        assert len(list(hash_pictures(hashed_models()[0]))) == 8


def test_rows_without_a_file_are_left_alone() -> None:
    PostImage.objects.bulk_create([
        PostImage(post=a_post(), image="", thumbnail="", sha256="", size=0, width=0, height=0)
    ])  # fmt: skip
    assert "Hashed: 0 pictures." in run()[0]
    assert hashes() == [None]


def test_only_models_that_name_a_column_of_their_own_are_hashed() -> None:
    assert [registration.model for registration in hashed_models()] == [PostImage]


def test_files_in_s3_are_read(s3_storage: str) -> None:
    assert not isinstance(default_storage, FileSystemStorage)
    for number in range(6):
        stored_advertisement(number)
    expected = hashes()
    forget_hashes()
    run()
    assert hashes() == expected


def test_the_command_names_the_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(CommandError, match=r'install "django-bulk-removal\[groups\]"'):
        run()


def test_nothing_is_written_to_the_storage(fresh_storage: Path) -> None:
    stored_advertisement()
    forget_hashes()
    before = {path: path.stat().st_mtime_ns for path in fresh_storage.rglob("*")}
    run()
    assert {path: path.stat().st_mtime_ns for path in fresh_storage.rglob("*")} == before
