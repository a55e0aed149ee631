"""The command that imports posts."""

from __future__ import annotations

import gzip
import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command

from moderation.images.perceptual import hash_of_file
from posts.imports.parse import MAX_LINE_BYTES, parse
from posts.imports.write import write
from posts.management.commands import import_posts
from posts.models import Post, PostImage, Report
from tests.images.alike import advertisement
from tests.images.case import saved
from tests.posts.drawn import drawing, files_in

pytestmark = pytest.mark.django_db

GOOD = {
    "author": "user_1",
    "title": "A title",
    "body": "A body",
    "created_at": "2026-11-04T14:50:27+02:00",
    "images": ["red.png"],
    "reports": 2,
    "label": "ham",
    "campaign": None,
}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "red.png").write_bytes(drawing())
    (folder / "broken.jpg").write_bytes(drawing("JPEG")[:100])
    (tmp_path / "outside.png").write_bytes(drawing())
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    return folder


def written(tmp_path: Path, *lines: Any) -> Path:
    """Write a file of lines: a dict as JSON, a text as it is."""
    path = tmp_path / "posts.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n")
    return path


def titled(title: str, **changes: Any) -> dict[str, Any]:
    return GOOD | {"title": title} | changes


def run(path: Path, images: Path, **options: Any) -> None:
    call_command("import_posts", path, images=images, **options)


def nothing_is_kept(root: Path) -> bool:
    models = (Post, PostImage, Report, get_user_model())
    return not any(model.objects.exists() for model in models) and files_in(root) == []


def test_a_line_becomes_a_post_with_user_pictures_and_reports(
    tmp_path: Path, images: Path, fresh_storage: Path
) -> None:
    run(written(tmp_path, GOOD), images)
    post = Post.objects.get()
    assert (post.title, post.body) == ("A title", "A body")
    assert post.created_at == datetime(2026, 11, 4, 12, 50, 27, tzinfo=UTC)
    assert (post.author.username, post.author.is_staff) == ("user_1", False)
    assert not post.author.has_usable_password()
    assert post.reports.count() == 2
    assert post.post_images.get().size == len(drawing())
    assert len(files_in(fresh_storage)) == 2


def test_pictures_are_hashed(tmp_path: Path, images: Path) -> None:
    content = saved(advertisement(1), "JPEG")
    (images / "advertisement.jpg").write_bytes(content)
    run(written(tmp_path, titled("A", images=["advertisement.jpg", "red.png"])), images)
    hashes = PostImage.objects.order_by("pk").values_list("perceptual_hash", flat=True)
    assert list(hashes) == [hash_of_file(content), ""]


def test_gzip_is_read_as_well(tmp_path: Path, images: Path) -> None:
    path = tmp_path / "posts.of-any-name"
    path.write_bytes(gzip.compress(written(tmp_path, GOOD).read_bytes()))
    run(path, images)
    assert Post.objects.count() == 1


def test_a_second_run_adds_nothing(
    tmp_path: Path, images: Path, fresh_storage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, GOOD, titled("Another"))
    run(path, images)
    stored = files_in(fresh_storage)
    capsys.readouterr()
    run(path, images)
    assert (Post.objects.count(), Report.objects.count()) == (2, 4)
    assert files_in(fresh_storage) == stored
    assert "0 posts added" in capsys.readouterr().out


def test_equal_lines_are_as_many_posts_however_often_and_in_what_batches_they_come(
    tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_posts, "BATCH", 2)
    path = written(tmp_path, GOOD, GOOD, GOOD)
    run(path, images)
    assert Post.objects.count() == 3
    run(path, images)
    assert Post.objects.count() == 3


def test_every_picture_is_a_file_of_its_own(
    tmp_path: Path, images: Path, fresh_storage: Path
) -> None:
    twice = titled("Twice", images=["red.png", "red.png"])
    run(written(tmp_path, GOOD, twice), images)
    names = set(PostImage.objects.values_list("image", flat=True))
    assert len(names) == 3
    assert len(files_in(fresh_storage)) == 6


def test_an_account_that_exists_is_used_and_not_changed(tmp_path: Path, images: Path) -> None:
    account = get_user_model().objects.create_superuser("user_1", password="secret")
    run(written(tmp_path, GOOD), images)
    assert Post.objects.get().author == account
    account.refresh_from_db()
    assert account.is_superuser
    assert account.has_usable_password()


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


BAD = [
    ("{", "it is not JSON"),
    ("[" * 100_000, "it is not JSON"),
    ("[1]", "it is not a JSON object"),
    ('{"title": "one", "title": "another"}', "'title' occurs more than once"),
    *[(without(name), f"{name} is missing") for name in list(GOOD)[:6]],
    (titled("x", author=7), "author: it is not a string: 7"),
    (titled("x", author=""), "author: This field cannot be blank."),
    (titled("x", author="a b"), "author: Enter a valid username"),
    (titled("x" * 301), "title: Ensure this value has at most 300 characters"),
    (titled("a\0b"), "title: it contains NUL or surrogate characters"),
    (titled("x", body="\ud800"), "body: it contains NUL or surrogate characters"),
    (titled("x", created_at="soon"), "created_at: it is not a date and time: 'soon'"),
    (titled("x", created_at="2026-11-04T14:50:27"), "created_at: it has no time zone"),
    (titled("x", created_at="9999-12-31T23:00:00-14:00"), "created_at: it is not a date and time"),
    (titled("x", created_at="9999-01-01T00:00:00Z"), "created_at: The date must be between 1970"),
    (titled("x", created_at="0001-01-01T00:00:00Z"), "created_at: The date must be between 1970"),
    (titled("x", created_at="1969-12-31T23:59:59Z"), "created_at: The date must be between 1970"),
    (titled("x", created_at="2200-01-01T00:00:00Z"), "created_at: The date must be between 1970"),
    (titled("x", reports=True), "reports: it is not an integer: True"),
    (titled("x", reports=-1), "reports: it is not between 0 and 1000"),
    (titled("x", images="red.png"), "images: it is not a list: 'red.png'"),
    (titled("x", images=[1]), "images: it is not a list of file names"),
    (titled("x", images=["none.png"]), "'none.png': there is no such picture"),
    (titled("x", images=["broken.jpg"]), "'broken.jpg': The picture is broken or incomplete."),
    (titled("x", images=["../outside.png"]), "it is outside the folder of pictures"),
    (titled("x", images=["link.png"]), "it is outside the folder of pictures"),
    (titled("x", images=["/etc/passwd"]), "it is outside the folder of pictures"),
    (titled("x", images=["a" * 5000]), "File name too long"),
]


@pytest.mark.parametrize(("line", "reason"), BAD)
def test_a_bad_line_is_named_and_nothing_is_kept(
    *,
    line: Any,
    reason: str,
    tmp_path: Path,
    images: Path,
    fresh_storage: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(CommandError, match="1 bad line: nothing was imported"):
        run(written(tmp_path, GOOD, "", line, titled("After")), images)
    complaint = capsys.readouterr().err
    assert complaint.startswith("line 3: ")
    assert reason in complaint
    assert nothing_is_kept(fresh_storage)


def test_good_lines_are_kept_when_bad_ones_are_skipped(
    tmp_path: Path, images: Path, fresh_storage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad_last_picture = titled("Bad", images=["red.png", "broken.jpg"])
    path = written(tmp_path, GOOD, bad_last_picture, "{", titled("After"))
    run(path, images, skip_bad=True)
    assert set(Post.objects.values_list("title", flat=True)) == {"A title", "After"}
    assert len(files_in(fresh_storage)) == 4
    output = capsys.readouterr()
    assert "2 bad lines skipped" in output.out
    assert output.err.splitlines()[1] == "line 3: it is not JSON"


def test_dry_run_counts_and_writes_nothing(
    tmp_path: Path, images: Path, fresh_storage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(written(tmp_path, GOOD, titled("Two")), images, dry_run=True)
    assert "2 posts would be added, with 2 pictures and 4 reports" in capsys.readouterr().out
    assert nothing_is_kept(fresh_storage)


def test_dry_run_of_a_broken_file_does_not_claim_that_posts_were_kept(
    tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_posts, "BATCH", 1)
    path = written(tmp_path, GOOD, "x" * (MAX_LINE_BYTES + 1))
    with pytest.raises(CommandError, match=r"line 2 is longer than 1 MB\. Nothing was imported\."):
        run(path, images, dry_run=True)


def test_a_batch_that_cannot_be_stored_leaves_no_file(
    tmp_path: Path, images: Path, fresh_storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_on_the_third(storage: FileSystemStorage, name: str, content: Any) -> Any:
        if next(saved) >= 2:
            raise OSError("no space left")
        return save(storage, name, content)

    saved = itertools.count()
    save = FileSystemStorage._save  # type: ignore[attr-defined]
    monkeypatch.setattr(FileSystemStorage, "_save", fail_on_the_third)
    with pytest.raises(OSError, match="no space left"):
        run(written(tmp_path, GOOD, titled("Two")), images)
    assert nothing_is_kept(fresh_storage)


def test_a_picture_that_vanishes_during_the_import_stops_it_and_names_the_line(
    tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_then_lose_the_picture(*args: Any) -> None:
        write(*args)
        (images / "red.png").unlink(missing_ok=True)

    monkeypatch.setattr(import_posts, "BATCH", 1)
    monkeypatch.setattr(import_posts, "write", write_then_lose_the_picture)
    with pytest.raises(
        CommandError,
        match=r"line 2: .*no such picture\. Something changed.*1 post had already been added",
    ):
        run(written(tmp_path, GOOD, titled("Two")), images)
    assert Post.objects.get().title == "A title"


def test_unreadable_files_and_folders_are_named(tmp_path: Path, images: Path) -> None:
    packed = gzip.compress(json.dumps(GOOD).encode())
    broken = {
        "cut.gz": packed[:-12],
        "wrong.gz": packed[:2] + b"?" * 40,
        "empty": b"",
        "blank": b"\n\n",
        "long": b" " * (MAX_LINE_BYTES + 1),
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CommandError, match=name):
            run(tmp_path / name, images)
    with pytest.raises(CommandError, match="no such file"):
        run(tmp_path / "none", images)
    with pytest.raises(CommandError, match="no such folder"):
        run(written(tmp_path, GOOD), tmp_path / "none")


def test_the_truth_about_spam_is_not_read() -> None:
    spam = json.dumps(GOOD | {"label": "spam", "campaign": "ad01"}).encode()
    assert parse(1, spam) == parse(1, json.dumps(GOOD).encode())
