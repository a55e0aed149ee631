"""Values from JSON are taken only with the right type and within the limits of their field."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import models
from django.utils import timezone

from posts.json_values import TYPE_NAMES, read_key, read_name, read_type, read_value
from posts.models import Post, PostImage, Report

FIELDS: dict[str, models.Field] = {
    "text": models.TextField(blank=True),
    "required": models.CharField(max_length=3),
    "choice": models.CharField(max_length=9, choices=[("spam", "Spam"), ("abuse", "Abuse")]),
    "number": models.PositiveIntegerField(),
    "flag": models.BooleanField(),
    "time": models.DateTimeField(),
    "key": models.BigAutoField(primary_key=True),
    "decimal": models.DecimalField(max_digits=3, decimal_places=1),
}


@pytest.fixture(autouse=True)
def names() -> None:
    for name, field in FIELDS.items():
        field.set_attributes_from_name(name)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("text", "", ""),
        ("text", "ä “b” 😀\n\t", "ä “b” 😀\n\t"),
        ("required", "abc", "abc"),
        ("choice", "spam", "spam"),
        ("number", 0, 0),
        ("number", 2_147_483_647, 2_147_483_647),
        ("flag", True, True),
        ("flag", False, False),
        ("key", 1, 1),
        ("key", 2**63 - 1, 2**63 - 1),
        ("time", "2026-11-04T14:50:27+02:00", datetime(2026, 11, 4, 12, 50, 27, tzinfo=UTC)),
        ("time", "2026-11-04T12:50:27Z", datetime(2026, 11, 4, 12, 50, 27, tzinfo=UTC)),
        ("time", "2026-11-04T12:50:27.5Z", datetime(2026, 11, 4, 12, 50, 27, 500_000, tzinfo=UTC)),
    ],
)
def test_right_value_is_taken(field: str, value: object, expected: object) -> None:
    assert read_value(FIELDS[field], value) == expected
    assert type(read_value(FIELDS[field], value)) is type(expected)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("text", None, "it is not a string: None"),
        ("text", 1, "it is not a string: 1"),
        ("text", ["a"], "it is not a string: ['a']"),
        ("text", "a\0b", "it contains NUL or surrogate characters"),
        ("text", "\ud800", "it contains NUL or surrogate characters"),
        ("required", "", "This field cannot be blank."),
        ("required", "abcd", "at most 3 characters"),
        ("choice", "fun", "is not a valid choice"),
        ("number", "1", "it is not an integer: '1'"),
        ("number", 1.0, "it is not an integer: 1.0"),
        ("number", True, "it is not an integer: True"),
        ("number", -1, "greater than or equal to 0"),
        ("number", 2**63, "less than or equal to"),
        ("flag", 1, "it is not true or false: 1"),
        ("flag", "true", "it is not true or false: 'true'"),
        ("key", 0, "0 is not a valid primary key"),
        ("key", -1, "-1 is not a valid primary key"),
        ("key", 2**63, f"{2**63} is not a valid primary key"),
        ("key", "1", "it is not an integer: '1'"),
        ("time", "2026-11-04T14:50:27", "it has no time zone: '2026-11-04T14:50:27'"),
        ("time", "2026-11-04", "it has no time zone: '2026-11-04'"),
        ("time", "yesterday", "it is not a date and time: 'yesterday'"),
        ("time", "2026-02-30T00:00:00Z", "it is not a date and time: '2026-02-30T00:00:00Z'"),
        ("time", "0001-01-01T00:00:00+02:00", "it is not a date and time: '0001-01-01T"),
        ("time", 1_762_000_000, "it is not a string: 1762000000"),
        ("decimal", 1, "a DecimalField is not supported"),
    ],
)  # fmt: skip
def test_wrong_value_is_refused_with_the_reason(field: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=r".+") as refused:
        read_value(FIELDS[field], value)
    assert message in str(refused.value)


def test_long_value_is_shown_only_in_part() -> None:
    with pytest.raises(ValueError, match=r".+") as refused:
        read_value(FIELDS["number"], "x" * 1_000)
    assert len(str(refused.value)) < 80


@pytest.mark.parametrize("name", ["a.png", "ä b.png", "folder/a.png"])
def test_name_of_a_file_is_taken(name: str) -> None:
    assert read_name(name) == name


@pytest.mark.parametrize("name", ["", None, 1, "a\0.png", "\udcff.png"])
def test_name_of_a_file_is_refused(name: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_name(name)


@pytest.mark.parametrize("key", [True, None, "1", 1.0, [], {}])
def test_key_is_a_number_and_nothing_like_it(key: object) -> None:
    with pytest.raises(ValueError, match="it is not an integer"):
        read_key(key)


@pytest.mark.parametrize("expected", TYPE_NAMES)
def test_each_type_has_a_name_for_people(expected: type) -> None:
    with pytest.raises(ValueError, match=TYPE_NAMES[expected]):
        read_type(object(), expected)


# Fields of a report that neither an import nor a fixture has.
WRITTEN_HERE = ("decided_by", "decided_at", "dismissal", "reopened_at", "open_reason")


@pytest.mark.parametrize("model", [Post, PostImage, Report])
def test_every_field_of_the_content_can_be_read_from_json(model: type[models.Model]) -> None:
    """Imports and fixtures read them; a field of a new type has to be read here first."""
    values: dict[str, Any] = {"DateTimeField": timezone.now().isoformat(), "FileField": "a.png"}
    for field in model._meta.concrete_fields:
        if isinstance(field, models.FileField) or field.name in WRITTEN_HERE:
            continue  # FixtureImages and ImportImages read files
        name = "DateTimeField" if isinstance(field, models.DateTimeField) else ""
        is_text = isinstance(field, models.CharField | models.TextField)
        text = field.choices[0][0] if field.choices else "a"
        read_value(field, values.get(name, text if is_text else 1))
