"""A row that names a key which a removal is about to take: the key is kept, or the row refused."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import models, transaction
from django.db.models import FileField
from django.utils import timezone
from django.utils.translation import gettext as _

from moderation.errors import KeyTaken
from moderation.models import AuditEntry
from moderation.models.audit import OPEN_STATES, EntryState
from moderation.registry import alias_of, registration_for
from moderation.storage import adapter_for


def keep_adopted_keys(
    instance: models.Model, using: str, update_fields: frozenset[str] | None
) -> None:
    """Turn the pending entries of the keys that a row names into kept ones.

    The entry's row lock is the key's lock: a purge claims under the same lock, so either it sees
    the entry kept, or this sees it claimed. Raises KeyTaken where a storage was asked for the key,
    whatever it answered, or where it is hidden or erased. A file that is not stored yet gets its
    name later, and a fresh one. A row that is saved as a whole, and names the key already, adopts
    nothing: where names are not unique for ever, it may hold a newer file.
    """
    for field in _registered_fields(instance):
        if update_fields is not None and field.name not in update_fields:
            continue
        file = getattr(instance, field.attname)
        if not file or not file._committed:  # noqa: SLF001 - FieldFile tells it nowhere else
            continue
        entries = _entries_of(alias_of(instance, field), file.name, using)
        if entries.exists() and (update_fields or not _is_stored(instance, field, using)):
            _keep(entries, instance, using)


def _registered_fields(instance: models.Model) -> Iterator[FileField]:
    """The file fields of the row, those of registered parents included: one save writes all."""
    for field in instance._meta.concrete_fields:
        if isinstance(field, FileField) and registration_for(field.model):
            yield field


def _entries_of(alias: str, name: str, using: str) -> models.QuerySet[AuditEntry]:
    """The entries of the key that a name stands for; none where it can name nothing."""
    try:
        key = adapter_for(alias).key(name)
    except ValueError:
        return AuditEntry.objects.none()
    states = (*OPEN_STATES, EntryState.ERASED)
    return AuditEntry.objects.using(using).filter(storage=alias, key=key, state__in=states)


def _is_stored(instance: models.Model, field: FileField, using: str) -> bool:
    """Whether the row is in the database with this very name."""
    same = {"pk": instance.pk, field.name: getattr(instance, field.attname).name}
    return type(instance)._base_manager.using(using).filter(**same).exists()


def _keep(entries: models.QuerySet[AuditEntry], instance: models.Model, using: str) -> None:
    with transaction.atomic(using=using):
        held = list(entries.select_for_update().order_by("pk"))
        for entry in held:
            if _is_taken(entry):
                says = _(
                    "The file %(name)s was removed from storage, or is about to be. Add it anew."
                )
                raise KeyTaken(says % {"name": entry.name})
        AuditEntry.objects.using(using).filter(pk__in=[entry.pk for entry in held]).update(
            state=EntryState.KEPT,
            kept_at=timezone.now(),
            kept_because=f"{instance._meta.label} {instance.pk or 'new'} uses the file again"[:300],
        )


def _is_taken(entry: AuditEntry) -> bool:
    """Whether its bytes may be gone already.

    A lease that ran out is that of a worker that was killed, perhaps after the storage had obeyed;
    a request that failed may have been obeyed as well.
    """
    was_asked_for = entry.leased_until or entry.attempts or entry.failed_at
    return bool(was_asked_for) or entry.state != EntryState.PENDING
