"""What lists and pages of objects say about the open drafts that contain them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from moderation.admin.choice_filter import ChoiceFilter
from moderation.admin.display import removal_url, short_time
from moderation.models import NotInDrafts, Removal, has_exact_keys
from moderation.removals.others_drafts import drafts_with, open_drafts

COLUMN = "open_draft"
# The attributes in which a request and an object keep what was read for one response.
READ_DRAFTS = "moderation_open_drafts"
NOTICE = "moderation_draft_notice"


class OthersDraftsFilter(ChoiceFilter):
    """A filter for the objects that are not in another moderator's open draft."""

    title = gettext_lazy("drafts")
    parameter_name = "others_draft"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, Any]]:
        """Return the only choice."""
        self.model_admin = model_admin
        return [("no", gettext_lazy("Not in another moderator’s draft"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the objects that are in no such draft; none for an unknown value."""
        match self.value():
            case None:
                return queryset
            case "no" if has_exact_keys(queryset.model):
                return not_in_others_drafts(self.model_admin, request, queryset)
            case _:
                return queryset.none()


def not_in_others_drafts(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, queryset: QuerySet[Any]
) -> QuerySet[Any]:
    """Return those objects of a queryset that are not in another moderator's open draft."""
    drafts = drafts_of_request(model_admin, request)
    others = [draft.pk for draft in drafts if draft.actor_id != request.user.pk]
    return queryset.filter(NotInDrafts(queryset.model, others)) if others else queryset


class OpenDraftsMixin(admin.ModelAdmin):
    """A ModelAdmin whose list and pages say which objects are in an open draft, and whose.

    The notices prevent nothing. The list has a column for them if an object of the page is in a
    draft.
    """

    change_form_template = "admin/moderation/open_drafts_form.html"

    class Media:
        css = {"all": ("moderation/open_drafts.css",)}

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns, with that of the drafts at the end if there are any."""
        columns = super().get_list_display(request)
        return [*columns, COLUMN] if drafts_of_request(self, request) else columns

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Return the change list with the notices of the page's objects."""
        change_list = super().get_changelist_instance(request)
        add_notices(self, request, change_list)
        return change_list

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Render the page of an object with its notice."""
        if (obj := context.get("original")) is not None:
            context["draft_notice"] = notices(self, request, [obj]).get(obj.pk, "")
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=gettext_lazy("draft"), empty_value="")
    def open_draft(self, obj: Any) -> str:
        """Return whose draft the object is in, or ""."""
        return getattr(obj, NOTICE, "")


def drafts_of_request(model_admin: admin.ModelAdmin[Any], request: HttpRequest) -> list[Removal]:
    """Return the open drafts of a ModelAdmin's objects. They are read once for each request."""
    site, model = model_admin.admin_site.name, model_admin.model
    read: dict[tuple[str, Any], list[Removal]] = request.__dict__.setdefault(READ_DRAFTS, {})
    if (site, model) not in read:
        read[site, model] = open_drafts(model, site=site)
    return read[site, model]


def add_notices(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, change_list: ChangeList
) -> None:
    """Add the notices to the objects of a change list's page, or remove their empty column."""
    if COLUMN not in change_list.list_display:
        return
    found = notices(model_admin, request, change_list.result_list)
    for obj in change_list.result_list:
        setattr(obj, NOTICE, found.get(obj.pk, ""))
    if not found:
        columns = change_list.list_display
        change_list.list_display = [name for name in columns if name != COLUMN]


def notices(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, objects: Any
) -> dict[Any, str]:
    """Return whose draft each of the objects is in, and its time of creation: {key: HTML}."""
    drafts = drafts_of_request(model_admin, request)
    found = drafts_with(model_admin.model, [obj.pk for obj in objects], drafts)
    return {key: _notice(model_admin, request, each) for key, each in found.items()}


def draft_label(draft: Removal) -> str:
    """Return a text with the author and the time of a draft: "moderator_2’s draft since 14:05"."""
    text = _("%(name)s’s draft since %(time)s")
    return text % {"name": draft.actor_name, "time": short_time(draft.created_at)}


def _notice(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, drafts: Sequence[Removal]
) -> str:
    """Return a notice about the drafts of one object: about those of others first."""
    others = [draft for draft in drafts if draft.actor_id != request.user.pk]
    if not others:
        return _own_notice(model_admin, drafts[0])
    notice = _("in %(draft)s") % {"draft": draft_label(others[0])}
    more = len({draft.actor_id for draft in drafts}) - 1
    if not more:
        return notice
    text = ngettext(
        "%(notice)s, and in %(number)s other person’s draft",
        "%(notice)s, and in %(number)s other people’s drafts",
        more,
    )
    return text % {"notice": notice, "number": more}


def _own_notice(model_admin: admin.ModelAdmin[Any], draft: Removal) -> str:
    """Return the notice about the user's own draft, as a link to it if the site has its page."""
    try:
        url = removal_url(model_admin.admin_site, draft)
    except NoReverseMatch:
        return _("in your draft")
    return format_html('<a href="{}">{}</a>', url, _("in your draft"))
