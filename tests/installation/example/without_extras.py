"""The same settings without the queue of the extra `worker`: the scheduler does all the work."""

import django
from integrated import *  # noqa: F403 - the same settings

INSTALLED_APPS.remove("django_tasks_db")  # noqa: F405 - from there
tasks = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
TASKS = {"default": {"BACKEND": f"{tasks}.backends.dummy.DummyBackend"}}
