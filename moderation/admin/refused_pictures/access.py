"""Who may refuse pictures, and the URLs of the pages for it."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import NoReverseMatch, reverse


def may_refuse(user: Any) -> bool:
    """Return whether a user may refuse pictures and allow them again."""
    return bool(user.has_perm("moderation.refuse_picture"))


def list_url(site: AdminSite) -> str:
    """Return the URL of the list of refused pictures, or "" if the site does not have it."""
    return _url(site, "changelist")


def refuse_url(site: AdminSite, row: Model) -> str:
    """Return the URL of the page that refuses the picture of a row, or "" if the site has none."""
    return _url(site, "refuse", row._meta.label_lower, quote(row.pk))


def _url(site: AdminSite, page: str, *args: Any) -> str:
    name = f"admin:moderation_refusedpicture_{page}"
    try:
        return reverse(name, args=args, current_app=site.name)
    except NoReverseMatch:
        return ""
