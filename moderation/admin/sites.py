"""Add the pages of moderation, and the action `remove_selected`, to any admin site."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps
from django.contrib.admin import AdminSite
from django.db.models import Model
from django.utils.module_loading import module_has_submodule

from moderation.admin.action import RemoveSelectedMixin
from moderation.admin.audit.audit_admin import AuditEntryAdmin, AuditEventAdmin
from moderation.admin.refused_pictures.refused_picture_admin import RefusedPictureAdmin
from moderation.admin.removals.removal_admin import RemovalAdmin
from moderation.models import AuditEntry, AuditEvent, RefusedPicture, Removal


def register_pages(site: AdminSite) -> None:
    """Register removals, the audit log and refused pictures on a site, unless they already are.

    The default site has them. Another site needs them before its ModelAdmins can offer
    `remove_selected`, because drafts are confirmed on the site they were created on.
    """
    pages: dict[type[Model], Any] = {
        Removal: RemovalAdmin,
        AuditEntry: AuditEntryAdmin,
        AuditEvent: AuditEventAdmin,
        RefusedPicture: RefusedPictureAdmin,
    }
    for model, model_admin in pages.items():
        if not site.is_registered(model):
            site.register(model, model_admin)


def add_remove_action(site: AdminSite, model: type[Model]) -> None:
    """Add `remove_selected` to the ModelAdmin that another app registered for a model.

    Call it in `admin.py`. It registers the model again, with a subclass of its ModelAdmin that has
    `RemoveSelectedMixin`, and registers the pages for removals on the site. It does not change a
    ModelAdmin that already has the mixin. If the model is not registered yet, it imports the
    `admin` module of its app first, so that the order of INSTALLED_APPS does not matter. Raises
    NotRegistered if the model is not registered on the site.
    """
    if not site.is_registered(model):
        _import_admin_of(model)
    registered = type(site.get_model_admin(model))
    if not issubclass(registered, RemoveSelectedMixin):
        namespace = {"__module__": registered.__module__, "__doc__": registered.__doc__}
        with_action: Any = type(registered.__name__, (RemoveSelectedMixin, registered), namespace)
        site.unregister(model)
        site.register(model, with_action)
    register_pages(site)


def _import_admin_of(model: type[Model]) -> None:
    """Import the `admin` module of a model's app, as Django's autodiscovery does later."""
    app = apps.get_app_config(model._meta.app_label)
    if app.module is not None and module_has_submodule(app.module, "admin"):
        import_module(f"{app.name}.admin")
