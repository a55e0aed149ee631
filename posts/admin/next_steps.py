"""What a moderator may want to do next, once the posts of a removal are deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from moderation.admin.others_drafts import not_in_others_drafts
from moderation.admin.removals.next_steps import NextStep
from moderation.models import Removal
from moderation.templatetags.moderation_numbers import grouped
from posts.admin.removed_authors import may_disable, page_url
from posts.admin.same_pictures import newer_with_pictures
from posts.models import Post
from posts.removed_authors import accounts_to_disable, disabled_authors
from posts.reported_posts import open_reports

# Counting up to here takes milliseconds, and nobody needs a larger number to decide.
MOST_COUNTED = 1_000


def next_steps(
    model_admin: ModelAdmin[Post], request: HttpRequest, removal: Removal
) -> Iterator[NextStep]:
    """Yield the steps that apply, each with a number in its text."""
    posts = model_admin.get_queryset(request).order_by()
    same = _Counted(newer_with_pictures(removal, posts))
    if same:
        text = ngettext(
            "%(number)s newer post has one of the removed pictures",
            "%(number)s newer posts have one of the removed pictures",
            same.number,
        )
        yield NextStep(same.fill(text), _list_url(model_admin, same_as_removal=removal.pk))
    yield from _steps_for_authors(model_admin, request, removal)
    reported = posts.filter(pk__in=open_reports().values("post"))
    queue = _Counted(not_in_others_drafts(model_admin, request, reported))
    if queue:
        text = ngettext(
            "Continue with %(number)s reported post",
            "Continue with %(number)s reported posts",
            queue.number,
        )
        url = _list_url(model_admin, reported="yes", others_draft="no")
        yield NextStep(queue.fill(text), url)


def _steps_for_authors(
    model_admin: ModelAdmin[Post], request: HttpRequest, removal: Removal
) -> Iterator[NextStep]:
    """Yield the step that disables the authors, or the one that enables them again."""
    if not may_disable(request.user):
        return
    url = page_url(model_admin.admin_site, removal)
    if accounts := _Counted(accounts_to_disable(removal, request.user)):
        text = ngettext(
            "Disable the author’s account…",
            "Disable the accounts of the %(number)s authors…",
            accounts.number,
        )
        yield NextStep(accounts.fill(text), url)
    elif disabled := _Counted(disabled_authors(removal)):
        text = ngettext(
            "%(number)s account is disabled", "%(number)s accounts are disabled", disabled.number
        )
        yield NextStep(disabled.fill(text), url)


class _Counted:
    """The number of rows, counted up to MOST_COUNTED. Falsy if there are none."""

    def __init__(self, rows: QuerySet[Any]) -> None:
        self.number = rows.order_by()[: MOST_COUNTED + 1].count()

    def __bool__(self) -> bool:
        return self.number > 0

    def fill(self, text: str) -> str:
        """Return a text with the number: "122", or "1,000+" if there are more."""
        more = _("%(number)s+") % {"number": grouped(MOST_COUNTED)}
        shown = more if self.number > MOST_COUNTED else grouped(self.number)
        return text % {"number": shown}


def _list_url(model_admin: ModelAdmin[Post], **parameters: Any) -> str:
    url = reverse("admin:posts_post_changelist", current_app=model_admin.admin_site.name)
    return f"{url}?{urlencode(parameters)}"
