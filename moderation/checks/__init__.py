"""System checks: they report what would make a removal fail or do harm."""

from __future__ import annotations

from django.core import checks

from moderation.checks import (
    database,
    file_fields,
    receivers,
    references,
    registered_models,
    review_rules,
    settings,
    site,
    storage_adapters,
)


def register_all() -> None:
    """Register the checks of models and of databases."""
    for module in (
        registered_models, file_fields, receivers, references, storage_adapters, site, database,
        settings, review_rules,
    ):  # fmt: skip
        for check in module.MODEL_CHECKS:
            checks.register(check, checks.Tags.models)
    for module in (registered_models, references, site):
        for check in module.DATABASE_CHECKS:
            checks.register(check, checks.Tags.database)
