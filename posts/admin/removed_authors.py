"""The page of the authors whose posts a removal deleted, with a button to disable them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.contrib import messages
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.db.models import OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from moderation.admin.access import may_manage, visible_removals
from moderation.admin.removals.next_steps import DELETED_STATES
from moderation.models import Removal
from moderation.templatetags.moderation_numbers import grouped
from posts.admin.counted import Counted, number_text
from posts.models import Post
from posts.removed_authors import (
    Disabling,
    Skipped,
    accounts_to_disable,
    accounts_to_enable,
    authors_of,
    disable,
    disabled_authors,
    enable,
    skipped_because,
)

PERMISSION = "posts.disable_author"
PAGE = "posts_post_removed_authors"
AUTHORS_PER_PAGE = 100


class Author(NamedTuple):
    """An author on the page. `status` says what happens to the account, or why nothing does."""

    name: str
    removed: int
    left: str
    status: str


def may_disable(user: Any) -> bool:
    """Return whether a user may disable the authors of posts that they removed."""
    return bool(user.has_perm(PERMISSION))


def page_url(site: AdminSite, removal: Removal) -> str:
    """Return the URL of the page for a removal."""
    return reverse(f"admin:{PAGE}", args=(removal.pk,), current_app=site.name)


def urls(model_admin: ModelAdmin[Post]) -> list[URLPattern]:
    """Return the URL pattern of the page."""

    def view(request: HttpRequest, number: int) -> HttpResponse:
        request.current_app = model_admin.admin_site.name
        removal = _removal_or_404(request, number)
        if not model_admin.has_view_permission(request) or not may_disable(request.user):
            raise PermissionDenied
        if not may_manage(request.user, removal):
            raise PermissionDenied
        page = _change_accounts if request.method == "POST" else _show
        return page(model_admin, request, removal)

    allowed = require_http_methods(["GET", "HEAD", "POST"])(view)
    site_view = model_admin.admin_site.admin_view(allowed)
    return [path("authors-of-removal/<int:number>/", site_view, name=PAGE)]


def _removal_or_404(request: HttpRequest, number: int) -> Removal:
    """Return a removal whose posts are all deleted, and that the user may view. Raises Http404.

    While batches are left to run, more authors could be disabled than the page showed.
    """
    removals = Removal.objects.filter(model_label=Post._meta.label, state__in=DELETED_STATES)
    removal: Removal = get_object_or_404(visible_removals(request.user, removals), pk=number)
    return removal


def _show(model_admin: ModelAdmin[Post], request: HttpRequest, removal: Removal) -> HttpResponse:
    paginator = Paginator(authors_of(removal), AUTHORS_PER_PAGE)
    page = paginator.get_page(request.GET.get("p"))
    title = _("Authors of the posts in removal %(number)s") % {"number": removal}
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.opts,
        "removal": removal,
        "authors": _described(model_admin, request, removal, page.object_list),
        "page": page,
        "page_numbers": paginator.get_elided_page_range(page.number),
        "to_disable": accounts_to_disable(removal, request.user).count(),
        "to_enable": accounts_to_enable(removal).count(),
    }
    return TemplateResponse(request, "admin/posts/post/removed_authors.html", context)


def _change_accounts(
    model_admin: ModelAdmin[Post], request: HttpRequest, removal: Removal
) -> HttpResponse:
    """Disable or enable the accounts, then redirect. Raises BadRequest for other actions."""
    match request.POST.get("action"):
        case "disable":
            text = _disabled_message(disable(removal, actor=request.user))
        case "enable":
            number = enable(removal, actor=request.user)
            text = ngettext(
                "%(number)s account was enabled again.",
                "%(number)s accounts were enabled again.",
                number,
            ) % {"number": grouped(number)}
        case _:
            raise BadRequest("action")
    messages.info(request, text)
    return redirect(page_url(model_admin.admin_site, removal))


def _disabled_message(result: Disabling) -> str:
    """Return how many accounts were disabled, and how many were skipped for each reason."""
    text = ngettext(
        "%(number)s account was disabled.", "%(number)s accounts were disabled.", result.accounts
    ) % {"number": grouped(result.accounts)}
    if not (number := result.skipped.total()):
        return text
    reasons = (
        f"{reason.label} ({grouped(result.skipped[reason])})"
        for reason in Skipped
        if result.skipped[reason]
    )
    skipped = ngettext(
        "%(number)s account was skipped: %(reasons)s.",
        "%(number)s accounts were skipped: %(reasons)s.",
        number,
    )
    return f"{text} {skipped % {'number': grouped(number), 'reasons': ', '.join(reasons)}}"


def _described(
    model_admin: ModelAdmin[Post],
    request: HttpRequest,
    removal: Removal,
    rows: Iterable[dict[str, Any]],
) -> list[Author]:
    """Return the authors of a page. Runs two queries."""
    removed = {row["author"]: row["removed"] for row in rows}
    posts = model_admin.get_queryset(request).filter(author=OuterRef("pk")).values("author")
    accounts = get_user_model()._base_manager.annotate(left=Counted(posts))
    users: dict[Any, Any] = accounts.in_bulk(list(removed))
    recorded = disabled_authors(removal).filter(author__in=list(removed))
    disabled = set(recorded.values_list("author", flat=True))
    return [
        Author(
            name=users[key].get_username() if key in users else "",
            removed=number,
            left=number_text(users[key].left if key in users else 0),
            status=_status(users.get(key), request.user, is_disabled=key in disabled),
        )
        for key, number in removed.items()
    ]


def _status(user: Any, actor: Any, *, is_disabled: bool) -> str:
    """Return what happens to an account, or the reason why it is skipped."""
    reason = skipped_because(user, actor)
    if reason is None:
        return _("Will be disabled")
    if reason == Skipped.INACTIVE and is_disabled:
        return _("Disabled after this removal")
    return _("Skipped: %(reason)s") % {"reason": reason.label}
