"""The models that own files, with their fields and storages, and the details of each file."""

from moderation.registry.fields import own_file_fields, storage_alias, storage_aliases
from moderation.registry.registration import DetailsKey, ExtraFiles, Lookup, Registration
from moderation.registry.registrations import (
    alias_of,
    registered_models,
    registration_by_label,
    registration_for,
    title_text,
)
from moderation.registry.storages import StorageOf

__all__ = [
    "DetailsKey",
    "ExtraFiles",
    "Lookup",
    "Registration",
    "StorageOf",
    "alias_of",
    "own_file_fields",
    "registered_models",
    "registration_by_label",
    "registration_for",
    "storage_alias",
    "storage_aliases",
    "title_text",
]
