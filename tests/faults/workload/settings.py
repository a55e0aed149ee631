"""The settings of the tests' site, with the workload's own models."""

from tests.settings import *  # noqa: F403 - the tests' site and a little more

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.workload.site"]  # noqa: F405 - comes from there

# The manifest is made by `collectstatic`, and a page that links a stylesheet asks for it.
STORAGES = STORAGES | {  # noqa: F405 - the same
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}
