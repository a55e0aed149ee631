"""The settings of the integrated project, with Wagtail and its images."""

import django
from integrated import *  # noqa: F403 - the same settings and a few more

ROOT_URLCONF = "urls_wagtail"
INSTALLED_APPS += [  # noqa: F405 - from there
    "wagtail.users",
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
]
if django.VERSION >= (6, 0):
    INSTALLED_APPS.append("django_tasks")  # Wagtail has tasks of its own
WAGTAIL_SITE_NAME = "plain"
WAGTAILADMIN_BASE_URL = "http://localhost"
