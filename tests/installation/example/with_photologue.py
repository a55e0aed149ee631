"""The settings of the integrated project, with django-photologue."""

from integrated import *  # noqa: F403 - the same settings and a few more

ROOT_URLCONF = "urls_photologue"
SITE_ID = 1
INSTALLED_APPS += ["django.contrib.sites", "sortedm2m", "photologue"]  # noqa: F405 - from there
