"""The settings of the tests' site, with the workload's own models."""

from tests.settings import *  # noqa: F403 - the tests' site and a little more

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.workload.site"]  # noqa: F405 - comes from there
