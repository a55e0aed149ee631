"""Removals in the admin: the list, and the addresses of the pages of one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from moderation.admin import access, thumbnails
from moderation.admin.badge import badge
from moderation.admin.display import objects_of, removal_url
from moderation.admin.query_parameters import CheckedParameters
from moderation.admin.removals import confirmation, progress
from moderation.admin.removals.object_permissions import admin_of
from moderation.jobs.failures import failed_of
from moderation.models import Removal
from moderation.models.states import RemovalState

Page = Callable[[Any, HttpRequest, Removal], HttpResponse]

# Deeds on a draft, its maker's alone, and on a removal that runs: the address and the page of each.
DRAFT_ACTIONS: dict[str, Page] = {
    "exclude": confirmation.exclude_from_draft,
    "confirm": confirmation.confirm_draft,
    "cancel": confirmation.cancel_draft,
}
ACTIONS: dict[str, Page] = {
    "stop": progress.stop,
    "resume": progress.resume,
    "retry": progress.retry,
}


class RemovalChangeList(ChangeList):
    """A change list that sets `failed` on each removal of the page: the numbers of its failures."""

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the removals of this page and their failures."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        failed = failed_of(self.result_list)
        for removal in self.result_list:
            removal.failed = failed[removal.pk]


@admin.register(Removal)
class RemovalAdmin(CheckedParameters):
    """Removals: made by the action of other change lists, confirmed and followed here."""

    list_display = ("removal", "what", "status", "actor_name", "reason", "created_at")
    list_display_links = ("removal", "what")
    list_filter = ("state", "reason", "created_at")
    list_per_page = 100
    show_full_result_count = False
    ordering = ("-pk",)
    search_fields = ("=id", "actor_name", "note")
    search_help_text = _("Search by number, moderator and note. At most ten words.")
    actions = None

    class Media:
        css = {"all": ("moderation/removal.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Removal]:
        """Limit to what the person sees; a draft is its maker's alone."""
        return access.visible_removals(request.user, super().get_queryset(request))

    def get_urls(self) -> list[URLPattern]:
        """The list, and the pages of one removal; nothing is added, changed or deleted here."""
        site_page = self.admin_site.admin_view
        name = "moderation_removal_{}".format
        pages = [
            path("", site_page(self.changelist_view), name=name("changelist")),
            path(
                "picture/<str:label>/<str:key>/<str:field>/",
                site_page(require_safe(partial(thumbnails.show, self))),
                name="moderation_picture",
            ),
            path("<int:number>/change/", self._page(show_removal), name=name("change")),
            path("<int:number>/progress/", self._page(show_progress), name=name("progress")),
        ]
        for deed, page in (DRAFT_ACTIONS | ACTIONS).items():
            view = self._page(page, deed=True, draft=deed in DRAFT_ACTIONS)
            pages.append(path(f"<int:number>/{deed}/", view, name=name(deed)))
        return pages

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the change list that also counts the failures of each removal."""
        return RemovalChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, under a title that asks for nothing."""
        title = {"title": str(self.opts.verbose_name_plural).capitalize()}
        return super().changelist_view(request, title | (extra_context or {}))

    def _page(self, page: Page, *, deed: bool = False, draft: bool = False) -> Any:
        """Return the view of a page: finds the removal, where the person may see it."""

        def view(request: HttpRequest, number: int) -> HttpResponse:
            request.current_app = self.admin_site.name
            removal = get_object_or_404(self.get_queryset(request), pk=number)
            if draft and removal.actor_id != request.user.pk:
                raise Http404
            if draft or removal.state == RemovalState.DRAFT:
                if _is_of_another_site(self, removal):
                    return redirect(_page_on_its_site(request, removal))
                _check_sees_objects(self, request, removal)
            if deed and request.method != "POST":  # who had to log in again comes back by GET
                return redirect(removal_url(self.admin_site, removal))
            return page(self, request, removal)

        allowed = ["GET", "HEAD", "POST"] if deed else ["GET", "HEAD"]
        return self.admin_site.admin_view(require_http_methods(allowed)(view))

    def has_view_permission(self, request: HttpRequest, obj: Removal | None = None) -> bool:
        """Let people see their own removals, and some those of others."""
        if obj is None:
            return access.has_removals(request.user)
        return access.visible_removals(request.user, Removal.objects.filter(pk=obj.pk)).exists()

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the list in the menu to those whom it is of use to."""
        return access.has_removals(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Removals begin on other change lists."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Removal | None = None) -> bool:
        """What was decided stays as it was decided."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Removal | None = None) -> bool:
        """A removal outlives what it removed."""
        return False

    @admin.display(description=_("removal"), ordering="pk")
    def removal(self, removal: Removal) -> str:
        """Name a removal by its number."""
        return str(removal)

    @admin.display(description=_("what"), ordering="objects_total")
    def what(self, removal: Removal) -> str:
        """Say how many objects of which kind it is about."""
        objects = objects_of(removal)
        return f"{objects.shown} {objects.kind}"

    @admin.display(description=_("state"), ordering="state")
    def status(self, removal: Removal) -> SafeString:
        """Show the state as a badge, including the number of failures."""
        return badge(removal, removal.failed)  # type: ignore[attr-defined] # by RemovalChangeList


def show_removal(model_admin: Any, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Show a draft to be confirmed, or how far a removal got."""
    page: Page = confirmation.show if removal.state == RemovalState.DRAFT else progress.show
    return page(model_admin, request, removal)


def show_progress(model_admin: Any, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Show the changing part of the page. Raises Http404 for a draft, which has none."""
    if removal.state == RemovalState.DRAFT:
        raise Http404
    return progress.fragment(model_admin, request, removal)


def _check_sees_objects(model_admin: Any, request: HttpRequest, removal: Removal) -> None:
    """Refuse a draft whose objects the person's admin shows no more. Raises PermissionDenied."""
    selected_in = admin_of(model_admin.admin_site, removal)
    if selected_in is None and not removal.admin_site:
        return
    if selected_in is None or not selected_in.has_view_permission(request):
        raise PermissionDenied


def _is_of_another_site(model_admin: Any, removal: Removal) -> bool:
    """Return whether a draft was created on another admin site, whose ModelAdmins decide on it."""
    return removal.admin_site not in ("", model_admin.admin_site.name)


def _page_on_its_site(request: HttpRequest, removal: Removal) -> str:
    """Return the URL of a draft on the site it was created on. Raises Http404 without a page."""
    try:
        address = reverse(f"{removal.admin_site}:moderation_removal_change", args=(removal.pk,))
    except NoReverseMatch as error:
        raise Http404 from error
    if request.path.startswith(address.removesuffix("change/")):  # the name leads back here
        raise Http404
    return address
