"""What lists and pages of objects say about the drafts and removals that contain them."""

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
from moderation.models import NotInRemovals, Removal, has_exact_keys
from moderation.models.states import RemovalState
from moderation.removals.others_drafts import open_removals, removals_with

COLUMN = "open_draft"
# The attributes in which a request and an object keep what was read for one response.
READ_REMOVALS = "moderation_open_removals"
NOTICE = "moderation_draft_notice"


class OthersDraftsFilter(ChoiceFilter):
    """A filter for the objects that nobody else has selected, and that nobody is removing."""

    title = gettext_lazy("drafts and removals")
    parameter_name = "others_draft"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, Any]]:
        """Return the only choice."""
        self.model_admin = model_admin
        text = gettext_lazy("Neither in another moderator’s draft nor being removed")
        return [("no", text)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the objects that are in no such removal; none for an unknown value."""
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
    """Return those objects of a queryset that nobody else has selected, and nobody is removing.

    Leaves out the objects of other people's drafts and stopped removals, and of all removals that
    are deleting.
    """
    found = [
        removal.pk
        for removal in removals_of_request(model_admin, request)
        if removal.actor_id != request.user.pk or removal.state == RemovalState.DELETING
    ]
    return queryset.filter(NotInRemovals(queryset.model, found)) if found else queryset


class OpenDraftsMixin(admin.ModelAdmin):
    """A ModelAdmin whose list and pages say which objects are in a draft or removal, and whose.

    The notices do not block anything. The list has a column for them if any object of the page is
    in a draft or removal.
    """

    change_form_template = "admin/moderation/open_drafts_form.html"

    class Media:
        css = {"all": ("moderation/open_drafts.css",)}

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns. If there may be notices, their column is the last one."""
        columns = super().get_list_display(request)
        return [*columns, COLUMN] if removals_of_request(self, request) else columns

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

    @admin.display(description=gettext_lazy("removal"), empty_value="")
    def open_draft(self, obj: Any) -> str:
        """Return whose draft or removal the object is in, or ""."""
        return getattr(obj, NOTICE, "")


def removals_of_request(model_admin: admin.ModelAdmin[Any], request: HttpRequest) -> list[Removal]:
    """Return the open removals of a ModelAdmin's objects. They are read once for each request."""
    site, model = model_admin.admin_site.name, model_admin.model
    read: dict[tuple[str, Any], list[Removal]] = request.__dict__.setdefault(READ_REMOVALS, {})
    if (site, model) not in read:
        read[site, model] = open_removals(model, site=site)
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
    """Return whose draft or removal each of the objects is in: {key: HTML}."""
    removals = removals_of_request(model_admin, request)
    found = removals_with(model_admin.model, [obj.pk for obj in objects], removals)
    return {key: _notice(model_admin, request, each) for key, each in found.items()}


def removal_label(removal: Removal) -> str:
    """Return whose removal its objects are in, such as "in moderator_2’s draft since 14:05"."""
    texts: dict[str, str] = {
        RemovalState.DELETING: _("being removed by %(name)s"),
        RemovalState.STOPPED: _("in %(name)s’s stopped removal"),
    }
    text = texts.get(removal.state, _("in %(name)s’s draft since %(time)s"))
    return text % {"name": removal.actor_name, "time": short_time(removal.created_at)}


def _notice(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, removals: Sequence[Removal]
) -> str:
    """Return a notice about the removals of one object, which names the most important one.

    That is one that is deleting, because nothing else matters then, or else somebody else's.
    """
    own = request.user.pk
    first = min(
        removals, key=lambda each: (each.state != RemovalState.DELETING, each.actor_id == own)
    )
    if first.actor_id == own:
        return _own_notice(model_admin, first)
    notice = removal_label(first)
    more = len({each.actor_id for each in removals}) - 1
    if not more or first.state == RemovalState.DELETING:
        return notice
    text = ngettext(
        "%(notice)s, and selected by %(number)s other person",
        "%(notice)s, and selected by %(number)s other people",
        more,
    )
    return text % {"notice": notice, "number": more}


def _own_notice(model_admin: admin.ModelAdmin[Any], removal: Removal) -> str:
    """Return the notice about the user's own removal, as a link if the site has its page."""
    texts: dict[str, str] = {
        RemovalState.DELETING: _("being removed"),
        RemovalState.STOPPED: _("in your stopped removal"),
    }
    text = texts.get(removal.state, _("in your draft"))
    try:
        url = removal_url(model_admin.admin_site, removal)
    except NoReverseMatch:
        return text
    return format_html('<a href="{}">{}</a>', url, text)
