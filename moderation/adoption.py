"""A row that names a key which a removal is about to take: the key is kept, or the row refused."""

from __future__ import annotations

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from moderation.errors import KeyTaken
from moderation.models import AuditEntry
from moderation.models.audit import EntryState
from moderation.registry import Registration, storage_alias


def keep_adopted_keys(
    registration: Registration,
    instance: models.Model,
    using: str,
    update_fields: frozenset[str] | None,
) -> None:
    """Turn the pending entries of the keys that a row names into kept ones.

    The entry's row lock is the key's lock: a purge claims under the same lock, so either it sees
    the entry kept, or this sees it claimed. Raises KeyTaken where the key is claimed, hidden or
    erased. A file that is not stored yet gets its name later, and a fresh one.
    """
    for field in registration.fields:
        if update_fields is not None and field.name not in update_fields:
            continue
        file = getattr(instance, field.attname)
        if file and file._committed:  # noqa: SLF001 - FieldFile tells it nowhere else
            _keep(storage_alias(field), file.name, instance, using)


def _keep(alias: str, name: str, instance: models.Model, using: str) -> None:
    ending = Q(state__in=(EntryState.PENDING, EntryState.HIDDEN, EntryState.ERASED))
    entries = AuditEntry.objects.using(using).filter(ending, storage=alias, name=name)
    if not entries.exists():
        return
    now = timezone.now()
    with transaction.atomic(using=using):
        held = list(entries.select_for_update().order_by("pk"))
        if any(_is_taken(entry) for entry in held):
            says = _("The file %(name)s was removed from storage, or is about to be. Add it anew.")
            raise KeyTaken(says % {"name": name})
        AuditEntry.objects.using(using).filter(pk__in=[entry.pk for entry in held]).update(
            state=EntryState.KEPT,
            kept_at=now,
            kept_because=f"{instance._meta.label} {instance.pk or 'new'} uses the file again"[:300],
        )


def _is_taken(entry: AuditEntry) -> bool:
    claimed = entry.leased_until is not None and entry.leased_until > timezone.now()
    return claimed or entry.state != EntryState.PENDING
