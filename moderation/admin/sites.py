"""The pages of moderation on an admin site of one's own."""

from __future__ import annotations

from django.contrib.admin import AdminSite

from moderation.admin.audit_admin import AuditEntryAdmin, AuditEventAdmin
from moderation.admin.removal_admin import RemovalAdmin
from moderation.models import AuditEntry, AuditEvent, Removal


def register_pages(site: AdminSite) -> None:
    """Register removals and the audit log on a site, where they are not registered yet.

    The default site has them. Any other one needs them before a ModelAdmin of it can use the action
    `remove_selected`: its drafts are confirmed there.
    """
    pages = {Removal: RemovalAdmin, AuditEntry: AuditEntryAdmin, AuditEvent: AuditEventAdmin}
    for model, model_admin in pages.items():
        if not site.is_registered(model):
            site.register(model, model_admin)
