"""The relations that Django's deletion follows from a model, and the effect of each.

This mirrors `django.db.models.deletion.Collector` (Django 5.2) and uses the same inputs: candidate
relations with their `on_delete`, parents in multi-table inheritance, and generic relations.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib.contenttypes.fields import GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models.deletion import get_candidate_relations_to_delete
from django.utils.translation import gettext as _

from moderation.exceptions import CannotFreeze
from moderation.registry import registration_for
from moderation.registry.caches import cached_per_models


class OnDelete(enum.Enum):
    """The effect that deleting a row has on the rows that refer to it."""

    CASCADE = "cascade"
    PROTECT = "protect"
    RESTRICT = "restrict"
    UPDATE = "update"


# Django's own actions. Not a dict, because an action may be an unhashable object.
DJANGO_ACTIONS = (
    (models.CASCADE, OnDelete.CASCADE),
    (models.PROTECT, OnDelete.PROTECT),
    (models.RESTRICT, OnDelete.RESTRICT),
    (models.SET_NULL, OnDelete.UPDATE),
    (models.SET_DEFAULT, OnDelete.UPDATE),
)


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation through which the deletion of a row affects rows of `model`.

    `source` is the attribute of the deleted row whose value the other rows hold in `column`. A
    generic relation also has the column of its content type, and the model of that type.
    `name` is the name of a foreign key, and `refers_to_primary_key` says which column it refers to.
    """

    model: type[models.Model]
    column: str
    source: str
    on_delete: OnDelete
    field_label: str
    name: str = ""
    refers_to_primary_key: bool = False
    content_type_column: str = ""
    content_type_model: type[models.Model] | None = None

    def where(self, values: Sequence[Any], using: str) -> models.Q:
        """Return the condition for the rows that refer to rows with these source values."""
        if self.content_type_model is None:
            return models.Q(**{f"{self.column}__any_of": set(values)})
        has_type = models.Q(
            **{self.content_type_column: content_type_key(self.content_type_model, using)}
        )
        return has_type & models.Q(**{f"{self.column}__any_of": [str(value) for value in values]})


def content_type_key(model: type[models.Model], using: str) -> int:
    """Return the key of the content type of a model, which may be a proxy.

    Creates the content type if it does not exist, as Django's deletion does.
    """
    content_types = ContentType.objects.db_manager(using)
    return content_types.get_for_model(model, for_concrete_model=False).pk


@cached_per_models
def relations_of(model: type[models.Model]) -> tuple[Relation, ...]:
    """Return the relations that the deletion of a row of `model` follows.

    Raises CannotFreeze for an `on_delete` that is not one of Django's own, and for a foreign key
    of several columns.
    """
    fields = candidate_fields(model)
    found = [_foreign_key(field) for field in fields if not _does_nothing(field)]
    private = model._meta.private_fields
    found += [_generic(field) for field in private if isinstance(field, GenericRelation)]
    return tuple(found)


def candidate_fields(model: type[models.Model]) -> list[Any]:
    """Return the foreign keys that refer to `model`, including those with DO_NOTHING."""
    relations: Iterable[Any] = get_candidate_relations_to_delete(model._meta)
    return [relation.field for relation in relations]


@cached_per_models
def parents_of(model: type[models.Model]) -> tuple[tuple[type[models.Model], str], ...]:
    """Return the parents in multi-table inheritance, each with the attribute that holds its key."""
    concrete = model._meta.concrete_model or model
    return tuple((p, link.attname) for p, link in concrete._meta.parents.items() if link)


@cached_per_models
def deleted_with(root: type[models.Model]) -> frozenset[type[models.Model]]:
    """Return the concrete models, parents included, whose rows deleting a `root` can delete.

    Raises CannotFreeze if the cascade cannot be determined.
    """
    found: set[type[models.Model]] = set()
    queue = list(reached_from(root))
    while queue:
        model = queue.pop()
        found.add(model)
        queue += [parent for parent, _attname in parents_of(model) if parent not in found]
    return frozenset(found)


@cached_per_models
def cascades_to_itself(root: type[models.Model]) -> bool:
    """Return whether deleting a row of `root` can delete other rows of the same model."""
    reached = reached_from(root)
    relations = (each for model in reached for each in relations_of(model))
    cascades = {each.model for each in relations if each.on_delete is OnDelete.CASCADE}
    parents = {parent for model in reached for parent, _attname in parents_of(model)}
    return root in cascades | parents


def has_composite_key(model: type[models.Model]) -> bool:
    """Return whether a model has a composite primary key."""
    return len(getattr(model._meta, "pk_fields", ())) > 1


@cached_per_models
def is_leaf(model: type[models.Model]) -> bool:
    """Return whether a model's rows have no files and no dependent rows, so counting is enough."""
    return not (relations_of(model) or parents_of(model) or registration_for(model))


def indivisible_reason(root: type[models.Model]) -> str:
    """Return why a selection of `root` must be deleted as one batch; empty if it can be split.

    RESTRICT prevents the deletion of a row, except together with the rows that refer to it. In a
    cycle of cascades, deleting a selected object can delete another selected one.
    """
    reached = reached_from(root)
    deleted = reached | {parent for model in reached for parent, _ in parents_of(model)}
    for model in reached:
        for relation in relations_of(model):
            if relation.on_delete is OnDelete.RESTRICT and relation.model in deleted:
                return f"{relation.field_label} restricts rows that are deleted together"
            if relation.on_delete is OnDelete.CASCADE and model in reached_from(relation.model):
                return f"{relation.field_label} closes a cycle of cascades"
    return ""


@cached_per_models
def reached_from(root: type[models.Model]) -> frozenset[type[models.Model]]:
    """Return `root` and the models that cascades lead to from it, without their parents."""
    reached, queue = {root}, [root]
    while queue:
        relations = relations_of(queue.pop())
        new = {r.model for r in relations if r.on_delete is OnDelete.CASCADE} - reached
        queue += new
        reached |= new
    return frozenset(reached)


def _does_nothing(field: Any) -> bool:
    return bool(_action(field.remote_field.on_delete) is models.DO_NOTHING)


def _foreign_key(field: Any) -> Relation:
    label = f"{field.model._meta.label}.{field.name}"
    if len(field.foreign_related_fields) != 1:
        raise CannotFreeze(_("%(field)s spans several columns, which removals do not support.") % {
            "field": label})  # fmt: skip
    return Relation(
        model=field.model._meta.concrete_model,
        column=field.attname,
        source=field.foreign_related_fields[0].attname,
        on_delete=_on_delete_of(field.remote_field.on_delete, label),
        field_label=label,
        name=field.name,
        refers_to_primary_key=field.foreign_related_fields[0].primary_key,
    )


def _on_delete_of(on_delete: Any, label: str) -> OnDelete:
    action = _action(on_delete)
    for django_action, effect in DJANGO_ACTIONS:
        if action is django_action:
            return effect
    if _is_made_by_set(action):
        return OnDelete.UPDATE
    raise CannotFreeze(
        _("%(field)s: on_delete is %(on_delete)s, which removals do not support.")
        % {"field": label, "on_delete": _name_of(on_delete)}
    )


def _name_of(on_delete: Any) -> str:
    return str(getattr(on_delete, "__qualname__", type(on_delete).__name__))


def _action(on_delete: Any) -> Any:
    """Return the function that an `on_delete` wraps, or `on_delete` itself.

    Known wrappers are a `partial` without arguments, and django-polymorphic's guard, which calls
    its action with the same rows as non-polymorphic instances. Any other object is returned as it
    is, because the action that it calls is unknown.
    """
    while True:
        if isinstance(on_delete, partial) and not on_delete.args and not on_delete.keywords:
            on_delete = on_delete.func
        elif _is_polymorphic_guard(on_delete):
            on_delete = on_delete.action
        else:
            return on_delete


def _is_polymorphic_guard(on_delete: Any) -> bool:
    cls = type(on_delete)
    return (cls.__module__, cls.__name__) == ("polymorphic.deletion", "PolymorphicGuard")


def _is_made_by_set(on_delete: Any) -> bool:
    """Return whether an action was created by Django's `SET(...)`."""
    qualified = getattr(on_delete, "__module__", ""), getattr(on_delete, "__qualname__", "")
    return qualified[0] == models.SET.__module__ and qualified[1].startswith("SET.")


def _generic(field: GenericRelation) -> Relation:
    related: Any = field.remote_field.model
    model: Any = field.model
    return Relation(
        model=related._meta.concrete_model,
        column=field.object_id_field_name,
        source=model._meta.pk.attname,
        on_delete=OnDelete.CASCADE,
        field_label=f"{related._meta.label}.{field.object_id_field_name}",
        content_type_column=f"{field.content_type_field_name}_id",
        content_type_model=model._meta.concrete_model if field.for_concrete_model else model,
    )
