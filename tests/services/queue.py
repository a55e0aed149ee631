"""The queue in the database, if its package is installed; Django 6 alone has none."""

from __future__ import annotations

from typing import Any

import django
import pytest
from django.apps import apps

__all__ = ["HAS_QUEUE", "IMMEDIATE", "PACKAGE", "DBTaskResult", "empty_the_queue", "needs_queue"]

PACKAGE = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
IMMEDIATE = f"{PACKAGE}.backends.immediate.ImmediateBackend"

HAS_QUEUE = apps.is_installed("django_tasks_db")
needs_queue = pytest.mark.skipif(
    not HAS_QUEUE, reason="django-tasks-db, whose worker does this, is not installed"
)
if HAS_QUEUE:
    from django_tasks_db.models import DBTaskResult
else:
    DBTaskResult: Any = None  # type: ignore[no-redef]


def empty_the_queue() -> None:
    """Delete every queued task."""
    if HAS_QUEUE:
        DBTaskResult.objects.all().delete()
