"""The site's settings, with a second admin that shows what Django does by itself."""

import os

from project.settings import *  # noqa: F403 - the site as it is

ROOT_URLCONF = "benchmarks.urls"
# The manifest of static files would need a `collectstatic` first.
STORAGES["staticfiles"] = {  # noqa: F405 - comes from there
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
if folder := os.environ.get("SLOW_FILES"):
    STORAGES["default"] = {  # noqa: F405 - the same
        "BACKEND": "benchmarks.slow_storage.SlowStorage",
        "OPTIONS": {"location": folder},
    }
