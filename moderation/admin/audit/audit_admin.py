"""The audit log in the admin: entries, one a storage key, and events, one a human act."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from import_export.admin import ExportMixin

from moderation.admin.audit.autocomplete import suggest
from moderation.admin.audit.export import export_page
from moderation.admin.audit.filters import (
    ActorFilter,
    EntriesOfRemovalFilter,
    FoundAgainFilter,
    HappenedFilter,
    ReasonFilter,
    RecordedFilter,
    RemovalFilter,
    StorageFilter,
)
from moderation.admin.audit.search import search_entries
from moderation.admin.pagination import CappedChangeList, CappedPaginator
from moderation.admin.read_only import ReadOnlyAdmin, details_list, removal_link
from moderation.export.formats import FORMATS
from moderation.export.resource import AuditEntryResource
from moderation.models import AuditEntry, AuditEvent, Removal


def sees_all_entries(request: HttpRequest) -> bool:
    """Return whether the person sees the entries of all removals: auditors and superusers."""
    return request.user.has_perm("moderation.view_auditentry")


class AuditAdmin(ReadOnlyAdmin):
    """What entries and events have in common: too many to be counted, newest first."""

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each facet would count the whole table

    class Media:
        css = {"all": ("moderation/audit.css",)}
        js = ("moderation/suggestions.js",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Find the rows by their keys, where they are few."""
        return CappedChangeList


@admin.register(AuditEntry)
class AuditEntryAdmin(ExportMixin, AuditAdmin):
    """The audit entries: all of them for auditors, those of own removals for moderators."""

    list_display = (
        "key", "state_shown", "title", "actor_name", "removal_shown", "recorded_at", "reason",
        "storage", "size_shown",
    )  # fmt: skip
    list_filter = (
        "state", ("reason", ReasonFilter), RecordedFilter, ActorFilter, EntriesOfRemovalFilter,
        StorageFilter, FoundAgainFilter,
    )  # fmt: skip
    search_fields = ("key",)  # shows the field; `get_search_results` says what is searched
    search_help_text = _("The beginning of a key or of a name, or a SHA-256")
    ordering = ("-recorded_at", "-pk")
    sortable_by = ("recorded_at",)  # no other column has an index to walk along
    fieldsets = (
        (_("File"), {"fields": (
            "key", "state_shown", "storage", "location", "name", "size_shown", "sha256", "identity",
        )}),
        (_("What it belonged to"), {"fields": (
            "title", "owner", "object_shown", "field", "parent_shown",
        )}),
        (_("Who and why"), {"fields": ("removal_shown", "actor_name", "reason")}),
        (_("What became of it"), {"fields": (
            "in_use_reason", "detail", "attempts", "error_code", "error", "hidden_name", "versions",
        )}),
        (_("When"), {"fields": (
            "recorded_at", "hidden_at", "erased_at", "verified_at", "in_use_at", "failed_at",
            "restored_at", "due_at", "leased_until",
        )}),
    )  # fmt: skip
    resource_classes = (AuditEntryResource,)
    export_formats = FORMATS
    export_template_name = "admin/moderation/auditentry/export.html"

    def has_view_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        """Allow auditors everything, moderators what they removed themselves."""
        if sees_all_entries(request):
            return True
        own = obj is None or obj.actor_id == request.user.pk
        return own and request.user.has_perm("moderation.view_own_auditentry")

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Allow who may see entries and, besides, export them."""
        may_export = request.user.has_perm("moderation.export_auditentry")
        return may_export and self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """Return the entries that the person may see."""
        entries: QuerySet[AuditEntry] = super().get_queryset(request)
        return entries if sees_all_entries(request) else entries.filter(actor=request.user.pk)

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Leave out the moderator where there is only one to choose."""
        if sees_all_entries(request):
            return self.list_filter
        return tuple(spec for spec in self.list_filter if spec is not ActorFilter)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        """Search by key, name and digest."""
        return search_entries(queryset, search_term.strip()), False

    def get_urls(self) -> list[URLPattern]:
        """Add the page of suggestions for the filters."""
        view = self.admin_site.admin_view(self.suggest_view)
        name = "moderation_auditentry_suggest"
        return [path("suggest/<slug:kind>/", view, name=name), *super().get_urls()]

    def suggest_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Suggest moderators and removals, of which a moderator knows only the own."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        everything = sees_all_entries(request)
        if kind == "actor" and not everything:
            raise PermissionDenied
        own = {} if everything else {"actor": request.user.pk}
        return suggest(request, kind, removals=Removal.objects.filter(**own))

    def export_action(self, request: HttpRequest) -> HttpResponseBase:
        """Export what the change list shows; the stock page would load it whole."""
        return export_page(self, request)

    @admin.display(description=_("state"))
    def state_shown(self, entry: AuditEntry) -> str:
        """Show the state as text in a box."""
        return format_html(
            '<span class="entry-state entry-state-{}">{}</span>',
            entry.state,
            entry.get_state_display(),
        )

    @admin.display(description=_("removal"))
    def removal_shown(self, entry: AuditEntry) -> str:
        """Lead to the removal."""
        return removal_link(entry.removal_id, self.admin_site)

    @admin.display(description=_("size"))
    def size_shown(self, entry: AuditEntry) -> str | None:
        """Show the size for people; None where nobody noted it."""
        return None if entry.size is None else filesizeformat(entry.size)

    @admin.display(description=_("object"))
    def object_shown(self, entry: AuditEntry) -> str:
        """Name the row that the file belonged to."""
        return f"{entry.object_label} {entry.object_key}"

    @admin.display(description=_("part of"))
    def parent_shown(self, entry: AuditEntry) -> str:
        """Name the row that the object belonged to."""
        return f"{entry.parent_label} {entry.parent_key}".strip()


@admin.register(AuditEvent)
class AuditEventAdmin(AuditAdmin):
    """The audit events, for who has `view_auditevent`."""

    list_display = ("recorded_at", "type", "actor_name", "removal_shown", "details_in_short")
    list_filter = ("type", HappenedFilter, ActorFilter, RemovalFilter)
    ordering = ("-pk",)
    sortable_by = ()
    fields = ("recorded_at", "type", "actor_name", "removal_shown", "details_shown")

    @admin.display(description=_("removal"))
    def removal_shown(self, event: AuditEvent) -> str:
        """Lead to the removal."""
        return removal_link(event.removal_id, self.admin_site)

    @admin.display(description=_("details"))
    def details_shown(self, event: AuditEvent) -> str:
        """List what the event says."""
        return details_list(event.details)

    @admin.display(description=_("in short"))
    def details_in_short(self, event: AuditEvent) -> str:
        """List what the event says, without what only a machine compares."""
        return details_list(event.details, without=("seal", "permissions"))
