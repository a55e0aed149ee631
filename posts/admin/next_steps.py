"""What a moderator may want to do next, once the posts of a removal are deleted."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.utils.translation import ngettext

from moderation.admin.others_drafts import not_in_others_drafts
from moderation.admin.removals.next_steps import NextStep
from moderation.models import Removal
from posts.admin.counted import counted, number_text
from posts.admin.picture_filter import list_url
from posts.admin.removed_authors import may_disable, page_url
from posts.admin.same_pictures import newer_with_pictures
from posts.models import Post
from posts.removed_authors import accounts_to_disable, accounts_to_enable
from posts.reported_posts import open_reports


def next_steps(
    model_admin: ModelAdmin[Post], request: HttpRequest, removal: Removal
) -> Iterator[NextStep]:
    """Yield the steps that apply, each with a number in its text."""
    posts = model_admin.get_queryset(request).order_by()
    if same := counted(newer_with_pictures(removal, posts)):
        text = ngettext(
            "%(number)s newer post has one of the removed pictures",
            "%(number)s newer posts have one of the removed pictures",
            same,
        )
        yield NextStep(
            _filled(text, same), list_url(model_admin.admin_site, same_as_removal=str(removal.pk))
        )
    yield from _steps_for_authors(model_admin, request, removal)
    reported = posts.filter(pk__in=open_reports().values("post"))
    if queue := counted(not_in_others_drafts(model_admin, request, reported)):
        text = ngettext(
            "Continue with %(number)s reported post",
            "Continue with %(number)s reported posts",
            queue,
        )
        url = list_url(model_admin.admin_site, reported="yes", others_draft="no")
        yield NextStep(_filled(text, queue), url)


def _steps_for_authors(
    model_admin: ModelAdmin[Post], request: HttpRequest, removal: Removal
) -> Iterator[NextStep]:
    """Yield the step that disables the authors, or the one that enables them again."""
    if not may_disable(request.user):
        return
    url = page_url(model_admin.admin_site, removal)
    if accounts := counted(accounts_to_disable(removal, request.user)):
        text = ngettext(
            "Disable the author’s account…",
            "Disable the accounts of the %(number)s authors…",
            accounts,
        )
        yield NextStep(_filled(text, accounts), url)
    elif disabled := counted(accounts_to_enable(removal)):
        text = ngettext(
            "%(number)s account is disabled", "%(number)s accounts are disabled", disabled
        )
        yield NextStep(_filled(text, disabled), url)


def _filled(text: str, number: int) -> str:
    return text % {"number": number_text(number)}
