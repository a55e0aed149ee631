"""The permission groups that a site starts with, created after each `migrate`."""

from __future__ import annotations

from collections.abc import Collection

from django.apps import AppConfig
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission

MODERATORS = "Moderators"
AUDITORS = "Auditors"
# The codenames of this app's permissions. The site's own apps grant theirs, such as to delete
# posts.
PERMISSIONS_BY_GROUP = {
    MODERATORS: ("view_own_auditentry", "refuse_picture"),
    AUDITORS: (
        "view_auditentry",
        "export_auditentry",
        "view_auditevent",
        "view_removal",
        "view_refusedpicture",
    ),
}


def grant(app_config: AppConfig, group: str, codes: Collection[str], *, using: str) -> None:
    """Grant permissions of an app to a group, creating both if they are missing.

    Call it from a `post_migrate` receiver of that app. A permission that was removed from the group
    is granted again by the next `migrate`; to avoid that, use a group with another name. Raises
    LookupError for a code that the app does not have.
    """
    create_permissions(app_config, verbosity=0, using=using)
    found = Permission.objects.using(using).filter(
        content_type__app_label=app_config.label, codename__in=codes
    )
    if unknown := set(codes) - {permission.codename for permission in found}:
        raise LookupError(f"{app_config.label} has no permission {', '.join(sorted(unknown))}.")
    Group.objects.using(using).get_or_create(name=group)[0].permissions.add(*found)
