"""Preview, deletion and Django's Collector agree on every relation of every installed model.

The relations are found by introspection: a new model or a new foreign key is compared from its
first day. What must not be compared is named below, with the reason.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.contrib.contenttypes.fields import GenericRelation
from django.db import connection, models, transaction
from django.db.models.deletion import Collector, ProtectedError, RestrictedError
from django.test.utils import isolate_apps

from moderation.cascade import make_plan
from moderation.cascade.engine import engine_for
from moderation.cascade.plan import Plan
from moderation.cascade.preview import json_key
from moderation.cascade.relations import has_composite_key, relations_of
from moderation.db.rows import all_rows
from moderation.models import Removal, RemovalBatch
from tests.cascade.rows import row_of
from tests.testapp.models import Note, Tag, Volume

OURS = ("posts", "library")

# Relations that the comparison leaves out, each with the reason.
NOT_COMPARED = {
    "library.Copy.leaflet": "the row has a key of several columns, which removals refuse",
}


def targets() -> list[type[models.Model]]:
    """Return the models whose rows the tests remove: all of the content apps, and users."""
    own = [model for label in OURS for model in apps.get_app_config(label).get_models()]
    return [User, *(m for m in own if m._meta.managed and not has_composite_key(m))]


def relations() -> dict[str, Any]:
    """Return {label: foreign key} for the foreign keys that refer to one of the targets."""
    every = (
        field
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
        for field in model._meta.local_fields
        if field.remote_field
    )
    found = {f"{f.model._meta.label}.{f.name}": f for f in every if f.related_model in targets()}
    return {label: field for label, field in found.items() if label not in NOT_COMPARED}


RELATIONS = relations()
# {effect on the row: the counter of a preview that has it}
COUNTED_AS = {
    models.CASCADE: "rows",
    models.PROTECT: "protected",
    models.RESTRICT: "restricted",
    models.SET_NULL: "updates",
    models.SET_DEFAULT: "updates",
    models.DO_NOTHING: "",
}


def counter_of(field: Any) -> str:
    """Return the name of the counter in which a preview counts the row that refers by a field."""
    return COUNTED_AS.get(field.remote_field.on_delete, "updates")  # SET(...) is a new function


def referring_rows(field: Any) -> tuple[models.Model, models.Model]:
    """Save a row that refers to another one by a field; return the other row and this one."""
    if field.remote_field.parent_link:
        row = row_of(field.model)
        return getattr(row, field.name), row
    target = row_of(field.related_model)
    return target, row_of(field.model, **{field.name: target})


def collected(target: models.Model) -> Counter[str]:
    """Return the rows by model that Django would delete. Raises its errors for the others."""
    collector = Collector(using="default", origin=target)
    collector.collect(all_rows(type(target)).filter(pk=target.pk))
    rows: dict[str, set[Any]] = {}
    for model, instances in collector.data.items():
        label = (model._meta.concrete_model or model)._meta.label
        rows.setdefault(label, set()).update(each.pk for each in instances)
    for fast in collector.fast_deletes:
        rows.setdefault(fast.model._meta.label, set()).update(fast.values_list("pk", flat=True))
    return Counter({label: len(keys) for label, keys in rows.items() if keys})


def plan_of(target: models.Model) -> Plan:
    return make_plan(type(target), [target.pk], using="default", limit=1_000)


def filled_batch(target: models.Model) -> RemovalBatch:
    """Return a batch with the target alone, as the freeze fills it on this database."""
    removal = Removal.objects.create(model_label=target._meta.label, actor_name="mod")
    frozen = [[json_key(target.pk), ""]]
    batch = RemovalBatch.objects.create(removal=removal, number=1, frozen=frozen)
    engine_for(type(target), "default").fill([batch])
    batch.refresh_from_db()
    return batch


@pytest.mark.django_db
@pytest.mark.parametrize("label", RELATIONS)
def test_row_is_counted_as_its_on_delete_says(label: str) -> None:
    field = RELATIONS[label]
    target, row = referring_rows(field)
    counts, counter = plan_of(target).counts, counter_of(field)
    counts.rows[target._meta.label] -= 1
    owner = row._meta.label
    for name in ("rows", "protected", "restricted", "updates"):
        assert (getattr(counts, name)[owner] > 0) is (name == counter), (
            f"{label}: the preview must count a {owner} as {counter or 'nothing'}"
        )


@pytest.mark.django_db
@pytest.mark.parametrize("label", RELATIONS)
def test_preview_has_the_rows_of_the_collector(label: str) -> None:
    field = RELATIONS[label]
    target, _row = referring_rows(field)
    plan = plan_of(target)
    if counter_of(field) == "protected":
        with pytest.raises(ProtectedError):
            collected(target)
    elif counter_of(field) == "restricted":
        with pytest.raises(RestrictedError):
            collected(target)
    else:
        assert +plan.counts.rows == collected(target)


@pytest.mark.django_db
@pytest.mark.parametrize("label", RELATIONS)
def test_frozen_batch_has_the_numbers_of_the_plan(label: str) -> None:
    """On PostgreSQL, the database fills the batch where it can."""
    target, _row = referring_rows(RELATIONS[label])
    plan, batch = plan_of(target), filled_batch(target)
    assert batch.rows_by_model == dict(+plan.counts.rows)
    assert batch.updates_by_model == dict(+plan.counts.updates)
    assert batch.blockers == {
        "protected": dict(plan.counts.protected),
        "restricted": dict(plan.counts.restricted),
    }
    assert batch.files_total == len(plan.files)
    assert batch.frozen == [list(each) for each in plan.preview().objects]


@pytest.mark.django_db
@pytest.mark.parametrize("label", RELATIONS)
def test_deletion_does_what_the_preview_said(label: str) -> None:
    field = RELATIONS[label]
    target, row = referring_rows(field)
    counts, counter = plan_of(target).counts, counter_of(field)
    objects, row_exists = all_rows(type(target)).filter(pk=target.pk), exists(row)
    assert row_exists
    if counter in ("protected", "restricted"):
        with pytest.raises((ProtectedError, RestrictedError)), transaction.atomic():
            objects.delete()
        assert exists(target)
        assert exists(row)
        return
    _total, by_model = objects.delete()
    assert {name: number for name, number in by_model.items() if number} == dict(+counts.rows)
    assert not exists(target)
    assert exists(row) is (counter != "rows")
    if counter == "updates":
        row.refresh_from_db()
        assert getattr(row, field.attname) != target.pk


def exists(row: models.Model) -> bool:
    return all_rows(type(row)).filter(pk=row.pk).exists()


def label_of(model: type[models.Model]) -> str:
    return model._meta.label


def test_relations_with_every_on_delete_are_compared() -> None:
    used = {field.remote_field.on_delete for field in RELATIONS.values()}
    assert set(COUNTED_AS) <= used, "an on_delete that no model of the tests has"
    assert used - set(COUNTED_AS), "SET(...)"
    assert any(field.remote_field.parent_link for field in RELATIONS.values())
    assert any(field.related_model is field.model for field in RELATIONS.values())
    assert any(field.remote_field.field_name == "code" for field in RELATIONS.values())


def test_each_relation_that_is_left_out_still_exists() -> None:
    labels = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.local_fields
    }
    assert set(NOT_COMPARED) <= labels


@pytest.mark.parametrize("model", targets(), ids=label_of)
def test_deletion_follows_the_relations_that_the_models_have(model: type[models.Model]) -> None:
    """`relations_of` is our list, `_meta.related_objects` is Django's."""
    fields: list[Any] = model._meta.get_fields(include_hidden=True)
    by_django = {
        f"{each.related_model._meta.label}.{each.field.name}"
        for each in fields
        if each.auto_created
        and not each.concrete
        and (each.one_to_many or each.one_to_one)
        and each.on_delete is not models.DO_NOTHING
    }
    generic = [each for each in model._meta.private_fields if isinstance(each, GenericRelation)]
    ours = {each.field_label for each in relations_of(model) if each.content_type_model is None}
    assert ours == by_django
    assert len(relations_of(model)) == len(ours) + len(generic)


@pytest.mark.django_db
def test_generic_and_many_to_many_relations_are_counted_and_deleted() -> None:
    volume, tag = row_of(Volume, text="a.txt"), Tag.objects.create(name="t")
    volume.tags.add(tag)
    Note.objects.create(target=volume)
    counts = plan_of(volume).counts
    assert +counts.rows == {"library.Volume": 1, "library.Volume_tags": 1, "library.Note": 1}
    assert +counts.rows == collected(volume)
    _total, by_model = all_rows(Volume).filter(pk=volume.pk).delete()
    assert by_model == dict(+counts.rows)
    assert exists(tag)


@pytest.mark.django_db(transaction=True)
@isolate_apps("tests.testapp")
def test_new_model_with_a_foreign_key_is_previewed_by_its_on_delete() -> None:
    """The models do not exist until the test runs: nothing may depend on a list of models."""

    class Owner(models.Model):
        class Meta:
            app_label = "library"

    actions = {
        "cascade": models.CASCADE,
        "protect": models.PROTECT,
        "restrict": models.RESTRICT,
        "set_null": models.SET_NULL,
        "set_default": models.SET_DEFAULT,
        "set_value": models.SET(None),
        "do_nothing": models.DO_NOTHING,
    }
    owned: dict[str, Any] = {
        name: type(
            f"Owned{name.title().replace('_', '')}",
            (models.Model,),
            {
                "__module__": __name__,
                "owner": models.ForeignKey(
                    Owner, on_delete=on_delete, null=True, default=None, db_constraint=False
                ),
                "Meta": type("Meta", (), {"app_label": "library"}),
            },
        )
        for name, on_delete in actions.items()
    }
    with connection.schema_editor() as editor:
        for model in (Owner, *owned.values()):
            editor.create_model(model)
    try:
        for name, on_delete in actions.items():
            owner = Owner._default_manager.create()
            row = owned[name].objects.create(owner=owner)
            counts, counter = plan_of(owner).counts, COUNTED_AS.get(on_delete, "updates")
            found = {
                each: dict(+getattr(counts, each))
                for each in ("rows", "protected", "restricted", "updates")
            }
            expected: dict[str, dict[str, int]] = {each: {} for each in found}
            expected["rows"] = {"library.Owner": 1}
            if counter:
                expected[counter][row._meta.label] = 1
            assert found == expected, name
    finally:
        with connection.schema_editor() as editor:
            for model in (*owned.values(), Owner):
                editor.delete_model(model)
