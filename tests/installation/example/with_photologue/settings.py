"""The settings of the integrated project, with django-photologue."""

from integrated import *  # noqa: F403 - the same settings and a few more

ROOT_URLCONF = "with_photologue.urls"
SITE_ID = 1
INSTALLED_APPS += [  # noqa: F405 - from there
    "with_photologue",  # before photologue, whose ModelAdmins it changes
    "django.contrib.sites",
    "sortedm2m",
    "photologue",
]
# Its models have a delete() that erases files at once, and file fields without an index.
SILENCED_SYSTEM_CHECKS = ["moderation.W005", "moderation.W024"]
