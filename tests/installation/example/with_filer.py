"""The settings of the integrated project, with django-filer."""

from integrated import *  # noqa: F403 - the same settings and a few more

ROOT_URLCONF = "urls"
INSTALLED_APPS += ["easy_thumbnails", "polymorphic", "filer", "members"]  # noqa: F405 - from there
