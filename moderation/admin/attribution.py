"""Who deletes on Django's own admin pages: without a removal, the audit log names the person."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from moderation.recording import Deed, attribute


class AttributedDeletions(admin.ModelAdmin):
    """For a ModelAdmin whose pages delete rows: their files' audit entries name who did it.

    Covers what Django's admin deletes by itself: rows of inlines, the delete page of one object and
    `delete_selected`. Code of your own that calls `.delete()` names the person by `attribute()`.
    """

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        """Save an inline's rows; those that are ticked for deletion are deleted by the person."""
        for deleted in formset.deleted_forms:
            attribute(deleted.instance, deed_of(request))
        super().save_formset(request, form, formset, change)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        """Delete one object, by the person."""
        attribute(obj, deed_of(request))
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete the selected objects, by the person."""
        attribute(queryset, deed_of(request))
        super().delete_queryset(request, queryset)


def deed_of(request: HttpRequest) -> Deed:
    """Return what the entries of a deletion by this request's user say: who it was."""
    user: Any = request.user
    return Deed(actor=user.pk, actor_name=user.get_username())
