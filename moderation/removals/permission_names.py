"""The names of permissions, as Django's admin shows them."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import Permission
from django.db.models import Q


def permission_names(codes: Sequence[str]) -> list[str]:
    """Return the quoted names of permissions, such as “Can delete post”, in the order of the codes.

    Runs one query. A permission that does not exist is named by its code.
    """
    wanted = Q()
    for code in codes:
        app_label, _dot, codename = code.partition(".")
        wanted |= Q(content_type__app_label=app_label, codename=codename)
    rows = Permission.objects.filter(wanted).values_list(
        "content_type__app_label", "codename", "name"
    )
    names = {f"{app_label}.{codename}": name for app_label, codename, name in rows}
    return [f"“{names[code]}”" if code in names else code for code in codes]
