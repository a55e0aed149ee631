"""The settings as mypy's plugin imports them, on a machine where no variable is set."""

import os

os.environ.setdefault("DEBUG", "true")

from tests.settings import *  # noqa: F403 (after the variable; all names are wanted)
