"""A filter for posts that are newer than a removal and have one of the pictures it deleted."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from moderation.admin.access import visible_removals
from moderation.models import AuditEntry, Removal
from posts.models import Post, PostImage

MOST_DIGITS = 18  # a longer number may not fit into a BIGINT


class SameAsRemovalFilter(admin.SimpleListFilter):
    """A filter for newer posts with a picture that a removal deleted.

    Its value is the number of the removal, whose page links to it. It is displayed only while it
    applies.
    """

    title = gettext_lazy("removed pictures")
    parameter_name = "same_as_removal"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, Any]]:
        """Return the current value as the only choice, or none."""
        value = self.value()
        if value is None:
            return []
        self.removal = _visible_removal(request, value)
        if self.removal is None:
            return [(value, _("No such removal"))]
        text = _("Newer than removal %(number)s, with one of its pictures")
        return [(value, text % {"number": self.removal})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Post]) -> QuerySet[Post]:
        """Return the posts with such a picture; none for a removal that the user may not view."""
        if self.value() is None:
            return queryset
        return newer_with_pictures(self.removal, queryset) if self.removal else queryset.none()


def newer_with_pictures(removal: Removal, posts: QuerySet[Post]) -> QuerySet[Post]:
    """Return the posts that have a picture that a removal deleted, and are newer than it.

    Newer posts are dated after its confirmation. The moderator has seen, and perhaps kept, those
    that existed before.
    """
    entries = AuditEntry.objects.filter(removal=removal.pk, sha256__isnull=False)
    pictures = PostImage.objects.filter(sha256__in=entries.values("sha256"))
    newer = posts.filter(created_at__gte=removal.confirmed_at)
    return newer.filter(pk__in=pictures.values("post"))


def _visible_removal(request: HttpRequest, text: str) -> Removal | None:
    """Return the confirmed removal with this number if the user may view it, otherwise None."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        return None
    confirmed = Removal.objects.filter(pk=int(text), confirmed_at__isnull=False)
    found: Removal | None = visible_removals(request.user, confirmed).first()
    return found
