"""The wheel, which all tests of the installation share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.installation.site import build_wheel


@pytest.fixture(scope="package")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(sys.executable, tmp_path_factory.mktemp("wheel"))
