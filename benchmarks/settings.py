"""The site's settings, with a second admin that has Django's own pages."""

import os

from project.settings import *  # noqa: F403 - the site's own settings

ROOT_URLCONF = "benchmarks.urls"
# The site's manifest storage would require `collectstatic` first.
STORAGES["staticfiles"] = {  # noqa: F405 - imported above
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
if folder := os.environ.get("SLOW_FILES"):
    STORAGES["default"] = {  # noqa: F405 - the same
        "BACKEND": "benchmarks.slow_storage.SlowStorage",
        "OPTIONS": {"location": folder},
    }
