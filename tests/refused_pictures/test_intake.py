"""A refused picture does not come back: not by an upload, an import or a fixture."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError
from django.test import Client
from PIL import Image

from moderation.lifecycle.refused_pictures import refuse
from moderation.models import RefusedPicture
from moderation.picture_groups.refused import find_refused
from posts.admin.inlines import check_uploads
from posts.images.intake import InvalidImage, accept_image, validate_image
from posts.management.commands import import_posts
from posts.models import Post, PostImage
from tests.images.alike import STRUCTURELESS, advertisement, again
from tests.images.case import saved
from tests.posts import conftest, test_import_posts
from tests.posts.drawn import a_picture, a_post, animation, drawing
from tests.posts.small_site import offer, restore, small_site
from tests.posts.test_import_posts import GOOD, run, titled, written
from tests.posts.test_post_admin import errors, form, page_of

images, folder = test_import_posts.images, conftest.folder

NOT_ALLOWED = "This picture is not allowed here."
FOLDER = os.environ.get("REVIEW_FOLDER")  # real posts, with their pictures in images/

Change = Callable[[Image.Image], Image.Image]


def refuse_picture(content: bytes) -> RefusedPicture:
    """Refuse a picture as it would be stored."""
    found = validate_image(ContentFile(content))
    actor, _ = User.objects.get_or_create(username="mod")
    refuse({found.sha256: found.perceptual_hash}, actor=actor, note="secret", last_day=None)
    return RefusedPicture.objects.get(sha256=found.sha256)


def is_accepted(content: bytes) -> bool:
    """Return whether a picture is accepted; if not, check that the error says only that."""
    with suppress(InvalidImage):
        accept_image(ContentFile(content))
        return True
    with pytest.raises(InvalidImage, match=NOT_ALLOWED):
        accept_image(ContentFile(content))
    return False


def copies() -> Iterator[Any]:
    """Yield the ways in which spammers change a refused picture."""
    for quality in (40, 60, 80, 95):
        yield pytest.param(lambda image, q=quality: again(image, quality=q), id=f"JPEG {quality}")
    for factor in (0.5, 2):
        yield pytest.param(lambda image, f=factor: resized(image, f), id=f"times {factor}")


COPIES = list(copies())


def resized(image: Image.Image, factor: float) -> Image.Image:
    return image.resize((int(image.width * factor), int(image.height * factor)))


@pytest.mark.django_db
@pytest.mark.parametrize("change", COPIES)
def test_a_refused_advertisement_is_refused_as_a_copy_too(change: Change) -> None:
    for number in range(6):
        original = advertisement(number)
        refuse_picture(saved(original, "PNG"))
        assert not is_accepted(saved(original, "PNG"))
        assert not is_accepted(saved(change(original), "PNG"))


@pytest.mark.django_db
def test_other_pictures_are_accepted() -> None:
    for number in range(20):
        refuse_picture(saved(advertisement(number), "PNG"))
    assert all(is_accepted(saved(advertisement(n), "PNG")) for n in range(100, 130))


@pytest.mark.django_db
@pytest.mark.skipif(not FOLDER, reason="REVIEW_FOLDER does not name a folder of real posts")
def test_no_real_photograph_is_refused_when_all_real_advertisements_are() -> None:
    pictures = Path(FOLDER or "") / "images"
    advertisements = sorted(pictures.glob("ad??.jpg"))
    photographs = sorted(pictures.glob("photo-*"))
    assert (len(advertisements), len(photographs)) == (60, 64)
    for each in advertisements:
        refuse_picture(each.read_bytes())
    refused = [each.name for each in photographs if not is_accepted(each.read_bytes())]
    assert refused == []
    for change in COPIES:
        for each in advertisements[::6]:
            copy = change.values[0](Image.open(each).convert("RGB"))
            assert not is_accepted(saved(copy, "PNG")), (change.id, each.name)


@pytest.mark.django_db
def test_pictures_without_structure_and_animations_are_refused_as_the_same_file_only() -> None:
    for draw in STRUCTURELESS.values():
        refuse_picture(saved(draw(0), "PNG"))
        assert not is_accepted(saved(draw(0), "PNG"))
        assert is_accepted(saved(draw(1), "PNG"))
    moving = animation("GIF")
    refuse_picture(moving)
    assert not is_accepted(moving)
    assert is_accepted(animation("GIF", frames=5))


@pytest.mark.django_db
def test_validating_a_picture_accepts_a_refused_one() -> None:
    content = saved(advertisement(1), "PNG")
    refuse_picture(content)
    assert validate_image(ContentFile(content)).sha256 == RefusedPicture.objects.get().sha256


@pytest.mark.django_db(transaction=True)
def test_an_upload_says_only_that_the_picture_is_not_allowed(admin_client: Client) -> None:
    content = saved(advertisement(1), "PNG")
    picture, post = refuse_picture(content), a_post()
    uploads = [SimpleUploadedFile("mine.png", content), SimpleUploadedFile("b.png", drawing())]
    response = admin_client.post(page_of(post), form(post, *uploads))
    assert errors(response) == [NOT_ALLOWED]
    assert "secret" not in response.text
    assert not PostImage.objects.exists()
    picture.refresh_from_db()
    assert picture.matches_total == 1
    assert picture.last_matched_at is not None


@pytest.mark.django_db(transaction=True)
def test_a_match_is_counted_although_the_form_is_rolled_back(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = saved(advertisement(1), "PNG")
    picture, post = refuse_picture(content), a_post()

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("posts.admin.post.PostAdmin.get_object", fail)
    with pytest.raises(RuntimeError):
        admin_client.post(page_of(post), form(post, SimpleUploadedFile("mine.png", content)))
    picture.refresh_from_db()
    assert picture.matches_total == 1


@pytest.mark.django_db(transaction=True)
def test_an_upload_that_is_refused_after_it_was_checked_is_not_stored(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, post = saved(advertisement(1), "PNG"), a_post()

    def check_and_refuse(files: Any) -> None:
        check_uploads(files)
        refuse_picture(content)

    monkeypatch.setattr("posts.admin.post.check_uploads", check_and_refuse)
    response = admin_client.post(page_of(post), form(post, SimpleUploadedFile("a.png", content)))
    assert errors(response) == [NOT_ALLOWED]
    assert not PostImage.objects.exists()
    assert RefusedPicture.objects.get().matches_total == 1


@pytest.mark.django_db
def test_refusing_leaves_existing_posts_alone(admin_client: Client) -> None:
    content = saved(advertisement(1), "PNG")
    post = a_post()
    a_picture(post, content)
    refuse_picture(content)
    assert admin_client.get(page_of(post)).status_code == 200
    assert admin_client.post(page_of(post), form(post)).status_code == 302
    assert post.post_images.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_import_names_line_and_file_of_a_refused_picture(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = refuse_picture((images / "red.png").read_bytes())
    (images / "good.png").write_bytes(saved(advertisement(1), "PNG"))
    path = written(tmp_path, GOOD, titled("Another", images=["good.png"]))
    for options in ({}, {"dry_run": True}):
        with pytest.raises(CommandError, match="1 bad line: nothing was imported"):
            run(path, images, **options)
        assert f"line 1: 'red.png': {NOT_ALLOWED}" in capsys.readouterr().err
    picture.refresh_from_db()
    assert picture.matches_total == 1  # a dry run writes nothing
    run(path, images, skip_bad=True)
    assert f"line 1: 'red.png': {NOT_ALLOWED}" in capsys.readouterr().err
    assert [post.title for post in Post.objects.all()] == ["Another"]
    picture.refresh_from_db()
    assert picture.matches_total == 2


@pytest.mark.django_db(transaction=True)
def test_an_import_looks_up_only_the_pictures_of_new_posts(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(written(tmp_path, GOOD), images)
    picture = refuse_picture((images / "red.png").read_bytes())
    (images / "good.png").write_bytes(saved(advertisement(1), "PNG"))
    run(written(tmp_path, GOOD, titled("Another", images=["good.png"])), images)
    assert Post.objects.count() == 2
    picture.refresh_from_db()
    assert picture.matches_total == 0
    for options in ({}, {"dry_run": True}, {"skip_bad": True}):  # the second one would be added
        with suppress(CommandError):
            run(written(tmp_path, GOOD, GOOD), images, **options)
        assert capsys.readouterr().err == f"line 2: 'red.png': {NOT_ALLOWED}\n"
    assert Post.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_picture_that_is_refused_while_an_import_runs_is_not_stored(
    tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused after the whole file has been checked."""
    checked = import_posts.Command._check

    def check_and_refuse(command: import_posts.Command) -> None:
        checked(command)
        refuse_picture((images / "red.png").read_bytes())

    monkeypatch.setattr(import_posts.Command, "_check", check_and_refuse)
    with pytest.raises(CommandError, match=f"{NOT_ALLOWED} Something changed after the check."):
        run(written(tmp_path, GOOD), images)
    assert not Post.objects.exists()
    assert RefusedPicture.objects.get().matches_total == 1


@pytest.mark.django_db
def test_a_fixture_with_a_refused_picture_is_not_restored(folder: Path) -> None:
    refuse_picture((folder / "pictures" / "one.png").read_bytes())
    offer(folder, small_site())
    with pytest.raises(CommandError, match=rf"row 2.*'one\.png': {NOT_ALLOWED}"):
        restore()
    assert not Post.objects.exists()


@pytest.mark.django_db
def test_a_fixture_restores_the_lost_file_of_a_refused_picture_whose_row_exists(
    folder: Path, fresh_storage: Path
) -> None:
    offer(folder, small_site())
    restore()
    picture = refuse_picture((folder / "pictures" / "one.png").read_bytes())
    lost = fresh_storage / str(PostImage.objects.get(pk=41).image)
    lost.unlink()
    assert "1 missing file restored" in restore()
    assert lost.exists()
    picture.refresh_from_db()
    assert picture.matches_total == 0


@pytest.mark.django_db
def test_find_refused_serves_any_site() -> None:
    """It is called as the docstring of its module shows."""
    content = saved(advertisement(1), "PNG")
    refused = refuse_picture(content)
    copy = validate_image(ContentFile(saved(again(advertisement(1), quality=40), "PNG")))
    assert copy.sha256 != refused.sha256
    assert find_refused(copy.sha256, copy.perceptual_hash) == refused
