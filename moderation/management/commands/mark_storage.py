"""Give storages their identity, which every purge proves before it takes a file."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import FileField
from django.utils.translation import gettext as _

from moderation.errors import ModerationError
from moderation.models import AuditEvent, StorageMark
from moderation.models.audit import EventKind
from moderation.registry import (
    own_file_fields,
    registered_models,
    registration_for,
    storage_alias,
)
from moderation.storage.mark import write_mark


class Command(BaseCommand):
    """Writes a marker into each storage, or checks the one that is there."""

    help = (
        "Mark storages, so that a purge can tell the right one from an unmounted disk or a wrong "
        "endpoint. Running it twice changes nothing. What it writes is recorded in the audit log."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "aliases",
            nargs="*",
            metavar="ALIAS",
            help="aliases in STORAGES; all that registered models use, where none is given",
        )
        parser.add_argument(
            "--replace",
            action="store_true",
            help="mark a storage that lost its marker, or that the database knows from another "
            "environment. Look first whether it is the right one.",
        )

    def handle(self, *, aliases: list[str], replace: bool, **_options: Any) -> None:
        for alias in aliases or aliases_in_use():
            if alias not in settings.STORAGES:
                raise CommandError(
                    _("%(alias)s is not in STORAGES; it has %(known)s.")
                    % {"alias": alias, "known": ", ".join(sorted(settings.STORAGES))}
                )
            before = StorageMark.objects.filter(alias=alias).first()
            try:
                mark = write_mark(alias, replace=replace)
            except ModerationError as error:
                raise CommandError(str(error)) from error
            if replace or _identity_of(before) != _identity_of(mark):
                details = {"storage": alias, "replace": replace, **_identity_of(mark)}
                AuditEvent.note_command(EventKind.MARK, details=details)
            self.stdout.write(f"{mark.alias}  {mark.identity}  {mark.environment}")


def _identity_of(mark: StorageMark | None) -> dict[str, str]:
    """Return what the database knows of a storage's identity."""
    if mark is None:
        return {}
    return {"identity": str(mark.identity), "environment": mark.environment}


def aliases_in_use() -> list[str]:
    """The aliases of the storages that the fields of registered models write to.

    Where a row chooses its storage, only the field's own is known; name the others.
    """
    fields = [field for model in registered_models() for field in own_file_fields(model)]
    return sorted({alias for field in fields if (alias := _known_alias(field))})


def _known_alias(field: FileField) -> str:
    """The alias of a field's storage; empty where it has none and its rows choose."""
    try:
        return storage_alias(field)
    except ImproperlyConfigured:
        registration = registration_for(field.model)
        if registration is None or registration.storage is None:
            raise
        return ""
