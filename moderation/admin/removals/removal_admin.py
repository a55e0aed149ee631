"""Removals in the admin: their list, and the URLs of each removal's pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
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
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from moderation.admin import access, thumbnails
from moderation.admin.badge import badge
from moderation.admin.display import objects_of, removal_url
from moderation.admin.read_only import ReadOnlyAdmin
from moderation.admin.removals import (
    add_actions,
    check_first,
    confirmation,
    keep_actions,
    progress,
    refuse_group,
    tabs,
)
from moderation.admin.removals.object_permissions import admin_of
from moderation.admin.removals.preferences import save_preferences
from moderation.jobs.failures import failed_of
from moderation.models import Removal
from moderation.models.states import RemovalState

Page = Callable[[Any, HttpRequest, Removal], HttpResponse]

# The actions on a draft, which only its author may take, and those on a confirmed removal, by the
# last part of their URL.
DRAFT_ACTIONS: dict[str, Page] = {
    "save": tabs.save_and_open,
    "exclude": keep_actions.exclude_from_draft,
    "return": keep_actions.return_to_draft,
    "add": add_actions.add_to_draft,
    "review": check_first.review_marked,
    "refuse": refuse_group.refuse_group,
    "confirm": confirmation.confirm_draft,
    "cancel": confirmation.cancel_draft,
    "preferences": save_preferences,
}
ACTIONS: dict[str, Page] = {
    "stop": progress.stop,
    "resume": progress.resume,
    "retry": progress.retry,
}


class RemovalChangeList(ChangeList):
    """A change list whose removals have the numbers of their failures as `failed`."""

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the removals of the page and the numbers of their failures."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        failed = failed_of(self.result_list)
        for removal in self.result_list:
            removal.failed = failed[removal.pk]


class ConfirmedFilter(admin.DateFieldListFilter):
    """A filter for the date of the confirmation, titled "By confirmation"."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("confirmation")


@admin.register(Removal)
class RemovalAdmin(ReadOnlyAdmin):
    """The list of removals, and the pages to confirm one and follow its progress.

    Removals are created by the action on the change lists of other models.
    """

    list_display = ("removal", "objects", "status", "actor_name", "reason", "confirmed")
    list_display_links = ("removal", "objects")
    list_filter = ("state", "reason", ("confirmed_at", ConfirmedFilter))
    list_per_page = 100
    show_full_result_count = False
    ordering = ("-pk",)
    search_fields = ("=id", "actor_name", "note")
    search_help_text = _("Number, moderator or note. At most ten words.")

    class Media:
        css = {"all": ("moderation/removal.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Removal]:
        """Return the removals that the user may view; drafts are only for their authors."""
        return access.visible_removals(request.user, super().get_queryset(request))

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs of the list and of a removal's pages. No page adds or deletes one."""
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
        for action, page in (DRAFT_ACTIONS | ACTIONS).items():
            view = self._page(page, is_action=True, of_draft=action in DRAFT_ACTIONS)
            pages.append(path(f"<int:number>/{action}/", view, name=name(action)))
        return pages

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the change list class that counts failures."""
        return RemovalChangeList

    def _page(self, page: Page, *, is_action: bool = False, of_draft: bool = False) -> Any:
        """Return the view of a page, which responds with 404 if the user may not view it."""

        def view(request: HttpRequest, number: int) -> HttpResponse:
            request.current_app = self.admin_site.name
            removal = get_object_or_404(self.get_queryset(request), pk=number)
            if of_draft and removal.actor_id != request.user.pk:
                raise Http404
            if of_draft or removal.state == RemovalState.DRAFT:
                if removal.admin_site not in ("", self.admin_site.name):
                    return redirect(_url_on_its_site(request, removal))
                _check_may_view_objects(self, request, removal)
            if is_action and request.method != "POST":  # the login page redirects with GET
                query = request.META["QUERY_STRING"]  # of a button that opens another page
                url = removal_url(self.admin_site, removal)
                return redirect(f"{url}?{query}" if query else url)
            return page(self, request, removal)

        allowed = ["GET", "HEAD", "POST"] if is_action else ["GET", "HEAD"]
        return self.admin_site.admin_view(require_http_methods(allowed)(view))

    def has_view_permission(self, request: HttpRequest, obj: Removal | None = None) -> bool:
        """Permit viewing one's own removals and, with a permission, those of other users."""
        if obj is None:
            return access.may_view_removals(request.user)
        return access.visible_removals(request.user, Removal.objects.filter(pk=obj.pk)).exists()

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the list in the menu to users who may view removals or have created one."""
        return access.may_view_removals(request.user)

    @admin.display(description=_("removal"), ordering="pk")
    def removal(self, removal: Removal) -> str:
        """Return the number of a removal."""
        return str(removal)

    @admin.display(description=_("objects"), ordering="objects_total")
    def objects(self, removal: Removal) -> str:
        """Return how many objects are removed, and their model: "1,397 posts"."""
        return str(objects_of(removal))

    @admin.display(description=_("confirmed"), ordering="confirmed_at")
    def confirmed(self, removal: Removal) -> datetime | str:
        """Return when a removal was confirmed."""
        return removal.confirmed_at or gettext("not yet")

    @admin.display(description=_("state"), ordering="state")
    def status(self, removal: Removal) -> SafeString:
        """Return the state as a badge, including the number of failures."""
        return badge(removal, removal.failed)  # type: ignore[attr-defined] # by RemovalChangeList


def show_removal(model_admin: Any, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Return the page of a draft, or the progress of a confirmed removal."""
    page: Page = confirmation.show if removal.state == RemovalState.DRAFT else progress.show
    return page(model_admin, request, removal)


def show_progress(model_admin: Any, request: HttpRequest, removal: Removal) -> HttpResponse:
    """Return the part of the page that changes. Raises Http404 for a draft."""
    if removal.state == RemovalState.DRAFT:
        raise Http404
    return progress.fragment(model_admin, request, removal)


def _check_may_view_objects(model_admin: Any, request: HttpRequest, removal: Removal) -> None:
    """Raise PermissionDenied for a draft whose objects the user may no longer view."""
    selected_in = admin_of(model_admin.admin_site, removal)
    if selected_in is None and not removal.admin_site:
        return
    if selected_in is None or not selected_in.has_view_permission(request):
        raise PermissionDenied


def _url_on_its_site(request: HttpRequest, removal: Removal) -> str:
    """Return the URL of a draft on the admin site whose ModelAdmins decide about its objects.

    Raises Http404 if that site has no page for it.
    """
    try:
        url = reverse(f"{removal.admin_site}:moderation_removal_change", args=(removal.pk,))
    except NoReverseMatch as error:
        raise Http404 from error
    if request.path.startswith(url.removesuffix("change/")):  # it would redirect to itself
        raise Http404
    return url
