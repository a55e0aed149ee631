"""The configuration of the app, which connects its parts."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Tags, register
from django.db import connections
from django.db.migrations import Migration
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class ModerationConfig(AppConfig):
    """Connects signals, system checks, triggers and permission groups."""

    name = "moderation"
    verbose_name = _("Moderation")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the parts that do not import each other, and register the system checks."""
        from moderation import checks, signals  # noqa: PLC0415 - after all models are loaded
        from moderation.db import lookups  # noqa: F401, PLC0415 - importing it registers the lookup
        from moderation.jobs import tasks  # noqa: PLC0415 - after all models are loaded

        signals.batches_waiting.connect(tasks.enqueue_deletion, dispatch_uid="moderation.jobs")
        signals.files_due.connect(tasks.enqueue_purge, dispatch_uid="moderation.jobs")
        checks.register_all()
        autodiscover_modules("moderation")  # in which a site registers its models
        register(check_admin, Tags.admin)
        pre_migrate.connect(before_migrate, sender=self, dispatch_uid="moderation.before_migrate")
        post_migrate.connect(after_migrate, sender=self, dispatch_uid="moderation.after_migrate")


def check_admin(**kwargs: Any) -> list[CheckMessage]:
    """Check the ModelAdmins if the admin is installed. Otherwise its modules are not imported."""
    if not apps.is_installed("django.contrib.admin"):
        return []
    from moderation.admin.checks import ADMIN_CHECKS  # noqa: PLC0415 - the admin is optional

    return [message for check in ADMIN_CHECKS for message in check(**kwargs)]


def before_migrate(using: str, plan: list[tuple[Migration, bool]], **_: Any) -> None:
    """Drop the triggers before migrations of the app: a column that one uses cannot be changed."""
    from moderation.models import triggers  # noqa: PLC0415 - after all apps are loaded

    if any(migration.app_label == ModerationConfig.name for migration, _backwards in plan):
        triggers.drop(connections[using])


def after_migrate(sender: AppConfig, using: str, **_: Any) -> None:
    """Create the triggers and groups, if the database has the app's current tables."""
    from moderation import permission_groups  # noqa: PLC0415 - needs the models
    from moderation.models import triggers  # noqa: PLC0415 - after all apps are loaded

    connection = connections[using]
    if not triggers.are_applicable(connection):
        return  # the app was just migrated back, or lives in another database
    triggers.create(connection)
    for group, codes in permission_groups.PERMISSIONS_BY_GROUP.items():
        permission_groups.grant(sender, group, codes, using=using)
