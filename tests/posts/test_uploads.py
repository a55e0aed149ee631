"""The transaction around uploads."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from django.core.files.storage.filesystem import FileSystemStorage
from django.db import transaction

from posts.images.intake import store_image, uploads
from posts.images.uploads import UploadsMissingError, in_parallel, put
from posts.models import PostImage
from tests.posts.drawn import a_picture, a_post, drawing, files_in
from tests.testapp.models import Volume


class Interruption(Exception):
    """What goes wrong in these tests."""


def add_picture() -> PostImage:
    row = store_image(ContentFile(drawing()), post=a_post())
    row.save()
    return row


def add_picture_and_fail() -> None:
    add_picture()
    raise Interruption


@pytest.mark.django_db
def test_files_stay_when_the_transaction_commits(fresh_storage: Path) -> None:
    with uploads():
        add_picture()
    assert len(files_in(fresh_storage)) == 2


@pytest.mark.django_db
def test_files_of_every_model_of_the_content_stay_when_the_transaction_commits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(apps.get_app_config("posts").models, "volume", Volume)
    storage = storages["attachments"]
    with uploads():
        names = [put(storage, f"{n}.txt", ContentFile(b"x")) for n in range(3)]
        Volume.objects.create(text=names[0], index=names[1])
    assert [storage.exists(name) for name in names] == [True, True, False]


@pytest.mark.django_db
def test_files_go_when_the_block_raises(fresh_storage: Path) -> None:
    with pytest.raises(Interruption), uploads():
        add_picture_and_fail()
    assert files_in(fresh_storage) == []


@pytest.mark.django_db(transaction=True)
def test_files_go_when_the_transaction_is_set_to_roll_back(fresh_storage: Path) -> None:
    with uploads():
        add_picture()
        transaction.set_rollback(True)
    assert files_in(fresh_storage) == []


@pytest.mark.django_db
def test_only_the_files_of_a_savepoint_that_rolled_back_go(fresh_storage: Path) -> None:
    with uploads():
        kept = add_picture()
        with pytest.raises(Interruption), transaction.atomic():
            add_picture_and_fail()
    stored = {str(path.relative_to(fresh_storage)) for path in files_in(fresh_storage)}
    assert stored == {kept.image.name, kept.thumbnail.name}


@pytest.mark.django_db
def test_nested_uploads_leave_the_cleaning_to_the_outermost(fresh_storage: Path) -> None:
    def add_twice() -> None:
        with uploads():
            add_picture()
        assert len(files_in(fresh_storage)) == 2
        add_picture_and_fail()

    with pytest.raises(Interruption), uploads():
        add_twice()
    assert files_in(fresh_storage) == []


@pytest.mark.django_db
def test_files_of_a_row_that_was_never_saved_go(fresh_storage: Path) -> None:
    with uploads():
        store_image(ContentFile(drawing()), post=a_post())
    assert files_in(fresh_storage) == []


@pytest.mark.django_db
def test_files_that_were_there_before_stay_when_the_block_raises(fresh_storage: Path) -> None:
    a_picture(a_post())
    with pytest.raises(Interruption), uploads():
        add_picture_and_fail()
    assert len(files_in(fresh_storage)) == 2


class FailsOnThumbnails(FileSystemStorage):
    """A storage that gives up in the middle of a thumbnail."""

    def _save(self, name: str, content: ContentFile[bytes]) -> str:
        name = super()._save(name, content)  # type: ignore[misc]
        if name.endswith("-thumb.webp"):
            raise OSError("no space left")
        return name


@pytest.mark.django_db
def test_a_thumbnail_that_fails_takes_the_picture_and_its_own_half_with_it(
    fresh_storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(default_storage, "_wrapped", FailsOnThumbnails(location=str(fresh_storage)))
    with pytest.raises(OSError, match="no space"), uploads():
        add_picture()
    assert files_in(fresh_storage) == []


class CannotDelete(FileSystemStorage):
    """A storage that fails to delete the first file that it is asked to delete."""

    refused = False

    def delete(self, name: str) -> None:
        if not self.refused:
            self.refused = True
            raise OSError("busy")
        super().delete(name)


@pytest.mark.django_db
def test_a_file_that_cannot_be_deleted_does_not_save_the_others(
    fresh_storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(default_storage, "_wrapped", CannotDelete(location=str(fresh_storage)))
    with pytest.raises(OSError, match="busy"), uploads():
        add_picture_and_fail()
    assert len(files_in(fresh_storage)) == 1


@pytest.mark.django_db
def test_an_upload_outside_is_refused(fresh_storage: Path) -> None:
    with pytest.raises(UploadsMissingError), transaction.atomic():
        add_picture()
    assert files_in(fresh_storage) == []


@pytest.mark.django_db(transaction=True)
def test_uploads_inside_another_transaction_are_refused() -> None:
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic(), uploads():
        pass


@pytest.mark.django_db(transaction=True)
def test_uploads_side_by_side_keep_their_order_and_leave_nothing_behind_a_failure(
    fresh_storage: Path,
) -> None:
    def store(number: int) -> str:
        if number == 7:
            raise ValueError("the seventh")
        return put(default_storage, f"{number}.txt", ContentFile(b"x"))

    with uploads():
        assert in_parallel(store, range(5)) == [f"{number}.txt" for number in range(5)]
    with pytest.raises(ValueError, match="the seventh"), uploads():
        in_parallel(store, range(20))
    assert files_in(fresh_storage) == []
