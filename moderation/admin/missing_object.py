"""What happens to a form that was open while somebody else removed the object it is about."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from moderation.admin.change_list_query import PRESERVED_FILTERS, without_page


def back_to_list(model_admin: admin.ModelAdmin[Any], request: HttpRequest) -> HttpResponse:
    """Say that the object is missing, and return a redirect to the change list with its filters.

    Raises Http404 unless a form was posted by a user who may see the list.
    """
    if request.method != "POST" or not model_admin.has_view_or_change_permission(request):
        raise Http404
    text = _(
        "This %(name)s is no longer here: somebody may have removed it in the meantime. Nothing "
        "was changed."
    )
    messages.warning(request, text % {"name": model_admin.opts.verbose_name})
    return redirect_to_list(model_admin, request)


def redirect_to_list(model_admin: admin.ModelAdmin[Any], request: HttpRequest) -> HttpResponse:
    """Return a redirect to the change list with the preserved filters, but to its first page."""
    name = f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_changelist"
    url = reverse(name, current_app=model_admin.admin_site.name)
    preserved = QueryDict(model_admin.get_preserved_filters(request))
    query = without_page(preserved.get(PRESERVED_FILTERS, ""))
    return redirect(f"{url}?{query}" if query else url)
