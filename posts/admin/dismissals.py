"""Dismiss reports in the admin of posts: the action, the button on a post's page, and Undo."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from moderation.admin.action import remove_selected
from moderation.admin.audit.event_buttons import EventButton
from moderation.admin.change_list_query import with_preserved_filters
from moderation.admin.messages import errors_as_messages
from moderation.admin.missing_object import back_to_list
from moderation.models import AuditEvent
from moderation.models.states import EventType
from posts.admin.dismissal_messages import add_dismissal_message, add_undo_message, undo_url
from posts.admin.shown_reports import shown_dismissals, shown_reports
from posts.models import Post, Report, ReportState
from posts.reports import dismiss_reports, undo_dismissal
from posts.seen_reports import SeenReports

SEEN_FIELD = "seen_reports"  # of the forms from which reports are dismissed


@admin.action(
    description=gettext_lazy("Dismiss reports about selected posts"),
    permissions=["dismiss_reports"],
)
def dismiss_reports_of_selected(
    model_admin: DismissReportsMixin, request: HttpRequest, queryset: QuerySet[Post]
) -> HttpResponse:
    """Dismiss the open reports of the selected posts, and return to the change list.

    No page asks for confirmation, because the message has a button that undoes it.
    """
    back = request.get_full_path()
    dismiss(model_admin, request, queryset, back=back)
    return redirect(back)


def dismiss(
    model_admin: DismissReportsMixin, request: HttpRequest, posts: QuerySet[Post], *, back: str
) -> None:
    """Dismiss the open reports of posts that the page showed, and add a message.

    The message has an Undo button, which returns to the URL `back`.
    """
    try:
        seen = SeenReports.parse(request.POST.get(SEEN_FIELD, ""))
    except ValueError:
        text = _(
            "Nothing was dismissed, because your browser did not say which reports it showed. "
            "Look at them here and try again."
        )
        messages.error(request, text)
        return
    with errors_as_messages(request):
        done = dismiss_reports(posts, actor=request.user, seen=seen)  # type: ignore[arg-type]
        add_dismissal_message(model_admin, request, done, back=back)


class DismissReportsMixin(admin.ModelAdmin):
    """A ModelAdmin of posts with an action and a button that dismiss reports, and with Undo."""

    actions = (dismiss_reports_of_selected,)
    require_read_or_post = method_decorator(require_http_methods(["GET", "HEAD", "POST"]))

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs, including those that dismiss a post's reports and undo a dismissal."""
        view = self.admin_site.admin_view
        own = [
            path(
                "<int:object_id>/dismiss-reports/",
                view(self.dismiss_reports_view),
                name="posts_post_dismiss_reports",
            ),
            path(
                "dismissals/<uuid:dismissal>/undo/",
                view(self.undo_dismissal_view),
                name="posts_post_undo_dismissal",
            ),
        ]
        return [*own, *super().get_urls()]

    def has_dismiss_reports_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may dismiss the reports of posts that they may view."""
        code = get_permission_codename("dismiss", Report._meta)
        may_dismiss = request.user.has_perm(f"{Report._meta.app_label}.{code}")
        return may_dismiss and bool(self.has_view_permission(request))

    def get_action_choices(
        self, request: HttpRequest, default_choices: Any = None, action_location: Any = None
    ) -> list[Any]:
        """Return the choices, without the empty one if the first action is to remove posts.

        That action is then preselected, which saves a click and risks nothing: it leads to a page
        that asks for confirmation.
        """
        given = {"default_choices": default_choices, "action_location": action_location}
        options = {name: value for name, value in given.items() if value is not None}
        choices = super().get_action_choices(request, **options)
        named = [choice for choice in choices if choice[0]]
        is_first = [choice[0] for choice in named[:1]] == [remove_selected.__name__]
        return named if is_first else choices

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the list. Its form says which reports existed before the list was read."""
        context = dict(extra_context or {})
        if self.has_dismiss_reports_permission(request):
            context[SEEN_FIELD] = SeenReports.now()
        return super().changelist_view(request, context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Render the page of a post, with buttons that dismiss or reopen its reports."""
        post = context["original"]
        if post is not None and self.has_dismiss_reports_permission(request):
            reports = shown_reports(context, post)
            context[SEEN_FIELD] = SeenReports.among(reports)
            if any(report.state == ReportState.OPEN for report in reports):
                context["dismiss_url"] = self._url_for(request, "dismiss_reports", post)
            context["dismissals"] = shown_dismissals(reports, partial(undo_url, self))
            context["page_url"] = self._url_for(request, "change", post)
        return super().render_change_form(request, context, *args, **kwargs)

    def event_buttons(self, request: HttpRequest, event: AuditEvent) -> list[EventButton]:
        """Return the button that undoes a dismissal, if the user may do that.

        Returns none if no report of the dismissal is left for the user to reopen.
        """
        if event.type != EventType.DISMISS or not self.has_dismiss_reports_permission(request):
            return []
        dismissal = UUID(event.details["dismissal"])
        reports = Report.objects.filter(dismissal=dismissal)
        if not self.get_queryset(request).filter(pk__in=reports.values("post")).exists():
            return []
        return [EventButton(_("Undo this dismissal"), undo_url(self, dismissal))]

    def _url_for(self, request: HttpRequest, page: str, post: Post) -> str:
        """Return the URL of a page of a post, with the filters of the list."""
        name, site = f"admin:posts_post_{page}", self.admin_site.name
        url = reverse(name, args=[post.pk], current_app=site)
        return with_preserved_filters(self, request, url)

    @require_read_or_post
    def dismiss_reports_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Dismiss the open reports of a post on POST, and return to its page.

        If the ModelAdmin does not show the post, returns to the list on POST, and raises Http404
        otherwise. Raises PermissionDenied.
        """
        self._check_permission(request)
        post = self.get_object(request, str(object_id))
        if post is None:
            return back_to_list(self, request)
        if not self.has_view_permission(request, post):
            raise PermissionDenied
        back = self._url_for(request, "change", post)
        if request.method == "POST":
            queryset = self.get_queryset(request).filter(pk=post.pk)
            dismiss(self, request, queryset, back=back)
        return redirect(back)

    @require_read_or_post
    def undo_dismissal_view(self, request: HttpRequest, dismissal: UUID) -> HttpResponse:
        """Undo a dismissal on POST, and return to the page that has the button.

        If a `post` is sent, reopens only the reports about it; none if the ModelAdmin does not show
        the post. Raises PermissionDenied.
        """
        self._check_permission(request)
        back = request.POST.get("back", "")
        is_path = back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None)
        if not is_path:
            back = reverse("admin:posts_post_changelist", current_app=self.admin_site.name)
        if request.method == "POST":
            posts, actor = self._posts_to_reopen(request), request.user
            done = undo_dismissal(dismissal, posts=posts, actor=actor)  # type: ignore[arg-type]
            add_undo_message(self, request, done, back=back)
        return HttpResponseRedirect(back)

    def _posts_to_reopen(self, request: HttpRequest) -> QuerySet[Post]:
        posts: QuerySet[Post] = self.get_queryset(request)
        if not (key := request.POST.get("post")):
            return posts
        post = self.get_object(request, key)
        return posts.filter(pk=post.pk) if post else posts.none()

    def _check_permission(self, request: HttpRequest) -> None:
        if not self.has_dismiss_reports_permission(request):
            raise PermissionDenied
