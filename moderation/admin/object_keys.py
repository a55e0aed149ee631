"""Keys of objects that a form posted as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from moderation.db.keys import key_field


def key_in(model: type[Model], text: str) -> Any:
    """Return the key of an object from a text. Raises ValidationError if it cannot be one."""
    if "\0" in text:
        raise ValidationError("NUL in a key")
    field = key_field(model)
    key = field.to_python(text)
    field.run_validators(key)
    return key


def keys_in(model: type[Model], texts: Iterable[str]) -> Iterator[Any]:
    """Yield the key of each text that can be one."""
    for text in texts:
        try:
            key = key_in(model, text)
        except ValidationError:
            continue
        yield key
