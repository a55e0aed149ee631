"""Name the user in the audit log for changes on Django's own admin pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from moderation.recording.attribution import DeletionContext, attribute


class AttributedDeletions(admin.ModelAdmin):
    """A ModelAdmin that names the user in the audit entries of the files that its pages delete.

    Covers Django's admin: files that a form replaces or clears, deleted rows of inlines, the delete
    page of one object and `delete_selected`. Other code that calls `.save()` or `.delete()` names
    the user with `attribute()`.
    """

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        """Save an object; name the user in the entries of the files that it replaces."""
        attribute(obj, context_of(request))
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        """Save the rows of an inline; name the user in the entries of changed and deleted rows."""
        for each in formset.forms:
            attribute(each.instance, context_of(request))
        super().save_formset(request, form, formset, change)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        """Delete one object, and name the user in the audit entries of its files."""
        attribute(obj, context_of(request))
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete the selected objects, and name the user in the audit entries of their files."""
        attribute(queryset, context_of(request))
        super().delete_queryset(request, queryset)


def context_of(request: HttpRequest) -> DeletionContext:
    """Return the context that names the request's user in audit entries."""
    user: Any = request.user
    return DeletionContext(actor=user.pk, actor_name=user.get_username())
