"""Name the rows that use the files of audit entries, each with a link."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.html import format_html
from django.utils.translation import gettext as _

from moderation.admin.display import Viewer
from moderation.db.rows import all_rows
from moderation.models import AuditEntry
from moderation.registry import registration_for

# A row that uses a file, such as "posts.PostImage.image 6780".
USER_PATTERN = re.compile(r"(?P<label>\w+\.\w+)\.\w+ (?P<key>\S+)")
# What precedes the row in the reason that a purge records.
REASON = "still used by "


class NamedRow(NamedTuple):
    """The row by whose name users recognise a file."""

    model: type[Model]
    key: Any
    name: str


def in_use_reasons(viewer: Viewer, reasons: Collection[str]) -> dict[str, str]:
    """Return each recorded reason as the pages display it: {reason: text or HTML}.

    If a row has a parent, as a picture has a post, the text names the parent. A reason that names
    no row, or a row that no longer exists, is returned as recorded. Runs one query for each model.
    """
    users = {reason: reason.removeprefix(REASON) for reason in reasons if reason.startswith(REASON)}
    rows = rows_of_users(users.values())
    return {
        reason: _text(viewer, rows[users[reason]]) if users.get(reason) in rows else reason
        for reason in reasons
    }


def rows_of_users(users: Iterable[str]) -> dict[str, NamedRow]:
    """Return the rows that use files, each as the row that names it for users: {user: row}.

    Leaves out what names no row, and rows that no longer exist. Runs one query for each model.
    """
    matches = {user: match for user in users if (match := USER_PATTERN.fullmatch(user))}
    keys: dict[str, set[str]] = {}
    for match in matches.values():
        keys.setdefault(match["label"], set()).add(match["key"])
    rows = {(label, key): row for label in keys for key, row in _named_rows(label, keys[label])}
    found = {user: rows.get((match["label"], match["key"])) for user, match in matches.items()}
    return {user: row for user, row in found.items() if row}


def without_repetitions(users: Iterable[str]) -> list[str]:
    """Return the users without those that differ from an earlier one only in the field."""
    found: dict[Any, str] = {}
    for user in users:
        match = USER_PATTERN.fullmatch(user)
        found.setdefault(match.group("label", "key") if match else user, user)
    return list(found.values())


def _named_rows(label: str, keys: Collection[str]) -> Iterator[tuple[str, NamedRow]]:
    """Yield the keys of existing rows of a model, each with the row that names it for users."""
    try:
        model = apps.get_model(label)
        primary_keys = [model._meta.pk.to_python(key) for key in keys]
    except (LookupError, ValueError, ValidationError):  # the model or its key has changed since
        return
    registration = registration_for(model)
    if registration and registration.parent_field:
        parent = apps.get_model(registration.parent_label)
        found = registration.details(primary_keys, using=AuditEntry.objects.db)
        for key, details in found.items():
            yield str(key), NamedRow(parent, details["parent_key"], str(details["title"]))
    else:
        for key, row in all_rows(model).in_bulk(primary_keys).items():
            yield str(key), NamedRow(model, key, str(row))


def _text(viewer: Viewer, row: NamedRow) -> str:
    model = row.model._meta.verbose_name
    if not viewer.may_view(row.model):
        return _("still used by %(model)s %(key)s") % {"model": model, "key": row.key}
    html = _('still used by the {model} <a href="{url}">“{name}”</a>')
    return format_html(html, model=model, url=viewer.url_of(row.model, row.key), name=row.name)
