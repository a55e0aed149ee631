"""The settings of the integrated project, with a shop whose photos have thumbnails."""

from integrated import *  # noqa: F403 - the same settings and a few more

ROOT_URLCONF = "urls"
INSTALLED_APPS += ["shop"]  # noqa: F405 - from there
THUMBNAIL_ALTERNATIVE_RESOLUTIONS = [2]
