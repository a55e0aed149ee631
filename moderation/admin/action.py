"""The action `remove_selected`, in place of Django's `delete_selected`, for any ModelAdmin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.exceptions import DisallowedModelAdminToField
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR
from django.contrib.admin.utils import unquote
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from moderation.admin.attribution import AttributedDeletions
from moderation.admin.change_list_query import save_list_query, without_page
from moderation.admin.display import removal_url
from moderation.admin.messages import errors_as_messages
from moderation.admin.object_keys import key_in
from moderation.admin.removals.object_permissions import guard_for, permissions_for
from moderation.admin.ticked_objects import chosen_action, is_across_pages, ticked_objects
from moderation.exceptions import RemovalError
from moderation.models import Removal
from moderation.removals.draft import exclude_refused
from moderation.removals.freeze import discarded_on_error, freeze


@admin.action(
    description=gettext_lazy("Remove selected %(verbose_name_plural)s"), permissions=["delete"]
)
def remove_selected(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, queryset: QuerySet[Any]
) -> HttpResponse | None:
    """Create a draft of the selection and redirect to it; on an error, stay on the change list.

    Django passes the queryset of the ModelAdmin with the filters of the list, limited to the
    selected objects unless "select all" across pages was chosen.
    """
    return create_draft(model_admin, request, queryset)


def create_draft(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, queryset: QuerySet[Any]
) -> HttpResponse | None:
    """Create a draft from a queryset and return a redirect to it.

    Objects that the user may not remove are excluded and named in a message. Returns None, with a
    message, if no draft can be created.
    """
    with errors_as_messages(request):
        _check_selection(model_admin, queryset)
        removal = freeze(
            queryset,
            actor=request.user,  # type: ignore[arg-type]
            permissions=permissions_for(model_admin, request.user),
            admin_site=model_admin.admin_site.name,
            admin_label=model_admin.model._meta.label,
        )
        with discarded_on_error(removal):
            save_list_query(request, removal)
            _exclude_refused(model_admin, request, removal)
            return redirect(removal_url(model_admin.admin_site, removal))
    return None


def _check_selection(model_admin: admin.ModelAdmin[Any], queryset: QuerySet[Any]) -> None:
    """Raise RemovalError for a site without pages for drafts, and for objects of another model."""
    site, model = model_admin.admin_site, model_admin.model
    try:
        removal_url(site, Removal(pk=0))
    except NoReverseMatch as error:
        text = _("The admin site “%(site)s” has no pages for removals. Ask an operator to call "
                 "moderation.admin.sites.register_pages(site).")  # fmt: skip
        raise RemovalError(text % {"site": site.name}) from error
    if queryset.model._meta.concrete_model is not model._meta.concrete_model:
        text = _("This list of %(objects)s contains %(others)s. Remove them in their own list.")
        raise RemovalError(text % {
            "objects": model._meta.verbose_name_plural,
            "others": queryset.model._meta.verbose_name_plural})  # fmt: skip


def _exclude_refused(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, removal: Removal
) -> None:
    """Exclude the objects that the user may not remove. Raises RemovalError if none is left."""
    if (guard := guard_for(model_admin, request)) is None:
        return
    if not (refused := exclude_refused(removal, guard)):
        return
    if not removal.objects_total:
        raise RemovalError(
            _("You may not remove any of the selected objects: %(names)s") % {"names": refused}
        )
    text = _("Not selected, because you may not remove them: %(names)s")
    messages.warning(request, text % {"names": refused})


def show_delete_page(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, object_id: str
) -> HttpResponse:
    """Return the delete page of one object; on POST, create a draft of it.

    Raises Http404 if the ModelAdmin does not show the object, PermissionDenied if the user may not
    delete it, and DisallowedModelAdminToField for a column that must not identify objects.
    """
    to_field = request.POST.get(TO_FIELD_VAR, request.GET.get(TO_FIELD_VAR)) or None
    if to_field and not model_admin.to_field_allowed(request, to_field):
        # Otherwise users could guess the values of any column.
        raise DisallowedModelAdminToField(to_field)
    key = unquote(object_id)
    obj = None if "\0" in key else model_admin.get_object(request, key, to_field)
    if obj is None:
        raise Http404
    if not model_admin.has_delete_permission(request, obj):
        raise PermissionDenied
    if request.method == "POST":
        queryset = model_admin.get_queryset(request).filter(pk=obj.pk)
        if (response := create_draft(model_admin, request, queryset)) is not None:
            return response
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Remove %(name)s?") % {"name": model_admin.opts.verbose_name},
        "object": obj,
        "opts": model_admin.opts,
        "is_popup": IS_POPUP_VAR in request.GET,
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, "admin/moderation/remove_single.html", context)


class RemoveSelectedMixin(AttributedDeletions):
    """Add the action `remove_selected`, and a delete page that creates a draft, to a ModelAdmin.

    Add to `ticked_actions` the actions that get exactly the ticked objects, even those that the
    list's filters no longer match. Other actions get what matches when the form is sent.
    """

    ticked_actions: tuple[str, ...] = (remove_selected.__name__,)

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        """Return the actions: `remove_selected` if the user may delete, never `delete_selected`.

        Django 6.1 and later pass a location, because pages of single objects have actions too.
        """
        location = () if action_location is None else (action_location,)
        actions: dict[str, Any] = super().get_actions(request, *location)
        actions.pop("delete_selected", None)
        if self.actions is None or IS_POPUP_VAR in request.GET:
            return actions
        if not self.has_delete_permission(request):
            return actions
        action = self.get_action(remove_selected, *location)
        return {remove_selected.__name__: action, **actions} if action else actions

    def get_action_choices(
        self, request: HttpRequest, default_choices: Any = None, action_location: Any = None
    ) -> list[Any]:
        """Return the choices. If `remove_selected` is the only one, it is already chosen.

        This saves a click and risks nothing: the action leads to a page that asks for confirmation.
        """
        given = {"default_choices": default_choices, "action_location": action_location}
        options = {name: value for name, value in given.items() if value is not None}
        choices = super().get_action_choices(request, **options)
        named = [choice for choice in choices if choice[0]]
        return named if [choice[0] for choice in named] == [remove_selected.__name__] else choices

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the list, or run an action even if its page of the list no longer exists."""
        if ACTION_CHECKBOX_NAME in request.POST and "_save" not in request.POST:
            query = without_page(request.META["QUERY_STRING"])
            request.META["QUERY_STRING"], request.GET = query, QueryDict(query)
        return super().changelist_view(request, extra_context)

    def response_action(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Run an action. Raises BadRequest for a selected value that is not a valid key.

        Checks the values only if it is called as Django calls it, with a `queryset`. Another app
        may pass other arguments, and values that are not keys of this model.
        """
        if args or "queryset" in kwargs:
            values = request.POST.getlist(ACTION_CHECKBOX_NAME)
            try:
                keys = [key_in(self.model, value) for value in values]
            except ValidationError as error:
                raise BadRequest from error
            is_ticked = chosen_action(request) in self.ticked_actions
            if "queryset" in kwargs and is_ticked and not is_across_pages(request):
                kwargs["queryset"] = ticked_objects(self, request, keys)
                if kwargs["queryset"] is None:
                    return None
        return super().response_action(request, *args, **kwargs)

    @method_decorator((csrf_protect, require_http_methods(["GET", "HEAD", "POST"])))
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the delete page of one object, which creates a draft."""
        return show_delete_page(self, request, object_id)
