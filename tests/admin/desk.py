"""Custom admin sites that a test serves instead of the project's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite, ModelAdmin
from django.db.models import Model
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from moderation.admin.action import RemoveSelectedMixin
from moderation.admin.sites import register_pages

Allows = Callable[[Any, Any], bool]


class Removing(RemoveSelectedMixin, ModelAdmin):
    """A ModelAdmin with the action and nothing else."""


def a_site(
    name: str, *models: type[Model], pages: bool = True, **admins: type[ModelAdmin]
) -> AdminSite:
    """Return a site that shows these models; `admins` are other ModelAdmins by model name."""
    site = AdminSite(name)
    if pages:
        register_pages(site)
    for model in models:
        site.register(model, admins.get(model._meta.model_name or "", Removing))
    return site


@contextmanager
def serving(*sites: AdminSite) -> Iterator[None]:
    """Serve only these sites, each under its name."""
    urls: Any = ModuleType("urls_of_a_test")
    urls.urlpatterns = [path(f"{site.name}/", site.urls) for site in sites]
    with override_settings(ROOT_URLCONF=urls):
        yield


def allowing(allows: Allows) -> type[ModelAdmin]:
    """Return a ModelAdmin that calls `allows(request, object)` to permit a deletion."""

    class Asking(Removing):
        def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
            return obj is None or allows(request, obj)

    return Asking


def said(response: HttpResponse) -> str:
    """Return the messages of a response's request as one text."""
    return " ".join(map(str, messages.get_messages(response.wsgi_request)))  # type: ignore[attr-defined]
