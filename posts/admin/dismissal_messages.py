"""Messages that say which reports were dismissed or reopened, with a button to undo a dismissal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from moderation.admin.display import count
from moderation.admin.others_drafts import removal_label
from moderation.admin.ticked_objects import is_across_pages
from moderation.removals.others_drafts import others_removals_with
from moderation.templatetags.moderation_numbers import grouped
from posts.models import Post, Report
from posts.reports import Decision

Admin: TypeAlias = "ModelAdmin[Post]"

# The maximum number of drafts and removals in a message: those that contain the most of the posts.
MOST_REMOVALS = 3


def add_dismissal_message(
    model_admin: Admin, request: HttpRequest, done: Decision, *, back: str
) -> None:
    """Say what was dismissed. The message has an Undo button, which returns to the URL `back`."""
    level, text = _outcome(done, is_across=is_across_pages(request))
    text = " ".join([_numbers(text, done), *_unseen(done)])
    if done.reports:
        text = " ".join([text, *_in_removals(model_admin, request, done)])
        text = _with_undo(model_admin, request, text, done.dismissal, back)
    messages.add_message(request, level, text)


def add_undo_message(
    model_admin: Admin, request: HttpRequest, done: Decision, *, back: str
) -> None:
    """Say what was reopened, with an Undo button if not everything was."""
    if not done.is_complete:
        text = _("Reopened %(reports)s about %(posts)s; the others could not be reopened.")
        text = _with_undo(model_admin, request, _numbers(text, done), done.dismissal, back)
        messages.warning(request, text)
    elif done.reports:
        messages.success(request, _numbers(_("Reopened %(reports)s about %(posts)s."), done))
    else:
        text = _("Nothing was undone: the reports have since been reopened or removed.")
        messages.warning(request, text)


def undo_url(model_admin: Admin, dismissal: UUID) -> str:
    """Return the URL that undoes a dismissal."""
    name, site = "admin:posts_post_undo_dismissal", model_admin.admin_site.name
    return reverse(name, args=[dismissal], current_app=site)


def _outcome(done: Decision, *, is_across: bool) -> tuple[int, str]:
    """Return the level of the message about a dismissal, and its first sentence."""
    if done.reports and done.is_complete:
        return messages.SUCCESS, _("Dismissed %(reports)s about %(posts)s.")
    if done.reports:
        return messages.WARNING, _(
            "Dismissed %(reports)s about %(posts)s; the others could not be dismissed. Try again."
        )
    if not done.is_complete:
        return messages.ERROR, _("The reports could not be dismissed. Try again.")
    if done.unseen:
        return messages.WARNING, _("Nothing was dismissed.")
    if is_across:
        text = _("Nothing was dismissed: no post in this list has open reports any more.")
        return messages.WARNING, text
    return messages.WARNING, _("Nothing was dismissed: there are no open reports.")


def _unseen(done: Decision) -> Iterator[str]:
    if done.unseen:
        text = ngettext(
            "%(number)s report that arrived in the meantime stays open.",
            "%(number)s reports that arrived in the meantime stay open.",
            done.unseen,
        )
        yield text % {"number": grouped(done.unseen)}


def _in_removals(model_admin: Admin, request: HttpRequest, done: Decision) -> Iterator[str]:
    """Yield sentences about the other moderators' removals that contain the most of the posts."""
    dismissed = Report.objects.filter(dismissal=done.dismissal)
    posts = Post.objects.filter(pk__in=dismissed.values("post"))
    site, actor = model_admin.admin_site.name, request.user.pk
    found, is_complete = others_removals_with(posts, actor=actor, site=site)
    for removal, number in sorted(found, key=lambda each: -each[1])[:MOST_REMOVALS]:
        text = ngettext(
            "%(number)s of these posts is selected for removal: %(removal)s.",
            "%(number)s of these posts are selected for removal: %(removal)s.",
            number,
        )
        yield text % {"number": grouped(number), "removal": removal_label(removal)}
    if not is_complete:
        yield _("Very large drafts and removals were not compared.")


def _with_undo(
    model_admin: Admin, request: HttpRequest, text: str, dismissal: UUID, back: str
) -> str:
    """Return a message with a button that undoes a dismissal and returns to the URL `back`."""
    context = {
        "text": text,
        "undo_url": undo_url(model_admin, dismissal),
        "back": back,
        "post": request.POST.get("post", ""),  # if only this one was changed
    }
    return render_to_string("admin/posts/post/dismissed_message.html", context, request)


def _numbers(text: str, done: Decision) -> str:
    reports, posts = count("posts.Report", done.reports), count("posts.Post", done.posts)
    return text % {"reports": reports, "posts": posts}
