"""The site's settings with a second content app, which owns files in a way unlike posts."""

from project.settings import *  # noqa: F403 - a test site is the site and a little more
from tests.testapp.storage import ATTACHMENTS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.testapp"]  # noqa: F405 - from project.settings
STORAGES = STORAGES | {"attachments": ATTACHMENTS}  # noqa: F405 - the same

# The slow hasher guards real passwords; in the tests it would only cost half a second a log-in.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Its own tests switch it on.
AXES_ENABLED = False

# django-admin-interface caches its theme for Django's default of five minutes. Reading it again,
# and creating the missing row, would add queries to whichever test is counting them.
CACHES["admin_interface"] = {  # noqa: F405 - from project.settings
    "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
    "LOCATION": "theme",
    "TIMEOUT": None,
}

# The tests need not survive a power failure. Those on PostgreSQL run without fsync as well.
if "init_command" in (OPTIONS := DATABASES["default"]["OPTIONS"]):  # noqa: F405 - the same
    OPTIONS["init_command"] = OPTIONS["init_command"].replace("=FULL", "=OFF")
