"""System checks of the ModelAdmins that offer `remove_selected`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.sites import all_sites
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db.models import Model, QuerySet

from moderation.admin.action import RemoveSelectedMixin, remove_selected
from moderation.admin.attribution import AttributedDeletions
from moderation.cascade.relations import deleted_with
from moderation.exceptions import CannotFreeze
from moderation.models import Removal
from moderation.registry import registered_models
from moderation.removals.selection import check_model

# Django uses these when it deletes a selection or, on the delete page, one object.
SELECTION_HOOKS = (
    "delete_queryset",
    "get_deleted_objects",
    "log_deletion",
    "log_deletions",
    "delete_selected_confirmation_template",
)
SINGLE_HOOKS = (
    "delete_model",
    "delete_view",
    "delete_confirmation_template",
    "render_delete_form",
    "response_delete",
)
OWN_CLASSES = (RemoveSelectedMixin, AttributedDeletions)


def check_sites(**_: Any) -> list[CheckMessage]:
    """E022: an admin site offers `remove_selected`, but not the pages to confirm a draft."""
    return [
        Error(
            f"The admin site {site.name!r} offers remove_selected, but has no pages for removals.",
            hint="Call moderation.admin.sites.register_pages(site) where you set up the site.",
            obj=site,
            id="moderation.E022",
        )
        for site in _sites()
        if not site.is_registered(Removal) and any(_admins_of(site))
    ]


def check_hooks(**_: Any) -> list[CheckMessage]:
    """W023: a ModelAdmin overrides a deletion hook that a removal does not call."""
    return [
        checks.Warning(
            f"{_path(owner)}.{hook} is not called when objects of {model_admin.model._meta.label} "
            "are removed, because workers delete batches without a request.",
            hint="Move its code to a pre_delete or post_delete receiver; if it forbids deletions, "
            "to has_delete_permission(request, obj).",
            obj=type(model_admin),
            id="moderation.W023",
        )
        for model_admin in _admins()
        for owner, hook in _overridden_hooks(model_admin)
    ]


def check_custom_deletes(**_: Any) -> list[CheckMessage]:
    """W024: a model or queryset has its own `delete()`, which a removal does not call."""
    return [
        checks.Warning(
            f"A removal deletes rows of {model._meta.label} for good and does not call {method}.",
            hint="If that method only marks rows as deleted, remove RemoveSelectedMixin from the "
            "ModelAdmins whose removals reach the model. Otherwise silence this check.",
            obj=model,
            id="moderation.W024",
        )
        for model in _removable_models()
        for method in _custom_deletes(model)
    ]


def check_selectable(**_: Any) -> list[CheckMessage]:
    """E025: a ModelAdmin offers `remove_selected` for objects that cannot be removed."""
    messages: list[CheckMessage] = []
    for model_admin in _admins():
        try:
            check_model(model_admin.model._meta.concrete_model)
        except CannotFreeze as reason:
            messages.append(
                Error(
                    f"Objects of {model_admin.model._meta.label} cannot be removed. {reason}",
                    hint="Change what the message names, or remove RemoveSelectedMixin from "
                    "the ModelAdmin.",
                    obj=type(model_admin),
                    id="moderation.E025",
                )
            )
    return messages


ADMIN_CHECKS = (check_sites, check_hooks, check_custom_deletes, check_selectable)


def _sites() -> list[AdminSite]:
    return sorted(all_sites, key=lambda site: site.name)


def _admins() -> Iterator[ModelAdmin[Any]]:
    for site in _sites():
        yield from _admins_of(site)


def _admins_of(site: AdminSite) -> Iterator[ModelAdmin[Any]]:
    """Yield the ModelAdmins of a site that have the action."""
    everywhere = any(action is remove_selected for _name, action in site.actions)
    for model_admin in site._registry.values():  # noqa: SLF001 - Django has no public list
        is_listed = remove_selected in (model_admin.actions or ())
        if everywhere or is_listed or isinstance(model_admin, RemoveSelectedMixin):
            yield model_admin


def _overridden_hooks(model_admin: ModelAdmin[Any]) -> Iterator[tuple[type, str]]:
    """Yield the overridden hooks that a removal does not call, each with its class.

    Includes hooks that the mixin itself overrides, because `add_remove_action` puts the mixin
    before the class that has the hook.
    """
    has_delete_page = isinstance(model_admin, RemoveSelectedMixin)
    classes = [each for each in type(model_admin).__mro__ if each not in OWN_CLASSES]
    for hook in SELECTION_HOOKS + SINGLE_HOOKS * has_delete_page:
        owner = next((each for each in classes if hook in vars(each)), ModelAdmin)
        is_set = getattr(model_admin, hook, None) is not None  # a template may be None
        if is_set and owner is not ModelAdmin:
            yield owner, hook


def _removable_models() -> list[type[Model]]:
    """Return the models whose rows a removal may delete, and the registered models."""
    found: set[type[Model]] = set(registered_models())
    for model_admin in _admins():
        try:
            found |= deleted_with(model_admin.model._meta.concrete_model)
        except CannotFreeze:
            continue  # E025 reports it
    return sorted(found, key=lambda model: model._meta.label)


def _custom_deletes(model: type[Model]) -> Iterator[str]:
    if model.delete is not Model.delete:
        owner = next(each for each in model.__mro__ if "delete" in vars(each))
        yield f"{_path(owner)}.delete()"
    managers = (model._default_manager, model._base_manager)
    for queryset in sorted({_queryset_class(each) for each in managers}, key=_path):
        for name in ("delete", "_raw_delete"):
            if getattr(queryset, name, None) is not getattr(QuerySet, name):
                yield f"{_path(queryset)}.{name}()"


def _queryset_class(manager: Any) -> type[QuerySet[Any]]:
    """Return the class of the querysets that a manager returns."""
    try:
        return type(manager.get_queryset())
    except Exception:  # noqa: BLE001 - a custom manager may need a request or a tenant
        found: type[QuerySet[Any]] = manager._queryset_class  # noqa: SLF001 - the only fallback
        return found


def _path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
