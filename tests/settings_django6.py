"""The settings of the tests on Django 6: with its own tasks, without the packages they replace.

Django 6 brings the interface of tasks but no worker: the scheduler does the work here.
"""

from tests.settings import *  # noqa: F403 - the test site, less what Django 6 does without

NOT_INSTALLED = {"admin_interface", "colorfield", "django_tasks", "django_tasks_db"}
INSTALLED_APPS = [app for app in INSTALLED_APPS if app not in NOT_INSTALLED]  # noqa: F405
TASKS = {"default": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}}
MODERATION_UNREGISTERED = []
