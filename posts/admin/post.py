"""Posts in the admin, which moderators filter, review and select."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from moderation.admin.action import RemoveSelectedMixin, remove_selected
from moderation.admin.large_lists import LargeListMixin, RelatedCount
from moderation.admin.list_title import ListTitleMixin
from moderation.admin.missing_object import redirect_to_list
from moderation.admin.others_drafts import OpenDraftsMixin, OthersDraftsFilter
from moderation.admin.picture_parameters import PictureParameters
from moderation.admin.query_parameters import CheckedParameters, has_too_many_words
from moderation.admin.removals.draft_notices import DraftNotice
from moderation.admin.removals.next_steps import NextStep
from moderation.models import Removal
from posts.admin import removed_authors
from posts.admin.dismissals import DismissReportsMixin, dismiss_reports_of_selected
from posts.admin.draft_notices import dismissed_reports
from posts.admin.filters import (
    WITHIN,
    AuthorFilter,
    DateFilter,
    PicturesFilter,
    ReportedFilter,
    SharedPictureFilter,
)
from posts.admin.inlines import (
    NewPictureInline,
    PictureInline,
    ReportInline,
    check_uploads,
)
from posts.admin.next_steps import next_steps
from posts.admin.picture_filter import SAME, SIMILAR, PictureFilter, list_title
from posts.admin.picture_search import find_by_picture
from posts.admin.related_posts import related_posts, remove_related
from posts.admin.row_links import add_change_list, author_link, thumbnails
from posts.admin.same_pictures import SameAsRemovalFilter
from posts.admin.search import search_posts
from posts.images.uploads import uploads
from posts.models import Post, PostImage, Report, ReportState
from posts.storage_identity import capture_storage_problem

REPORTS = RelatedCount(Report, "post", Q(state=ReportState.OPEN))
PICTURES = RelatedCount(PostImage, "post")
FIRST_PICTURES = PostImage.objects.order_by("pk")[:3]  # of a post; its page shows the others
READING_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")


@admin.register(Post)
class PostAdmin(
    DismissReportsMixin,
    RemoveSelectedMixin,
    OpenDraftsMixin,
    LargeListMixin,
    ListTitleMixin,
    CheckedParameters,
):
    """The change list of posts, and the page of a post with its pictures and reports."""

    list_display = ("title", "pictures", "author_link", "report_count", "written_at")
    list_filter = (
        ReportedFilter,
        SharedPictureFilter,
        PicturesFilter,
        PictureFilter,
        ("created_at", DateFilter),
        AuthorFilter,
        OthersDraftsFilter,
        SameAsRemovalFilter,
    )
    ticked_actions = (remove_selected.__name__, dismiss_reports_of_selected.__name__)
    picture_parameters = PictureParameters(sha256=SAME, perceptual_hash=SIMILAR)
    list_select_related = ("author",)
    list_per_page = 100
    change_list_template = "admin/posts/post/change_list.html"
    change_form_template = "admin/posts/post/change_form.html"
    page_annotations = {"report_total": REPORTS, "picture_total": PICTURES}
    page_prefetches = (Prefetch("post_images", queryset=FIRST_PICTURES, to_attr="first_pictures"),)
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-pk")
    search_fields = ("title", "body")  # displays the search field; `get_search_results` searches
    search_help_text = _("Title, body or the author's user name. At most ten words.")
    autocomplete_fields = ("author",)
    fieldsets = (
        (None, {"fields": ("author", "created_at")}),
        (_("Content"), {"fields": ("title", "body")}),
    )
    inlines = (PictureInline, NewPictureInline, ReportInline)

    class Media:
        css = {"all": ("posts/post_admin.css",)}

    def get_urls(self) -> list[URLPattern]:
        """Return Django's URLs and those of our own pages."""
        own = [
            *removed_authors.urls(self),
            path("find-picture/", self._page(find_by_picture), name="posts_post_find"),
            path("<path:object_id>/remove/", self._page(remove_related), name="posts_post_remove"),
        ]
        return [*own, *super().get_urls()]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow the lookups of CheckedParameters, and the periods of the date filter."""
        return lookup == WITHIN or super().lookup_allowed(lookup, value, request)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the list. Its title names an active filter by picture."""
        title = list_title(request)
        named = {"title": title} if title else {}
        return super().changelist_view(request, named | (extra_context or {}))

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Return the change list. The links in its rows keep its filters."""
        change_list = super().get_changelist_instance(request)
        add_change_list(change_list)
        return change_list

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Render the page of a post, with links to related posts."""
        if (post := context["original"]) is not None:
            context["related_posts"] = related_posts(self, request, post)
        return super().render_change_form(request, context, *args, **kwargs)

    def draft_notices(
        self, request: HttpRequest, removal: Removal, selected: QuerySet[Post]
    ) -> list[DraftNotice]:
        """Return what a moderator should know about the posts of a draft, for its page."""
        return list(dismissed_reports(removal, selected))

    def next_steps(self, request: HttpRequest, removal: Removal) -> list[NextStep]:
        """Return what a moderator may want to do after a removal, for its page."""
        return list(next_steps(self, request, removal))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Post], search_term: str
    ) -> tuple[QuerySet[Post], bool]:
        """Search for each word separately, so that the database can use indexes."""
        if has_too_many_words(search_term):
            return queryset.none(), False
        return search_posts(queryset, search_term), False

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show or save a post. If saving fails, the files of uploaded pictures are deleted."""
        if request.method in READING_METHODS:
            return super().changeform_view(request, object_id, form_url, extra_context)
        if self._may_upload(request):
            check_uploads(request.FILES)
        with capture_storage_problem(files=bool(request.FILES)), uploads(verify=False):
            return super().changeform_view(request, object_id, form_url, extra_context)

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """Return a redirect to the list with its filters, not to the home page as in Django."""
        response: HttpResponse = super()._get_obj_does_not_exist_redirect(  # type: ignore[misc]
            request, opts, object_id
        )
        may_view = self.has_view_or_change_permission(request)
        return redirect_to_list(self, request) if may_view else response

    def _page(self, page: Callable[..., HttpResponse]) -> Any:
        """Return the view for one of our own pages, which takes the ModelAdmin first."""
        view = require_http_methods(["GET", "HEAD", "POST"])(partial(page, self))
        return self.admin_site.admin_view(view)

    def _may_upload(self, request: HttpRequest) -> bool:
        """Return whether the user may upload pictures at all; the form checks the post itself."""
        may_save = self.has_change_permission(request) or self.has_add_permission(request)
        inline = NewPictureInline(self.model, self.admin_site)
        return may_save and bool(inline.has_add_permission(request, None))

    def action_checkbox(self, post: Post) -> SafeString:
        """Return the checkbox that Django renders, without rendering a template for each row.

        Spam posts often have equal titles, so the label also contains author and number. After
        Back, browsers would otherwise restore ticks by their position, where other posts may be.
        """
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="{}" '
            'autocomplete="off">',
            ACTION_CHECKBOX_NAME,
            post.pk,
            format_html(
                gettext("Select “{title}” by {author} (post {key})"),
                title=post,
                author=post.author,
                key=post.pk,
            ),
        )

    @admin.display(description=_("pictures"), ordering=PICTURES)
    def pictures(self, post: Any) -> SafeString:
        """Return the first thumbnails with their links, and the number of all pictures."""
        return thumbnails(post, self.admin_site)

    @admin.display(description=_("author"), ordering="author__username")
    def author_link(self, post: Post) -> SafeString:
        """Return the author's name as a link to all their posts in the list."""
        return author_link(post)

    @admin.display(description=_("reports"), ordering=REPORTS)
    def report_count(self, post: Any) -> int:
        """Return the number of open reports."""
        return int(post.report_total)

    @admin.display(description=_("date"), ordering="created_at")
    def written_at(self, post: Post) -> SafeString:
        """Return date and time; a line may break only between the two."""
        local = localtime(post.created_at)
        parts = date_format(local, "DATE_FORMAT"), date_format(local, "TIME_FORMAT")
        return format_html_join(" ", '<span class="post-date">{}</span>', ((p,) for p in parts))
