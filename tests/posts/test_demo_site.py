"""The fixtures of the repository, which `make run` loads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from admin_interface.models import Theme
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from pytest_django import Settings

from posts.fixtures.demo_accounts import ACCOUNTS
from posts.models import Post, PostImage
from tests.posts.drawn import files_in
from tests.posts.small_site import restore

FIXTURES = Path(__file__).parents[2] / "fixtures"
MAX_FOLDER_BYTES = 2_000_000
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]


@pytest.fixture
def shipped(settings: Settings) -> None:
    """Let the command find the fixtures of the repository."""
    settings.BASE_DIR = FIXTURES.parent


def test_the_demo_site_is_restored_whole(shipped: None, fresh_storage: Path) -> None:
    restore()
    assert (Post.objects.count(), PostImage.objects.count()) == (60, 120)
    assert len(set(PostImage.objects.values_list("sha256", flat=True))) < 100  # used again
    assert len(files_in(fresh_storage)) == 240
    assert {account.username for account in ACCOUNTS} <= set(
        User.objects.values_list("username", flat=True)
    )
    assert Theme.objects.exists()


def test_the_demo_site_is_small() -> None:
    shipped = [*FIXTURES.glob("*.json"), *files_in(FIXTURES / "pictures")]
    assert sum(path.stat().st_size for path in shipped) < MAX_FOLDER_BYTES


def test_pictures_go_into_a_bucket_where_one_is_configured(s3_storage: str, shipped: None) -> None:
    def everything(check: Callable[[str], bool]) -> bool:
        names = PostImage.objects.values_list("image", "thumbnail")
        return all(check(name) for pair in names for name in pair)

    restore()
    assert everything(default_storage.exists)
    lost = PostImage.objects.order_by("pk")[0]
    default_storage.delete(str(lost.image))
    assert "nothing added" in restore()
    assert everything(default_storage.exists)
