"""The effect of an `on_delete` is known, or the field is refused by name."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.db import models
from django.test.utils import isolate_apps

from moderation.cascade.relations import (
    OnDelete,
    cascades_to_itself,
    deleted_with,
    has_composite_key,
    relations_of,
)
from moderation.exceptions import CannotFreeze
from tests.testapp.models import BoundVolume, Shelf, Thread, Volume


class PolymorphicGuard:
    """Like django-polymorphic's: calls its action with the same rows as plain instances."""

    __module__ = "polymorphic.deletion"

    def __init__(self, action: Any) -> None:
        self.action = action

    def __call__(self, *args: Any) -> None:
        self.action(*args)


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __call__(self, *args: Any) -> None:
        """Do something unknown."""

    def __eq__(self, other: object) -> bool:
        return True


class Wrapper:
    """Looks like a guard, but may do anything."""

    action = staticmethod(models.CASCADE)

    def __call__(self, *args: Any) -> None:
        """Do something unknown."""


def archive(*args: Any) -> None:
    """Do something unknown."""


def relation_by(on_delete: Any) -> Any:
    """Return the relations of a model that another one refers to with this `on_delete`."""
    with isolate_apps("tests.testapp"):

        class Owner(models.Model):
            class Meta:
                app_label = "library"

        class Owned(models.Model):
            owner = models.ForeignKey(Owner, on_delete=on_delete, null=True)

            class Meta:
                app_label = "library"

        return relations_of(Owner)


KNOWN = {
    models.CASCADE: OnDelete.CASCADE,
    models.PROTECT: OnDelete.PROTECT,
    models.RESTRICT: OnDelete.RESTRICT,
    models.SET_NULL: OnDelete.UPDATE,
    models.SET(None): OnDelete.UPDATE,
    models.SET(dict): OnDelete.UPDATE,
}


@pytest.mark.parametrize("action", KNOWN)
@pytest.mark.parametrize(
    "wrap", [lambda a: a, partial, PolymorphicGuard, lambda a: PolymorphicGuard(partial(a))]
)
def test_a_known_wrapper_has_the_effect_of_its_action(action: Any, wrap: Any) -> None:
    (relation,) = relation_by(wrap(action))
    assert relation.on_delete is KNOWN[action]


def test_a_guard_around_do_nothing_has_no_effect() -> None:
    assert relation_by(PolymorphicGuard(models.DO_NOTHING)) == ()


@pytest.mark.parametrize(
    "unknown",
    [archive, partial(archive), partial(models.CASCADE, using="other"), Unhashable(), Wrapper(),
     PolymorphicGuard(archive)],
)  # fmt: skip
def test_any_other_callable_is_refused_with_the_field(unknown: Any) -> None:
    with pytest.raises(CannotFreeze, match=r"library\.Owned\.owner: on_delete is .*"):
        relation_by(unknown)


def test_a_relation_over_several_columns_is_refused() -> None:
    with isolate_apps("tests.testapp"):

        class Owner(models.Model):
            region, number = models.IntegerField(), models.IntegerField()

            class Meta:
                app_label = "library"
                unique_together = (("region", "number"),)

        class Owned(models.Model):
            region, number = models.IntegerField(), models.IntegerField()
            owner = models.ForeignObject(
                Owner, models.CASCADE, ["region", "number"], ["region", "number"]
            )

            class Meta:
                app_label = "library"

        with pytest.raises(CannotFreeze, match=r"library\.Owned\.owner spans several columns"):
            relations_of(Owner)


@isolate_apps("tests.testapp")
def test_composite_keys_are_recognised() -> None:
    class Plain(models.Model):
        class Meta:
            app_label = "library"

    class Wide(models.Model):
        pk = models.CompositePrimaryKey("region", "number")
        region, number = models.IntegerField(), models.IntegerField()

        class Meta:
            app_label = "library"

    assert not has_composite_key(Plain)
    assert not has_composite_key(BoundVolume)
    assert has_composite_key(Wide)


def test_parents_are_deleted_with_a_row_and_a_cycle_is_found() -> None:
    assert {Volume, BoundVolume} <= deleted_with(BoundVolume)
    assert {Shelf, Volume, BoundVolume} <= deleted_with(Shelf)
    assert cascades_to_itself(Thread)
    assert not cascades_to_itself(Shelf)
