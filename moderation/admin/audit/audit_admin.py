"""The audit log in the admin: an entry for each storage key, an event for each human action."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import lookup_field
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from import_export.admin import ExportMixin

from moderation.admin.access import may_view_all_entries, visible_entries
from moderation.admin.audit.autocomplete import suggest
from moderation.admin.audit.event_buttons import event_buttons
from moderation.admin.audit.event_details import event_details, event_summary
from moderation.admin.audit.export import export_page
from moderation.admin.audit.filters import (
    ActorFilter,
    ActorOfEntriesFilter,
    EntriesOfRemovalFilter,
    FoundAgainFilter,
    ReasonFilter,
    RecordedFilter,
    RemovalFilter,
    StorageFilter,
)
from moderation.admin.audit.search import search_entries
from moderation.admin.display import Viewer, count
from moderation.admin.in_use import in_use_reasons
from moderation.admin.large_lists import LargeListMixin, LargeListPaginator
from moderation.admin.read_only import ReadOnlyAdmin, description_list, removal_link
from moderation.export.formats import FORMATS
from moderation.export.resource import AuditEntryResource
from moderation.models import AuditEntry, AuditEvent, Removal


class AuditPaginator(LargeListPaginator):
    """A paginator that stops counting at the cap even without a filter: the log only grows."""

    counts_all_rows = False


class AuditAdmin(LargeListMixin, ReadOnlyAdmin):
    """The ModelAdmin of entries and events: the tables are too large to count; newest first."""

    paginator = AuditPaginator
    change_list_template = None  # Django's own finds this app's search form and pagination

    class Media:
        css = {"all": ("moderation/audit.css",)}
        js = ("moderation/suggestions.js",)


@admin.register(AuditEntry)
class AuditEntryAdmin(ExportMixin, AuditAdmin):
    """The audit entries: auditors see all of them, moderators those of their own removals."""

    list_display = (
        "key", "state_badge", "title", "actor_name", "removal_number", "recorded", "reason",
        "storage", "file_size",
    )  # fmt: skip
    list_filter = (
        "state", ("reason", ReasonFilter), RecordedFilter, ActorOfEntriesFilter,
        EntriesOfRemovalFilter, StorageFilter, FoundAgainFilter,
    )  # fmt: skip
    search_fields = ("key",)  # displays the search field; `get_search_results` searches
    search_help_text = _("File key, its beginning, its URL, or a SHA-256")
    ordering = ("-pk",)  # the newest first
    sortable_by = ("recorded",)  # no other order has an index
    fieldsets = (
        (_("File"), {"fields": (
            "key", "state_badge", "in_use_because", "error", "error_code", "storage", "file_size",
            "sha256",
        )}),
        (_("Belonged to"), {"fields": ("title", "owner", "row", "parent_row")}),
        (_("Removed by"), {"fields": ("actor_name", "reason", "removal_number")}),
        (_("Times"), {"fields": (
            "recorded_at", "hidden_at", "erased_at", "verified_at", "in_use_at", "failed_at",
            "restored_at",
        )}),
        (_("Technical"), {"classes": ("collapse",), "fields": (
            "name", "location", "identity", "field", "detail", "attempts", "hidden_name",
            "versions", "due_at", "leased_until",
        )}),
    )  # fmt: skip
    resource_classes = (AuditEntryResource,)
    export_formats = FORMATS
    export_template_name = "admin/moderation/auditentry/export.html"

    def has_view_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        """Permit auditors to view all entries, moderators those of their own removals."""
        if may_view_all_entries(request.user):
            return True
        own = obj is None or obj.actor_id == request.user.pk
        return own and request.user.has_perm("moderation.view_own_auditentry")

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Permit users who may both view and export entries."""
        may_export = request.user.has_perm("moderation.export_auditentry")
        return may_export and self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """Return the entries that the user may view."""
        return visible_entries(request.user, super().get_queryset(request))

    def get_fieldsets(self, request: HttpRequest, obj: AuditEntry | None = None) -> Any:
        """Return the fieldsets without the fields that have no value in this entry."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None:
            return fieldsets
        with_values = []
        for name, options in fieldsets:
            names: Any = options["fields"]
            if fields := [each for each in names if lookup_field(each, obj, self)[2]]:
                with_values.append((name, {**options, "fields": fields}))
        return with_values

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Return the entry with `in_use_html`, which links to the row that uses the file."""
        entry = super().get_object(request, object_id, from_field)
        if entry is not None:
            viewer = Viewer(self.admin_site, request)
            reasons = in_use_reasons(viewer, [entry.in_use_reason])
            entry.in_use_html = reasons[entry.in_use_reason]
        return entry

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Return the filters; omit the moderator's for users who see only their own entries."""
        if may_view_all_entries(request.user):
            return self.list_filter
        return tuple(spec for spec in self.list_filter if spec is not ActorOfEntriesFilter)

    @admin.display(description=_("recorded at"), ordering="pk")
    def recorded(self, entry: AuditEntry) -> Any:
        """Return the time of recording. Primary keys have the same order."""
        return entry.recorded_at

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """Search by key, name, URL and digest."""
        return search_entries(queryset, search_term.strip()), False

    def get_urls(self) -> list[URLPattern]:
        """Add the view that returns suggestions for the filters."""
        view = self.admin_site.admin_view(self.suggest_view)
        name = "moderation_auditentry_suggest"
        return [path("suggest/<slug:field>/", view, name=name), *super().get_urls()]

    def suggest_view(self, request: HttpRequest, field: str) -> HttpResponse:
        """Return suggestions for a filter. Moderators get only their own removals."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        may_view_all = may_view_all_entries(request.user)
        if field == "actor" and not may_view_all:
            raise PermissionDenied
        own = {} if may_view_all else {"actor": request.user.pk}
        return suggest(request, field, removals=Removal.objects.filter(**own))

    def export_action(self, request: HttpRequest) -> HttpResponseBase:
        """Export what the change list shows, without loading it into memory."""
        return export_page(self, request)

    @admin.display(description=_("state"))
    def state_badge(self, entry: AuditEntry) -> str:
        """Return the state as a badge."""
        return format_html(
            '<span class="entry-state entry-state-{}">{}</span>',
            entry.state,
            entry.get_state_display(),
        )

    @admin.display(description=_("removal"))
    def removal_number(self, entry: AuditEntry) -> str:
        """Return the number of the removal, as a link."""
        return removal_link(entry.removal_id, self.admin_site)

    @admin.display(description=_("size"))
    def file_size(self, entry: AuditEntry) -> str | None:
        """Return the size with a unit, or None if it is unknown."""
        return None if entry.size is None else filesizeformat(entry.size)

    @admin.display(description=_("in use because"))
    def in_use_because(self, entry: Any) -> str:
        """Return the reason why the file is in use, which `get_object` has set."""
        html: str = entry.in_use_html
        return html

    @admin.display(description=_("row"))
    def row(self, entry: AuditEntry) -> str:
        """Return the model and key of the row that the file belonged to."""
        return f"{count(entry.object_label, 1).noun} {entry.object_key}"

    @admin.display(description=_("part of"))
    def parent_row(self, entry: AuditEntry) -> str:
        """Return the model and key of the row's parent, if it has one."""
        if not entry.parent_label:
            return ""
        return f"{count(entry.parent_label, 1).noun} {entry.parent_key}"


@admin.register(AuditEvent)
class AuditEventAdmin(AuditAdmin):
    """The audit events, for users who have `view_auditevent`."""

    list_display = ("recorded_at", "type", "actor_name", "removal_number", "summary")
    list_filter = ("type", RecordedFilter, ActorFilter, RemovalFilter)
    ordering = ("-pk",)
    sortable_by = ()
    fields = ("recorded_at", "type", "actor_name", "removal_number", "all_details")
    list_select_related = ("removal",)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Return the page of an event with its buttons."""
        viewer = Viewer(self.admin_site, request)
        context["event_buttons"] = event_buttons(viewer, context["original"])
        context["event_url"] = request.get_full_path()
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("removal"))
    def removal_number(self, event: AuditEvent) -> str:
        """Return the number of the removal, as a link."""
        return removal_link(event.removal_id, self.admin_site)

    @admin.display(description=_("details"))
    def all_details(self, event: AuditEvent) -> str:
        """Return all details of the event as a list."""
        return description_list(event_details(event))

    @admin.display(description=_("details"))
    def summary(self, event: AuditEvent) -> str:
        """Return the details of the event on one line, without the technical ones."""
        return format_html('<span class="event-summary">{}</span>', event_summary(event))
