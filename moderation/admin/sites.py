"""Register the pages of moderation on a custom admin site."""

from __future__ import annotations

from django.contrib.admin import AdminSite

from moderation.admin.audit.audit_admin import AuditEntryAdmin, AuditEventAdmin
from moderation.admin.removals.removal_admin import RemovalAdmin
from moderation.models import AuditEntry, AuditEvent, Removal


def register_pages(site: AdminSite) -> None:
    """Register removals and the audit log on a site, unless they are already registered.

    The default site has them. Another site needs them before its ModelAdmins can offer
    `remove_selected`, because drafts are confirmed on the site they were created on.
    """
    pages = {Removal: RemovalAdmin, AuditEntry: AuditEntryAdmin, AuditEvent: AuditEventAdmin}
    for model, model_admin in pages.items():
        if not site.is_registered(model):
            site.register(model, model_admin)
