"""The app that removes objects with their files."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core import checks as django_checks
from django.db import connections
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class ModerationConfig(AppConfig):
    """Connects checks, triggers and groups; each registered model brings its receivers."""

    name = "moderation"
    verbose_name = _("Moderation")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect what has to happen after a migrate, and register the system checks."""
        from moderation import checks, lookups, site_checks  # noqa: F401 - they register themselves

        for check in checks.OF_THE_CODE:
            django_checks.register(check, django_checks.Tags.models)
        django_checks.register(checks.check_triggers, django_checks.Tags.database)
        post_migrate.connect(after_migrate, sender=self, dispatch_uid="moderation.after_migrate")


def after_migrate(sender: AppConfig, using: str, **_: Any) -> None:
    """Guard the audit log and make the groups, where the app's tables are there."""
    from moderation import roles, triggers
    from moderation.models import AuditEntry

    connection = connections[using]
    if AuditEntry._meta.db_table not in connection.introspection.table_names():
        return  # the app was just unmigrated, or lives in another database
    triggers.make(connection)
    for group, codes in roles.OWN_CODES.items():
        roles.grant(sender, group, codes, using=using)
