"""Every field of every model has a name that people can read, and one that says what it holds."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.utils.functional import Promise

from moderation.models import AuditEntry, RemovalBatch, states
from moderation.models.removal import Removal
from moderation.removals import seal
from tests.services.processes import ROOT

MODELS = sorted(apps.get_app_config("moderation").get_models(), key=lambda model: model.__name__)
FIELDS = [
    pytest.param(field, id=f"{model.__name__}.{field.name}")
    for model in MODELS for field in model._meta.get_fields()
    if isinstance(field, models.Field) and not field.auto_created
]  # fmt: skip
TIMES = [case for case in FIELDS if isinstance(case.values[0], models.DateTimeField)]
CHOICES = [
    each for each in vars(states).values()
    if isinstance(each, type) and issubclass(each, models.TextChoices) and each.choices
]  # fmt: skip

# Texts that may be null, and why. Django prefers an empty text.
NULL_TEXTS = {"AuditEntry.sha256": "so that the partial index of the known digests works"}


def label_of(field: models.Field) -> str:
    return f"{field.model.__name__}.{field.name}"


@pytest.mark.parametrize("model", MODELS)
def test_each_model_has_a_translated_name(model: type[models.Model]) -> None:
    names = model._meta.original_attrs
    for name in ("verbose_name", "verbose_name_plural"):
        assert isinstance(names.get(name), Promise), f"{model.__name__}.Meta: add {name} = _(…)"
        assert str(names[name]) == str(names[name]).lower(), "the admin capitalizes it"


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_has_a_translated_name_in_lower_case(field: models.Field) -> None:
    text = field.verbose_name
    hint = f"{label_of(field)}: name it with _(…), because pages and exports show the name"
    assert isinstance(text, Promise), hint
    first = str(text).split()[0]
    assert first == first.lower() or first.startswith("SHA"), "the admin capitalizes it"
    assert not str(text).endswith((".", ":", " ")), label_of(field)


@pytest.mark.parametrize("field", TIMES)
def test_the_name_of_a_time_ends_with_at_or_until(field: models.Field) -> None:
    assert re.search(r"(^|_)(at|until)$", field.name), f"{label_of(field)} must end with _at"


@pytest.mark.parametrize("field", FIELDS)
def test_only_times_and_flags_are_named_like_times_and_flags(field: models.Field) -> None:
    if field.name.endswith(("_at", "_until")):
        assert isinstance(field, models.DateTimeField), label_of(field)
    assert isinstance(field, models.BooleanField) == bool(re.search(r"(^|_)is_", field.name))
    assert not (isinstance(field, models.BooleanField) and field.null), "null is a third value"


@pytest.mark.parametrize("field", FIELDS)
def test_a_text_is_empty_rather_than_null(field: models.Field) -> None:
    if isinstance(field, models.CharField | models.TextField) and not field.primary_key:
        expected = label_of(field) in NULL_TEXTS
        hint = f"{label_of(field)}: use blank=True, or say why in NULL_TEXTS"
        assert field.null is expected, hint


@pytest.mark.parametrize("field", FIELDS)
def test_a_json_value_is_a_new_list_or_dictionary_in_each_row(field: models.Field) -> None:
    if isinstance(field, models.JSONField) and not field.null:
        assert field.default in (list, dict), f"{label_of(field)}: pass the type, not a value"


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_with_choices_is_long_enough_for_each_of_them(field: models.Field) -> None:
    if field.choices:
        values = [str(value) for value, _label in field.flatchoices]
        assert field.max_length is not None
        assert max(map(len, values)) <= field.max_length, label_of(field)
        assert not field.has_default() or field.get_default() in values


def test_every_enumeration_belongs_to_fields_of_one_name() -> None:
    used: dict[str, set[str]] = {}
    for case in FIELDS:
        field: Any = case.values[0]
        for each in CHOICES:
            if field.choices and [value for value, _label in field.flatchoices] == each.values:
                used.setdefault(each.__name__, set()).add(field.name)
    assert used == {
        "Reason": {"reason"},
        "RemovalState": {"state"},
        "BatchState": {"state"},
        "EntryState": {"state"},
        "EventType": {"type"},
    }, "an enumeration that no field uses, or one that fields of two names use"


@pytest.mark.parametrize("choices", CHOICES, ids=lambda each: each.__name__)
def test_labels_of_choices_are_translated_and_different(choices: type[models.TextChoices]) -> None:
    labels = [choice._label_ for choice in choices]
    assert all(isinstance(label, Promise) for label in labels)
    assert len({str(label) for label in labels}) == len(labels)
    assert all(re.fullmatch(r"[a-z_]+", value) for value in choices.values)


def test_nothing_cascades_into_the_audit_log() -> None:
    """The log outlives the users and removals that it refers to, and has no constraint on them."""
    fields: list[Any] = AuditEntry._meta.get_fields()
    for field in fields:
        if field.is_relation and field.concrete:
            assert field.remote_field.on_delete is models.DO_NOTHING, field.name
            assert not field.db_constraint, field.name


def test_relations_into_moderation_are_those_that_were_thought_of() -> None:
    """Say here what happens to a row when the row that it refers to is deleted."""
    fields: list[Any] = [field for model in MODELS for field in model._meta.get_fields()]
    found = {
        f"{label_of(field)} -> {field.related_model._meta.label}": field.remote_field.on_delete
        for field in fields
        if field.is_relation and field.concrete
    }
    assert found == {
        "AuditEntry.removal -> moderation.Removal": models.DO_NOTHING,
        "AuditEntry.actor -> auth.User": models.DO_NOTHING,
        "AuditEvent.removal -> moderation.Removal": models.DO_NOTHING,
        "AuditEvent.actor -> auth.User": models.DO_NOTHING,
        "MarkedObject.removal -> moderation.Removal": models.CASCADE,
        "Removal.actor -> auth.User": models.SET_NULL,
        "RemovalBatch.removal -> moderation.Removal": models.CASCADE,
        "ReviewPreferences.user -> auth.User": models.CASCADE,
    }


def test_numbers_of_a_removal_are_sums_of_the_numbers_of_its_batches() -> None:
    both = {field.name for field in Removal._meta.get_fields()} & {
        field.name for field in RemovalBatch._meta.get_fields()
    }
    summed = {*seal.TOTALS, *seal.COUNTS_BY_MODEL, "blockers"}
    assert both - {"id", "state", "finished_at"} == summed
    for name in summed:
        of_removal, of_batch = (m._meta.get_field(name) for m in (Removal, RemovalBatch))
        assert type(of_removal) is type(of_batch), name


def test_each_model_is_described_in_the_guide_for_contributors() -> None:
    text = (ROOT / "docs" / "contributors.md").read_text().replace("\n", " ")
    described = re.search(r"\| `moderation\.models` \| (.+?) \|", text)
    assert described is not None
    named = described[1].replace("batch", "removal batch")
    for model in MODELS:
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", model.__name__).lower()
        assert words in named, f"add the {words} to the row `moderation.models`"
