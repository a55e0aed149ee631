"""What a fixture may hold: the models, and of each the fields. Anything else is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models

from posts.models import Post, PostImage, Report


@dataclass(frozen=True, slots=True)
class Kind:
    """A model that a fixture may write, and the only fields of it that it may name.

    `told_by` are the fields in which a stored row must agree to be the fixture's own; what the
    site changes in the others stays. `unique` are the fields that no two rows share.
    """

    model: type[models.Model]
    fields: tuple[str, ...]
    told_by: tuple[str, ...]
    unique: tuple[str, ...] = ()
    has_pk: bool = True

    @property
    def label(self) -> str:
        """Return the name of the model in a fixture, such as posts.post."""
        return str(self.model._meta.label_lower)

    def field(self, name: str) -> models.Field[Any, Any]:
        """Return the model's field of that name. Raises FieldDoesNotExist."""
        field = self.model._meta.get_field(name)
        assert isinstance(field, models.Field)  # noqa: S101 - the tuples above name no others
        return field

    def attname(self, name: str) -> str:
        """Return the attribute that holds the value of a field: author_id for author."""
        return self.field(name).attname

    def required(self) -> list[str]:
        """Return the fields that a row cannot do without."""
        fields = [self.field(name) for name in self.fields]
        return [field.name for field in fields if not (field.has_default() or field.blank)]


def kinds() -> tuple[Kind, ...]:
    """Return every kind, in the order in which rows are written: first what others point to."""
    post = ("author", "title", "body", "created_at")
    report = ("post", "reporter", "reason", "created_at")
    name = ("username",)
    return (
        Kind(get_user_model(), name, told_by=name, unique=name),
        Kind(Post, post, told_by=post),
        Kind(PostImage, ("post", "image"), told_by=("post", "image")),
        Kind(Report, report, told_by=report, unique=("post", "reporter")),
        _theme(),
    )


def _theme() -> Kind:
    """Return the look of the admin: every field that is neither a file nor the primary key."""
    model = apps.get_model("admin_interface", "Theme")
    fields = [
        field.name
        for field in model._meta.concrete_fields
        if not (field.primary_key or isinstance(field, models.FileField))
    ]
    return Kind(model, tuple(fields), told_by=("name",), unique=("name",), has_pk=False)
