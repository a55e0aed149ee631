"""What was chosen in the form of a change list: an action, and ticked objects or all of them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import BooleanField
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from moderation.admin.display import count


def chosen_action(request: HttpRequest) -> str:
    """Return the name of the action whose button was pressed, or "" if that is unclear.

    The form may have a menu of actions above and another one below the list.
    """
    with suppress(IndexError, ValueError):
        return request.POST.getlist("action")[int(request.POST.get("index", 0))]
    return ""


def is_across_pages(request: HttpRequest) -> bool:
    """Return whether all objects that match the list's filters were selected."""
    return bool(BooleanField().to_python(request.POST.get("select_across")))


def ticked_objects(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, keys: Iterable[Any]
) -> QuerySet[Any] | None:
    """Return the objects with these keys, also those that the list's filters no longer match.

    A message says how many no longer exist or are no longer visible to the user. Returns None if
    none is left.
    """
    ticked = set(keys)
    objects: QuerySet[Any] = model_admin.get_queryset(request).filter(pk__in=ticked)
    found = set(objects.values_list("pk", flat=True))
    if missing := len(ticked - found):
        text = ngettext(
            "%(objects)s that you ticked no longer exists, so it was not included.",
            "%(objects)s that you ticked no longer exist, so they were not included.",
            missing,
        ) % {"objects": count(model_admin.model._meta.label, missing)}
        text = text if found else " ".join([text, _("Nothing was changed.")])
        messages.warning(request, text)
    return objects if found else None
