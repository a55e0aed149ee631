"""Name the user in the audit log for deletions on Django's own admin pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from moderation.recording.attribution import DeletionContext, attribute


class AttributedDeletions(admin.ModelAdmin):
    """A ModelAdmin whose deletions name the user in the audit entries of their files.

    Covers deletions by Django's admin: rows of inlines, the delete page of one object and
    `delete_selected`. Other code that calls `.delete()` names the user with `attribute()`.
    """

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        """Save the rows of an inline; name the user in the deletion of ticked rows."""
        for deleted in formset.deleted_forms:
            attribute(deleted.instance, context_of(request))
        super().save_formset(request, form, formset, change)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        """Delete one object in the name of the user."""
        attribute(obj, context_of(request))
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete the selected objects in the name of the user."""
        attribute(queryset, context_of(request))
        super().delete_queryset(request, queryset)


def context_of(request: HttpRequest) -> DeletionContext:
    """Return the context that names the request's user in audit entries."""
    user: Any = request.user
    return DeletionContext(actor=user.pk, actor_name=user.get_username())
