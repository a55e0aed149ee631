"""The site's settings with a second content app, which owns files in a way unlike posts."""

from project.settings import *  # noqa: F403 - a test site is the site and a little more
from tests.library.storage import ATTACHMENTS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.library"]  # noqa: F405 - comes from there
STORAGES = STORAGES | {"attachments": ATTACHMENTS}  # noqa: F405 - the same
