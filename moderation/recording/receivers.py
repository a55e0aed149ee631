"""The receivers for the signals of registered models, which `connect` connects."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import FileField
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save

from moderation.exceptions import KeyTaken
from moderation.recording.collect import collect, write_collected
from moderation.recording.key_reuse import confirm_reused_keys, reserve_reused_keys
from moderation.recording.replaced_files import record_replaced_files, watch_replaced_files
from moderation.recording.upload_identity import verify_uploads_of
from moderation.recording.upload_names import avoid_open_keys
from moderation.registry import registration_for


def connect(model: type[models.Model]) -> None:
    """Connect the receivers to one model, and make its file fields check the names of uploads.

    The receivers have a sender, because otherwise they would slow down every model.
    """
    for signal, receiver in (
        (pre_delete, collect_files),
        (post_delete, write_files),
        (pre_save, reserve_keys),
        (post_save, confirm_keys),
    ):
        uid = f"moderation.{receiver.__name__}.{model._meta.label}"
        signal.connect(receiver, sender=model, dispatch_uid=uid)
    for field in model._meta.concrete_fields:
        if isinstance(field, FileField):
            avoid_open_keys(field)
    verify_uploads_of(model)


def collect_files(
    sender: type[models.Model], instance: models.Model, using: str, origin: Any, **_: Any
) -> None:
    """Collect the files of a row before it is deleted."""
    if registration := registration_for(sender):
        collect(registration, instance, using, origin)


def write_files(using: str, origin: Any, **_: Any) -> None:
    """Write the entries for all collected files, after the first registered row is deleted."""
    write_collected(using, origin)


def reserve_keys(
    instance: models.Model, using: str, update_fields: frozenset[str] | None, **save: Any
) -> None:
    """Reserve the keys that a row names before it is saved, or raise KeyTaken.

    Then schedule the stored row to be read, for the files that the save replaces.
    """
    reserve_reused_keys(instance, using, update_fields, raw=save["raw"])
    watch_replaced_files(instance, using, update_fields, raw=save["raw"])


def confirm_keys(
    instance: models.Model, using: str, update_fields: frozenset[str] | None, **save: Any
) -> None:
    """Make sure, after a row is saved, that no removal has claimed its keys.

    Then record the files that it replaced. If the keys are refused, the row may have got its former
    names back.
    """
    created, raw = save["created"], save["raw"]
    try:
        confirm_reused_keys(instance, using, update_fields, created=created, raw=raw)
    except KeyTaken:
        record_replaced_files(instance, using, update_fields, created=created, is_refused=True)
        raise
    record_replaced_files(instance, using, update_fields, created=created)
