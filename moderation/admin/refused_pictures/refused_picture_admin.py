"""The list of refused pictures in the admin, and the URLs of the actions on them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Case, CharField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import get_text_list
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from moderation.admin.display import Viewer
from moderation.admin.messages import errors_as_messages
from moderation.admin.read_only import ReadOnlyAdmin
from moderation.admin.refused_pictures.access import list_url, may_refuse
from moderation.admin.refused_pictures.refuse_row import refuse_row
from moderation.admin.refused_pictures.stored_pictures import thumbnail_urls
from moderation.db.server_time import DatabaseNow
from moderation.lifecycle.refused_pictures import last_change, lift, refuse_again
from moderation.models import RefusedPicture
from moderation.templatetags.moderation_numbers import grouped

STATES = {"active": _("refused"), "expired": _("expired"), "lifted": _("allowed again")}
# Takes a picture, the user, and its `changed_at` that the user has seen; returns the message.
Action = Callable[[RefusedPicture, Any, datetime], str]
SEEN_FIELD = "seen"  # `changed_at` of the picture in the list
ALLOW_AGAIN, REFUSE_AGAIN = _("Allow again"), _("Refuse again")


class RefusedPictureChangeList(ChangeList):
    """A change list whose rows have the URL of a thumbnail and the query string of the list."""

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the refused pictures of the page, and rows that still have the same file."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        viewer = Viewer(self.model_admin.admin_site, request)
        urls = thumbnail_urls(viewer, {each.sha256 for each in self.result_list})
        for picture in self.result_list:
            picture.thumbnail_url = urls.get(picture.sha256, "")
            picture.list_query = self.get_query_string().removeprefix("?")
            picture.may_change = may_refuse(request.user)


class StateFilter(admin.SimpleListFilter):
    """A filter for pictures that are refused, have expired, or were allowed again."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the states."""
        return list(STATES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the pictures in the state, or none for a value that is not a state."""
        value = self.value()
        if not value:
            return queryset
        return getattr(queryset, value)() if value in STATES else queryset.none()


@admin.register(RefusedPicture)
class RefusedPictureAdmin(ReadOnlyAdmin):
    """The list of refused pictures. They are refused on the page of a draft or of an object."""

    list_display = ("picture", "shown_note", "state", "action", "refused", "until", "matched")
    list_display_links = None
    list_filter = (StateFilter,)
    list_per_page = 50
    show_full_result_count = False
    ordering = ("-refused_at", "-pk")
    sortable_by = ()
    search_fields = ("note", "sha256__exact")
    search_help_text = _("Note or SHA-256. At most ten words.")

    class Media:
        css = {"all": ("moderation/refused.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[RefusedPicture]:
        """Return the refused pictures with their states by the clock of the database."""
        state = Case(
            When(lifted_at__isnull=False, then=Value("lifted")),
            When(refused_until__lte=DatabaseNow(), then=Value("expired")),
            default=Value("active"),
            output_field=CharField(),
        )
        pictures: QuerySet[RefusedPicture] = super().get_queryset(request)
        return pictures.annotate(current_state=state)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the change list class that finds thumbnails."""
        return RefusedPictureChangeList

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs of the list, of its actions, and of the page that refuses a picture."""
        site_page = self.admin_site.admin_view
        refuse_page = require_http_methods(["GET", "HEAD", "POST"])(partial(refuse_row, self))
        name = "moderation_refusedpicture_{}".format
        return [
            path("", site_page(self.changelist_view), name=name("changelist")),
            path("refuse/<str:label>/<str:key>/", site_page(refuse_page), name=name("refuse")),
            path("<int:number>/lift/", self._action(_lift), name=name("lift")),
            path("<int:number>/again/", self._action(_refuse_again), name=name("again")),
        ]

    def has_view_permission(self, request: HttpRequest, obj: RefusedPicture | None = None) -> bool:
        """Return whether the user may refuse pictures, or has the permission to view them."""
        return may_refuse(request.user) or bool(super().has_view_permission(request, obj))

    def _action(self, action: Action) -> Any:
        """Return the view that changes a refused picture and leads back to the list."""

        def view(request: HttpRequest, number: int) -> HttpResponse:
            if not may_refuse(request.user):
                raise PermissionDenied
            picture = get_object_or_404(RefusedPicture, pk=number)
            query = request.META["QUERY_STRING"]
            if request.method == "POST":  # the login page redirects with GET
                with errors_as_messages(request):
                    text = action(picture, request.user, _seen(request))
                    if action is _lift:
                        undo = self._button(picture, "again", gettext("Undo"), query)
                        text = format_html("{} {}", text, undo)
                    messages.success(request, text)
            url = list_url(self.admin_site)
            return redirect(f"{url}?{query}" if query else url)

        return self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(view))

    def _button(self, picture: RefusedPicture, page: str, text: Any, query: str) -> SafeString:
        """Return a button that posts the form of the list to one of the actions."""
        url = reverse(
            f"admin:moderation_refusedpicture_{page}", args=(picture.pk,),
            current_app=self.admin_site.name,
        )  # fmt: skip
        return format_html(
            '<button type="submit" form="changelist-form" formaction="{}{}" name="{}" value="{}" '
            'class="refused-button" aria-label="{} {}">{}</button>',
            url,
            query and f"?{query}",
            SEEN_FIELD,
            picture.changed_at.isoformat(),
            text,
            gettext("(refused picture %(key)s)") % {"key": picture.pk},
            text,
        )

    @admin.display(description=_("picture"))
    def picture(self, picture: Any) -> SafeString | str:
        """Return a thumbnail, if a row still has the same file."""
        if not picture.thumbnail_url:
            return gettext("no longer stored")
        return format_html(
            '<img class="refused-thumbnail" loading="lazy" width="96" height="72" src="{}" '
            'alt="{}">',
            picture.thumbnail_url,
            gettext("Refused picture %(key)s") % {"key": picture.pk},
        )

    @admin.display(description=_("note"))
    def shown_note(self, picture: RefusedPicture) -> SafeString:
        """Return the note."""
        return format_html('<span class="refused-note">{}</span>', picture.note)

    @admin.display(description=_("state"))
    def state(self, picture: Any) -> SafeString:
        """Return the state as a badge."""
        state = picture.current_state
        html = '<span class="refused-state refused-state-{}">{}</span>'
        return format_html(html, state, STATES[state])

    @admin.display(description=_("refused"))
    def refused(self, picture: RefusedPicture) -> SafeString:
        """Return who refused it and when, and who allowed it again."""
        texts = [_by(picture.refused_by, picture.refused_at)]
        if picture.lifted_at:
            lifted = gettext("allowed again %(by)s")
            texts.append(lifted % {"by": _by(picture.lifted_by, picture.lifted_at)})
        return format_html('<span class="refused-text">{}</span>', "; ".join(texts))

    @admin.display(description=_("until"))
    def until(self, picture: RefusedPicture) -> str:
        """Return the last day."""
        return date_format(picture.last_day) if picture.last_day else gettext("no end date")

    @admin.display(description=_("matched"))
    def matched(self, picture: RefusedPicture) -> SafeString | str:
        """Return how often somebody tried to add it, and when last."""
        if not picture.last_matched_at:
            return gettext("never")
        text = ngettext(
            "once, on %(day)s", "%(number)s times, last on %(day)s", picture.matches_total
        )
        day = date_format(localtime(picture.last_matched_at))
        html = '<span class="refused-text">{}</span>'
        return format_html(html, text % {"number": grouped(picture.matches_total), "day": day})

    @admin.display(description=_("action"))
    def action(self, picture: Any) -> SafeString | str:
        """Return the button that allows the picture again or refuses it again."""
        if not picture.may_change:
            return ""
        if picture.current_state == "active":
            return self._button(picture, "lift", ALLOW_AGAIN, picture.list_query)
        return self._button(picture, "again", REFUSE_AGAIN, picture.list_query)


def _lift(picture: RefusedPicture, user: Any, seen: datetime) -> str:
    """Allow a picture again; return the message, which names those who refused copies of it."""
    lifted = lift(picture, actor=user, seen=seen)
    picture.lifted_at = lifted.lifted_at  # which the Undo button sends
    if lifted.separate:
        text = ngettext(
            "%(number)s pictures are allowed again, including a nearly identical one that "
            "%(names)s refused separately.",
            "%(number)s pictures are allowed again, including %(separate)s nearly identical ones "
            "that %(names)s refused separately.",
            lifted.separate,
        )
    else:
        text = ngettext(
            "The picture is allowed again.",
            "%(number)s pictures that were refused together are allowed again.",
            lifted.pictures,
        )
    numbers = {"number": grouped(lifted.pictures), "separate": grouped(lifted.separate)}
    return text % {**numbers, "names": get_text_list(list(lifted.refused_by), gettext("and"))}


def _refuse_again(picture: RefusedPicture, user: Any, seen: datetime) -> str:
    """Refuse a picture again; return the message, with the number of pictures.

    If only others are refused, it says what happened to this one since it was seen.
    """
    number = refuse_again(picture, actor=user, seen=seen)
    if picture.changed_at == seen:
        text = ngettext(
            "The picture is refused again.", "%(number)s pictures are refused again.", number
        )
        return text % {"number": grouped(number)}
    text = ngettext(
        "%(number)s other picture is refused again, but not this one.",
        "%(number)s other pictures are refused again, but not this one.",
        number,
    )
    return f"{text % {'number': grouped(number)}} {last_change(picture)}"


def _seen(request: HttpRequest) -> datetime:
    """Return the time that the button sends or, if it is invalid, one that matches no picture."""
    with suppress(ValueError, OverflowError):
        return datetime.fromisoformat(request.POST.get(SEEN_FIELD, "")).astimezone(UTC)
    return datetime.fromtimestamp(0, UTC)


def _by(name: str, moment: Any) -> str:
    text = gettext("by %(name)s on %(day)s")
    return text % {"name": name, "day": date_format(localtime(moment))}
