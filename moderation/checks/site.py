"""System checks for what a site provides: packages, a task backend and storage identities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, router
from django.db.models import Model

from moderation.images.perceptual import INSTALL, is_available
from moderation.jobs.tasks import delete_batch
from moderation.models import StorageIdentity
from moderation.registry import registered_models, registration_by_label, storage_aliases
from moderation.storage.identity import environment

if django.VERSION >= (6, 0):
    from django.tasks.backends.immediate import ImmediateBackend
else:
    from django_tasks.backends.immediate import (  # type: ignore[assignment] # one of the two
        ImmediateBackend,
    )


def check_tasks(**_: Any) -> list[CheckMessage]:
    """E017: with a backend that runs tasks immediately, one request runs the whole removal."""
    try:
        backend = delete_batch.get_backend()
    except ImproperlyConfigured:
        return []  # the checks of the task framework report the invalid setting
    if not isinstance(backend, ImmediateBackend):
        return []
    return [
        Error(
            "TASKS runs every task immediately, inside the request that confirms a removal.",
            hint="Set TASKS to a backend with workers, such as django_tasks_db.DatabaseBackend, "
            "or to the dummy backend if `manage.py purge --loop` is to do all the work.",
            id="moderation.E017",
        )
    ]


def check_installed(**_: Any) -> list[CheckMessage]:
    """E018, E019: a package that the pages or the commands need is missing."""
    messages: list[CheckMessage] = []
    if apps.is_installed("django.contrib.admin") and not apps.is_installed("import_export"):
        messages.append(
            Error(
                "The list of the audit log needs import_export, which is not installed.",
                hint='Add "import_export" to INSTALLED_APPS.',
                id="moderation.E018",
            )
        )
    if find_spec("tqdm") is None:
        messages.append(
            Error(
                "The commands purge, export_audit and hash_images need the package tqdm.",
                hint="pip install tqdm",
                id="moderation.E019",
            )
        )
    return messages


def check_numpy(**_: Any) -> list[CheckMessage]:
    """W033: without numpy, nothing computes or compares the hashes that a registration names."""
    if is_available():
        return []
    labels = [model._meta.label for model in registered_models()]
    return [
        checks.Warning(
            f"register({label}, perceptual_hash=…) needs the package numpy. Without it, only "
            "identical files are grouped.",
            hint=INSTALL,
            id="moderation.W033",
        )
        for label in labels
        if registration_by_label(label).perceptual_hash
    ]


def check_identities(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """W020: nothing is erased from a storage without an identity. Needs the database."""
    if router.db_for_read(StorageIdentity) not in (databases or ()):
        return []
    try:
        unmarked = unmarked_storages(registered_models())
    except DatabaseError:
        return []  # Django's own checks and commands report an unreachable database
    return [
        checks.Warning(
            f"The storage {alias!r} has no identity, so its files are never erased.",
            hint=f"Run manage.py mark_storage {alias}.",
            id="moderation.W020",
        )
        for alias in unmarked
    ]


def unmarked_storages(models: Iterable[type[Model]]) -> list[str]:
    """Return the aliases of the models' storages that have no identity."""
    aliases = storage_aliases(models)
    marked = StorageIdentity.objects.filter(pk__in=aliases).values_list("pk", flat=True)
    return sorted(aliases - set(marked)) if aliases else []


@register(Tags.security)
def check_environment(**_: Any) -> list[CheckMessage]:
    """E021: without an environment name, a copy of the site could purge the original's files."""
    if settings.DEBUG or environment().strip():
        return []
    return [
        Error(
            "The setting ENVIRONMENT is missing. Without its name in the identity of each storage, "
            "a copy of this site could purge the files of the original.",
            hint='Set ENVIRONMENT to a name that is unique to this installation: "production".',
            id="moderation.E021",
        )
    ]


MODEL_CHECKS = (check_tasks, check_installed, check_numpy)
DATABASE_CHECKS = (check_identities,)
