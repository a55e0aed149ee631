"""The settings of `startproject` and what moderation needs."""

import django
from plain.settings import *  # noqa: F403 - the settings are those of startproject and a few more

DEBUG = False
ALLOWED_HOSTS = ["localhost"]
ROOT_URLCONF = "integrated_urls"
AUTH_USER_MODEL = "gallery.Member"
MEDIA_ROOT = BASE_DIR / "media"  # noqa: F405 - from there

INSTALLED_APPS = [
    *INSTALLED_APPS,  # noqa: F405 - from there
    "gallery",
    "moderation",
    "import_export",
    "django_tasks_db",
]
if django.VERSION < (6, 0):
    INSTALLED_APPS.append("django_tasks")
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
ENVIRONMENT = "production"
DATABASES["default"]["OPTIONS"] = {  # noqa: F405 - from there
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}
