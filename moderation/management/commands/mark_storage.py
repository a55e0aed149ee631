"""`manage.py mark_storage`: give storages an identity, which each purge verifies first."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import FileField
from django.utils.translation import gettext as _

from moderation.exceptions import ModerationError
from moderation.models import AuditEvent, StorageIdentity
from moderation.models.states import EventType
from moderation.registry import (
    own_file_fields,
    registered_models,
    registration_for,
    storage_alias,
)
from moderation.storage.identity import write_identity


class Command(BaseCommand):
    """Write an identity file into each storage, or check the existing one."""

    help = (
        "Write an identity file into storages, so that a purge can tell the right storage from an "
        "unmounted disk or a wrong endpoint. Running it twice changes nothing. A new identity is "
        "recorded in the audit log."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "aliases",
            nargs="*",
            metavar="ALIAS",
            help="aliases in STORAGES (default: all that registered models use)",
        )
        parser.add_argument(
            "--replace",
            action="store_true",
            help="write the identity file again to a storage that lost it, or give a storage a new "
            "identity if the database knows the alias from another environment. First make sure "
            "that it is the right storage.",
        )

    def handle(self, *, aliases: list[str], replace: bool, **_options: Any) -> None:
        for alias in aliases or registered_aliases():
            if alias not in settings.STORAGES:
                raise CommandError(
                    _("%(alias)s is not in STORAGES. Choose one of %(known)s.")
                    % {"alias": alias, "known": ", ".join(sorted(settings.STORAGES))}
                )
            before = StorageIdentity.objects.filter(alias=alias).first()
            try:
                known = write_identity(alias, replace=replace)
            except ModerationError as error:
                raise CommandError(str(error)) from error
            if replace or _as_details(before) != _as_details(known):
                details = {"storage": alias, "replace": replace, **_as_details(known)}
                AuditEvent.record_command(EventType.MARK, details=details)
            self.stdout.write(f"{known.alias}  {known.identity}  {known.environment}")


def _as_details(known: StorageIdentity | None) -> dict[str, str]:
    """Return a storage's identity for the details of an audit event."""
    if known is None:
        return {}
    return {"identity": str(known.identity), "environment": known.environment}


def registered_aliases() -> list[str]:
    """Return the aliases of the storages that the fields of registered models write to.

    If rows choose their storage, only the field's own is included. Users must name the others.
    """
    fields = [field for model in registered_models() for field in own_file_fields(model)]
    return sorted({alias for field in fields if (alias := _known_alias(field))})


def _known_alias(field: FileField) -> str:
    """Return the alias of a field's storage, or "" if it has none and its rows choose one."""
    try:
        return storage_alias(field)
    except ImproperlyConfigured:
        registration = registration_for(field.model)
        if registration is None or registration.storage is None:
            raise
        return ""
