"""Three hundred pictures are uploaded, imported and shown on the picture page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test import Client
from PIL import Image

from moderation.images import inspect
from posts.images import intake
from posts.imports import images
from posts.management.commands import import_posts
from posts.models import Post, PostImage
from tests.images.case import Case
from tests.images.catalogue import BY_NAME, CASES
from tests.posts.drawn import a_picture, a_post, drawing
from tests.posts.test_post_admin import errors, form, page_of

pytestmark = pytest.mark.django_db

ACCEPTED = {case.name for case in CASES if not case.refused_as}


def test_the_form_takes_the_sound_pictures_and_names_the_others(admin_client: Client) -> None:
    for cases in _tens(CASES):
        post = a_post()
        uploads = [SimpleUploadedFile(case.name, case.content()) for case in cases]
        response = admin_client.post(page_of(post), form(post, *uploads))
        refused = [case.name for case in cases if case.refused_as]
        assert response.status_code == (200 if refused else 302)
        if refused:
            assert [error.split(": ")[0] for error in errors(response)] == refused
        assert post.post_images.count() == (0 if refused else len(cases))


def _tens(cases: Sequence[Case]) -> Iterator[Sequence[Case]]:
    """Group intact pictures with intact ones and bad ones with bad ones, without empty files."""
    for is_sound in (True, False):
        some = [c for c in cases if (c.name in ACCEPTED) == is_sound and c.name != "other-empty"]
        yield from (some[start : start + 10] for start in range(0, len(some), 10))


def test_the_import_takes_the_sound_pictures_and_names_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_posts, "MAX_LISTED_BAD_LINES", len(CASES))
    folder, lines = tmp_path / "images", []
    folder.mkdir()
    for case in CASES:
        (folder / case.name).write_bytes(case.content())
        lines.append({"author": "ada", "title": case.name, "body": "", "images": [case.name]})
    file = tmp_path / "posts.jsonl"
    common = {"created_at": "2026-11-04T14:50:27Z", "reports": 0}
    file.write_text("\n".join(json.dumps(line | common) for line in lines))
    said = StringIO()
    call_command("import_posts", file, images=folder, skip_bad=True, stderr=said)
    assert set(Post.objects.values_list("title", flat=True)) == ACCEPTED
    assert set(re.findall(r"'([\w.-]+)':", said.getvalue())) == set(BY_NAME) - ACCEPTED


def test_the_picture_page_shows_the_sound_pictures_and_a_placeholder_for_the_others(
    admin_client: Client,
) -> None:
    row = a_picture(a_post())
    address = f"/admin/moderation/removal/picture/posts.postimage/{row.pk}/image/"
    for case in CASES:
        default_storage.delete(row.image.name or "")
        default_storage.save(row.image.name or "", ContentFile(case.content()))
        response = admin_client.get(address)
        assert response.status_code == (200 if case.name in ACCEPTED else 415), case.name
        if response.status_code == 200:
            with Image.open(BytesIO(response.content), formats=["WEBP"]) as shown:
                assert max(shown.size) <= 640


@pytest.mark.parametrize("name", ["gif-flash", "apng-flash", "webp-animated-flash"])
def test_an_animation_is_marked_and_shown_with_its_longest_and_its_last_frame(
    admin_client: Client, name: str
) -> None:
    row = a_picture(a_post(), BY_NAME[name].content())
    assert (row.frames, row.is_animated) == (3, True)
    for field in ("image", "thumbnail"):  # cards show the thumbnail
        address = f"/admin/moderation/removal/picture/posts.postimage/{row.pk}/{field}/"
        with Image.open(BytesIO(admin_client.get(address).content)) as sheet:
            height = (sheet.height + 4) // 3
            seen = [_name(sheet, (5, 5 + height * number)) for number in range(3)]
            mark: Any = sheet.convert("RGB").getpixel((sheet.width - 2, sheet.height - 2))
        assert seen == ["red", "blue", "green"]
        assert sum(mark) < 60


def _name(image: Image.Image, position: tuple[int, int]) -> str:
    pixel: Any = image.convert("RGB").getpixel(position)
    return ("red", "green", "blue")[pixel.index(max(pixel))]


def test_pictures_are_validated_before_the_transaction_begins(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer = len(connection.savepoint_ids)
    seen = []

    def validate(file: Any) -> intake.ValidatedImage:
        seen.append(len(connection.savepoint_ids))
        return look(file)

    look = intake.validate_image
    monkeypatch.setattr(intake, "validate_image", validate)
    post = a_post()
    upload = SimpleUploadedFile("a.png", drawing())
    assert admin_client.post(page_of(post), form(post, upload)).status_code == 302
    assert seen == [outer]
    assert post.post_images.count() == 1


def test_more_than_ten_pictures_are_refused_without_reading_them(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def validate(file: Any) -> intake.ValidatedImage:
        seen.append(file)
        return look(file)

    look = intake.validate_image
    monkeypatch.setattr(intake, "validate_image", validate)
    post = a_post()
    uploads = [SimpleUploadedFile(f"{n}.png", drawing()) for n in range(12)]
    response = admin_client.post(page_of(post), form(post, *uploads))
    assert response.status_code == 200
    assert "at most 10 forms" in response.content.decode()
    assert len(seen) <= 10
    assert not PostImage.objects.exists()


def test_the_import_decodes_nothing_inside_a_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """600 different pictures do not fit into the cache."""
    folder = tmp_path / "images"
    folder.mkdir()
    outer, seen = len(connection.savepoint_ids), set()

    def validate(file: Any) -> intake.ValidatedImage:
        seen.add(len(connection.savepoint_ids))
        return look(file)

    look = intake.validate_image
    monkeypatch.setattr(images, "validate_image", validate)
    lines = []
    for post in range(20):
        names = [f"{post}-{number}.png" for number in range(30)]
        for number, name in enumerate(names):
            (folder / name).write_bytes(drawing(size=(post + 1, number + 1)))
        line = {"author": "ada", "title": str(post), "body": "", "reports": 0, "images": names}
        lines.append(json.dumps(line | {"created_at": "2026-11-04T14:50:27Z"}))
    (tmp_path / "posts.jsonl").write_text("\n".join(lines))
    call_command("import_posts", tmp_path / "posts.jsonl", images=folder)
    assert PostImage.objects.count() == 600
    assert seen == {outer}


def test_metadata_is_kept_if_the_site_is_set_so(settings: Any) -> None:
    content = BY_NAME["jpeg-telephone"].content()
    assert b"GPS-PLACE" in content
    bare = a_picture(a_post(), content)
    settings.PICTURES_KEEP_METADATA = True
    whole = a_picture(a_post(), content)
    for row, kept in ((bare, False), (whole, True)):
        with row.image.open() as file:
            stored = file.read()
        assert (b"GPS-PLACE" in stored) is kept
        assert row.size == len(stored)
    assert whole.size == len(content)


def test_profile_and_orientation_survive_without_encoding_anything_again() -> None:
    content = BY_NAME["jpeg-profile-and-gps"].content()
    row = a_picture(a_post(), content)
    with row.image.open() as file:
        stored = file.read()
    with Image.open(BytesIO(stored)) as kept, Image.open(BytesIO(content)) as sent:
        assert kept.info["icc_profile"] == sent.info["icc_profile"]
        assert dict(kept.getexif()) == {0x0112: 6}
        assert kept.tobytes() == sent.tobytes()
    assert (row.width, row.height) == (64, 96)
    assert inspect(stored).upright_size == (64, 96)
