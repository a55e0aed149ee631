"""A ModelAdmin in which nobody can change anything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from moderation.admin.list_title import ListTitleMixin
from moderation.admin.query_parameters import CheckedParameters


class ReadOnlyAdmin(ListTitleMixin, CheckedParameters):
    """A ModelAdmin that permits only viewing, even to superusers, and has no actions."""

    actions = None

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Return the page of an object. Raises PermissionDenied for POST.

        That is checked before the object is looked up, as in Django before 6.1.
        """
        if request.method == "POST":
            raise PermissionDenied
        return super().changeform_view(request, object_id, form_url, extra_context)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False


def removal_link(removal_id: int | None, site: AdminSite) -> str:
    """Return the number of a removal as a link to its page, or "" if there is no number.

    Runs no query, because the removal may no longer exist.
    """
    if removal_id is None:
        return ""
    try:
        name = "admin:moderation_removal_change"
        url = reverse(name, args=[removal_id], current_app=site.name)
    except NoReverseMatch:  # this admin site has no pages for removals
        return f"#{removal_id}"
    return format_html('<a href="{}">#{}</a>', url, removal_id)


def description_list(details: Iterable[tuple[str, str]]) -> SafeString:
    """Return pairs of a label and a text as an HTML description list."""
    items = format_html_join("", "<dt>{}</dt><dd>{}</dd>", details)
    return format_html('<dl class="event-details">{}</dl>', items)
