"""The command that restores fixtures."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from admin_interface.models import Theme
from django.contrib.auth.models import User
from django.core.files.storage.filesystem import FileSystemStorage
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from moderation.images.perceptual import hash_of_file
from moderation.models import AuditEntry
from moderation.models.states import EntryState
from posts.fixtures import images, load, parse, plan, schema
from posts.fixtures.demo_accounts import ACCOUNTS
from posts.models import Post, PostImage, Report
from tests.images.alike import advertisement
from tests.images.case import saved
from tests.posts.drawn import drawing, files_in
from tests.posts.small_site import WHEN, a_theme, offer, restore, row, small_site, state

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]


def test_rows_come_with_their_own_keys_and_values(fresh_storage: Path) -> None:
    restore()
    report = Report.objects.get(pk=51)
    assert (report.post_id, report.reporter_id, report.reason) == (31, 22, "spam")
    assert report.created_at.isoformat() == WHEN
    assert (report.post.author.pk, report.post.title) == (21, "Bulbs")


def test_a_report_is_open_unless_the_fixture_says_otherwise(folder: Path) -> None:
    other = row("posts.report", 52, post=31, reporter=23, state="dismissed", created_at=WHEN)
    offer(folder, [*small_site(), other])
    restore()
    states = Report.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["open", "dismissed"]
    Report.objects.update(state="dismissed")  # as moderators do; these are still its reports
    assert "nothing added" in restore()
    Report.objects.update(state="open", reason="still spam", created_at=timezone.now())  # reopened
    assert "nothing added" in restore()
    offer(folder, [*small_site(), {**other, "fields": {**other["fields"], "state": "maybe"}}])
    with pytest.raises(CommandError, match=r"field state: .*not a valid choice"):
        restore()


def test_pictures_go_through_the_intake_under_fresh_keys(fresh_storage: Path) -> None:
    restore()
    picture = PostImage.objects.get(pk=42)
    assert (picture.width, picture.height) == (60, 20)
    assert Path(picture.image.path).read_bytes() == drawing(size=(60, 20))
    assert "two" not in str(picture.image)
    assert len(files_in(fresh_storage)) == 4


def test_pictures_are_hashed(folder: Path) -> None:
    content = saved(advertisement(1), "PNG")
    (folder / "pictures" / "two.png").write_bytes(content)
    restore()
    hashes = PostImage.objects.order_by("pk").values_list("perceptual_hash", flat=True)
    assert list(hashes) == ["", hash_of_file(content)]


def test_twice_is_the_same_as_once(fresh_storage: Path) -> None:
    restore()
    before, files = state(), files_in(fresh_storage)
    assert "nothing added; 7 rows already existed" in restore()
    assert (state(), files_in(fresh_storage)) == (before, files)


def test_removed_rows_come_back_with_fresh_keys() -> None:
    restore()
    old = set(PostImage.objects.values_list("image", flat=True))
    Post.objects.get(pk=31).delete()
    assert "1 post, 2 pictures, 1 report added" in restore()
    assert old.isdisjoint(PostImage.objects.values_list("image", flat=True))


@pytest.mark.parametrize("field", ["image", "thumbnail"])
def test_a_lost_file_comes_back_under_its_own_name(fresh_storage: Path, field: str) -> None:
    restore()
    before, files = state(), files_in(fresh_storage)
    lost = fresh_storage / str(getattr(PostImage.objects.get(pk=41), field))
    content = lost.read_bytes()
    lost.unlink()
    assert "1 missing file restored" in restore()
    assert lost.read_bytes() == content
    assert (state(), files_in(fresh_storage)) == (before, files)


def is_plain(user: User) -> bool:
    privileged = user.is_staff or user.is_superuser or user.groups.exists()
    return not (privileged or user.has_usable_password())


def test_users_come_without_rights_or_password_outside_debug() -> None:
    restore()
    for user in User.objects.all():
        assert is_plain(user)


def test_only_the_demo_accounts_get_role_and_password_under_debug(
    settings: Settings,
) -> None:
    settings.DEBUG = True
    restore()
    passwords = {account.username: account.password for account in ACCOUNTS}
    moderator, superuser = (User.objects.get(username=n) for n in ("moderator", "superuser"))
    assert moderator.check_password(passwords["moderator"])
    assert (moderator.is_staff, moderator.is_superuser) == (True, False)
    assert [group.name for group in moderator.groups.all()] == ["Moderators"]
    assert superuser.is_superuser
    assert is_plain(User.objects.get(username="mossy_gate"))


def test_an_account_that_is_there_keeps_its_rights(settings: Settings) -> None:
    restore()
    settings.DEBUG = True
    restore()
    assert not User.objects.get(username="superuser").is_superuser


class Fails(FileSystemStorage):
    """A storage that takes three files, half of a fourth, and no more."""

    left = 3

    def _save(self, name: str, content: Any) -> str:
        name = super()._save(name, content)  # type: ignore[misc]
        self.left -= 1
        if self.left < 0:
            raise OSError("no space left")
        return name


def keep_files_in(storage: type, settings: Settings, root: Path) -> None:
    backend = f"{storage.__module__}.{storage.__qualname__}"
    default = {"BACKEND": backend, "OPTIONS": {"location": str(root)}}
    settings.STORAGES = settings.STORAGES | {"default": default}


def test_a_failure_leaves_neither_rows_nor_files(fresh_storage: Path, settings: Settings) -> None:
    keep_files_in(Fails, settings, fresh_storage)
    before = state()
    with pytest.raises(OSError, match="no space"):
        restore()
    assert (state(), files_in(fresh_storage)) == (before, [])


def test_a_failure_takes_back_the_files_that_were_put_back(
    fresh_storage: Path, settings: Settings
) -> None:
    restore()
    for path in files_in(fresh_storage):
        path.unlink()
    before = state()
    keep_files_in(Fails, settings, fresh_storage)
    with pytest.raises(OSError, match="no space"):
        restore()
    assert (state(), files_in(fresh_storage)) == (before, [])


def test_a_key_that_a_removal_took_is_not_used_again(fresh_storage: Path) -> None:
    restore()
    picture = PostImage.objects.get(pk=41)
    (fresh_storage / str(picture.image)).unlink()
    file = {"storage": "default", "name": picture.image.name, "key": picture.image.name}
    about = {"object_label": "posts.PostImage", "object_key": "41", "state": EntryState.ERASED}
    AuditEntry.objects.create(**file, **about, due_at=timezone.now(), recorded_at=timezone.now())
    with pytest.raises(CommandError, match=r"was removed from storage .*\n.*delete its post"):
        restore()
    assert not (fresh_storage / str(picture.image)).exists()
    picture.post.delete()
    restore()
    again = PostImage.objects.get(pk=41).image
    assert again.name != picture.image.name
    assert (fresh_storage / str(again)).exists()


def planned(folder: Path) -> plan.Plan:
    found = images.FixtureImages(folder / "pictures")
    return plan.make_plan(
        parse.read_rows([folder / "demo.json"], schema.fixture_models(), found, lambda: None)
    )


def test_a_row_added_in_the_meantime_stays_and_nothing_is_written(
    folder: Path, fresh_storage: Path
) -> None:
    made = planned(folder)
    User.objects.create(pk=23, username="quicker")
    with pytest.raises(parse.FixtureError, match="in the meantime"):
        load.write(made, lambda: None)
    assert [user.username for user in User.objects.all()] == ["quicker"]
    assert files_in(fresh_storage) == []


def test_a_lost_file_whose_row_was_deleted_in_the_meantime_is_not_put_back(
    folder: Path, fresh_storage: Path
) -> None:
    restore()
    for path in files_in(fresh_storage):
        path.unlink()
    made = planned(folder)
    Post.objects.all().delete()
    with pytest.raises(parse.FixtureError, match="in the meantime"):
        load.write(made, lambda: None)
    assert files_in(fresh_storage) == []


def test_new_rows_get_keys_beyond_the_restored_ones(folder: Path) -> None:
    content = [row("auth.user", 9_000_001, username="far_away")]
    offer(folder, content)
    restore()
    assert User.objects.create(username="next").pk == 9_000_002


def test_the_key_of_a_removed_row_is_not_given_again(folder: Path) -> None:
    last = User.objects.create(username="gone").pk
    User.objects.all().delete()
    offer(folder, [row("auth.user", 1, username="first")])
    restore()
    assert User.objects.create(username="next").pk > last


def test_outside_debug_the_environment_must_be_named(fresh_storage: Path) -> None:
    with pytest.raises(CommandError, match="restore_fixtures demo --environment test"):
        call_command("restore_fixtures")
    assert not User.objects.exists()


@pytest.mark.parametrize("debug", [True, False])
def test_another_environments_name_is_refused(settings: Settings, debug: bool) -> None:
    settings.DEBUG = debug
    with pytest.raises(CommandError, match="--environment test"):
        call_command("restore_fixtures", environment="production")
    assert not User.objects.exists()


def test_under_debug_no_environment_is_needed(settings: Settings) -> None:
    settings.DEBUG = True
    call_command("restore_fixtures", stdout=StringIO())
    assert Post.objects.exists()


def test_a_dry_run_counts_and_writes_nothing(fresh_storage: Path) -> None:
    before = state()
    assert "3 users, 1 post, 2 pictures, 1 report would be added" in restore("--dry-run")
    assert (state(), files_in(fresh_storage)) == (before, [])


@pytest.mark.parametrize("name", ["other", "../demo", "pictures/demo"])
def test_a_name_without_a_file_in_the_folder_is_refused(name: str) -> None:
    with pytest.raises(CommandError, match=name):
        restore(name)


def test_nothing_but_the_summary_is_said_without_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("restore_fixtures", environment="test")
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    assert said.err == ""


def test_the_theme_comes_with_every_fixture_and_keeps_what_the_site_changed(folder: Path) -> None:
    offer(folder, a_theme(title="Clearing", css_header_background_color="#16324F"), "theme")
    assert "1 theme added" in restore()
    theme = Theme.objects.get(name="Clearing")
    assert (theme.title, theme.css_header_background_color) == ("Clearing", "#16324F")
    Theme.objects.filter(pk=theme.pk).update(title="Ours")
    assert "nothing added; 8 rows" in restore()
    assert Theme.objects.get(pk=theme.pk).title == "Ours"
