"""What several tests of posts ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from tests.posts.drawn import drawing
from tests.posts.small_site import offer, small_site


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    """Return a fixtures folder with a small site called demo and two pictures."""
    settings.BASE_DIR = tmp_path
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    pictures = tmp_path / "fixtures" / "pictures"
    pictures.mkdir(parents=True)
    (pictures / "one.png").write_bytes(drawing())
    (pictures / "two.png").write_bytes(drawing(size=(60, 20)))
    (tmp_path / "secret.png").write_bytes(drawing())
    offer(pictures.parent, small_site())
    return pictures.parent
