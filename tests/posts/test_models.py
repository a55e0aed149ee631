"""The models of the content."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection

from posts.models import PictureReplacedError, PostImage, Report
from tests.posts.drawn import a_picture, a_post, drawing, files_in

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("field", ["image", "thumbnail"])
def test_a_stored_picture_is_not_given_another_file(field: str) -> None:
    picture = a_picture(a_post())
    setattr(picture, field, "posts/2026/01/other.png")
    with pytest.raises(PictureReplacedError, match="Remove it"):
        picture.save()


def test_a_row_built_by_hand_replaces_no_picture_either() -> None:
    stored = a_picture(a_post())
    forged = PostImage(pk=stored.pk, post=stored.post, image="a.png", thumbnail="b.webp", size=1)
    with pytest.raises(PictureReplacedError):
        forged.save()


def test_an_unchecked_file_is_refused_and_not_stored(fresh_storage: Path) -> None:
    row = PostImage(post=a_post(), image=ContentFile(drawing(), "a.png"), size=1)
    with pytest.raises(PictureReplacedError, match="store_image"):
        row.save()
    assert files_in(fresh_storage) == []


def test_a_stored_picture_can_be_saved_without_a_change() -> None:
    picture = a_picture(a_post())
    picture.width = 7
    picture.save()
    picture.refresh_from_db()
    assert picture.width == 7


def test_loading_a_picture_opens_no_file() -> None:
    picture = a_picture(a_post())
    default_storage.delete(str(picture.image))
    assert PostImage.objects.get().width == 40


def test_a_user_reports_a_post_once() -> None:
    post = a_post()
    Report.objects.create(post=post, reporter=post.author)
    with pytest.raises(IntegrityError):
        Report.objects.create(post=post, reporter=post.author)


def test_a_post_takes_its_pictures_and_reports_with_it() -> None:
    post = a_post()
    a_picture(post)
    Report.objects.create(post=post, reporter=post.author)
    post.delete()
    assert not PostImage.objects.exists()
    assert not Report.objects.exists()


def test_the_reference_check_finds_an_index_on_both_file_fields() -> None:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "posts_postimage").values()
    indexed = {
        columns["columns"][0] for columns in found if columns["index"] and columns["columns"]
    }
    assert {"image", "thumbnail"} <= indexed
