"""The app that removes objects with their files."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
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
        from moderation import (  # noqa: F401 - a lookup registers itself
            checks,
            checks_models,
            checks_references,
            lookups,
            site_checks,
        )

        of_the_code = (
            *checks.OF_THE_CODE,
            *checks_models.OF_THE_CODE,
            *checks_references.OF_THE_CODE,
            site_checks.check_tasks,
            site_checks.check_installed,
        )
        of_the_databases = (
            checks.check_triggers,
            *checks_references.OF_THE_DATABASES,
            site_checks.check_marks,
        )
        for check in of_the_code:
            django_checks.register(check, django_checks.Tags.models)
        for check in of_the_databases:
            django_checks.register(check, django_checks.Tags.database)
        django_checks.register(check_admin, django_checks.Tags.admin)
        post_migrate.connect(after_migrate, sender=self, dispatch_uid="moderation.after_migrate")


def check_admin(**kwargs: Any) -> list[django_checks.CheckMessage]:
    """Check the ModelAdmins, if the admin is installed. Imports them only once it is loaded."""
    if not apps.is_installed("django.contrib.admin"):
        return []
    from moderation.admin.checks import OF_THE_ADMIN

    return [message for check in OF_THE_ADMIN for message in check(**kwargs)]


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
