"""The settings of the integrated project, with django-filer."""

from integrated import *  # noqa: F403 - the same settings and a few more

ROOT_URLCONF = "with_filer.urls"
INSTALLED_APPS += ["easy_thumbnails", "polymorphic", "filer", "with_filer"]  # noqa: F405 - from there
# filer's private storages, which need an alias.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    **{
        f"filer_{name}": {
            "BACKEND": "filer.storage.PrivateFileSystemStorage",
            "OPTIONS": {
                "location": BASE_DIR / "smedia" / f"filer_{name}",  # noqa: F405 - from there
                "base_url": f"/smedia/filer_{name}/",
            },
        }
        for name in ("private", "private_thumbnails")
    },
}
# Its models have a delete() that erases files at once, a delete page of their own, a base manager
# that hides nothing, and a file field without an index.
SILENCED_SYSTEM_CHECKS = [f"moderation.{number}" for number in ("W005", "W010", "W023", "W024")]
