"""Models of unusual shapes: PostgreSQL computes them correctly, or they are left to the walk."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import isolate_apps

from moderation.cascade.postgres import digests_of, fill
from moderation.cascade.preview import digest_of_batch, digest_of_object, line_of
from moderation.cascade.tree import branches_of
from moderation.models import Removal, RemovalBatch
from moderation.registry import Registration, registrations
from tests.cascade.engines import on_postgresql


class CodedKey(models.AutoField):
    """A number in the database, a text outside."""

    def from_db_value(self, value: int, *_: object) -> str:
        return f"X{value}"


class DoubledKey(models.BigAutoField):
    """Another number in the database than outside."""

    def get_prep_value(self, value: Any) -> Any:
        return value * 2


class CodedFile(models.FileField):
    """Another name in the database than outside."""

    def from_db_value(self, value: str, *_: object) -> str:
        return value[::-1]


def register_files(model: type[models.Model], patch: pytest.MonkeyPatch) -> None:
    """Register a model that is not part of the site."""
    details = Registration(model, lookups={}, picture="", thumbnail="", extra_files=None)
    patch.setitem(registrations._registrations, model, details)


@pytest.mark.parametrize("key", [CodedKey, DoubledKey])
@isolate_apps("tests.testapp")
def test_keys_that_python_reads_differently_are_left_to_the_walk(key: type[models.Field]) -> None:
    class Coded(models.Model):
        id = key(primary_key=True)

        class Meta:
            app_label = "library"

    class Below(models.Model):
        coded = models.ForeignKey(Coded, on_delete=models.CASCADE)

        class Meta:
            app_label = "library"

    assert branches_of(Coded) is None
    assert branches_of(Below) is not None


@isolate_apps("tests.testapp")
def test_names_that_python_reads_differently_are_left_to_the_walk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Plain(models.Model):
        scan = models.FileField()

        class Meta:
            app_label = "library"

    class Coded(models.Model):
        scan = CodedFile()

        class Meta:
            app_label = "library"

    register_files(Plain, monkeypatch)
    register_files(Coded, monkeypatch)
    assert branches_of(Plain) is not None
    assert branches_of(Coded) is None


@on_postgresql
@pytest.mark.django_db
@isolate_apps("tests.testapp")
def test_tables_and_columns_may_have_any_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Top(models.Model):
        id = models.BigAutoField(primary_key=True, db_column="{key}%s")
        scan = models.FileField(db_column="%(record)s{")

        class Meta:
            app_label = "library"
            db_table = "frozen"

    class Middle(models.Model):
        top = models.ForeignKey(Top, on_delete=models.CASCADE, db_column="{0}%")

        class Meta:
            app_label = "library"
            db_table = "summary"

    class Bottom(models.Model):
        middle = models.ForeignKey(Middle, on_delete=models.CASCADE, db_column="{}")

        class Meta:
            app_label = "library"
            db_table = "branch_0"

    register_files(Top, monkeypatch)
    with connection.schema_editor() as editor:
        for model in (Top, Middle, Bottom):
            editor.create_model(model)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO frozen VALUES (1, 'a.jpg'), (2, 'b.jpg'), (3, 'c.jpg')")
        cursor.execute('INSERT INTO summary (id, "{0}%") VALUES (10, 1), (20, 2), (30, 3)')
        cursor.execute('INSERT INTO branch_0 (id, "{}") VALUES (100, 10), (101, 10), (300, 30)')
    removal = Removal.objects.create(model_label="library.Top", actor_name="mod")
    batch = RemovalBatch.objects.create(removal=removal, number=1, frozen=[[1, ""], [2, ""]])
    owned = {1: line_of(1, ["a.jpg"]), 2: line_of(2, ["b.jpg"])}
    label = Top._meta.label
    digest = digest_of_batch(
        [(key, digest_of_object(label, key, {label: [line]})) for key, line in owned.items()]
    )
    assert fill(Top, [batch], using="default") == {batch.pk: 6}
    assert digests_of(Top, [batch], using="default") == {batch.pk: digest}
    batch.refresh_from_db()
    assert batch.digest == digest
    labels = [model._meta.label for model in (Top, Middle, Bottom)]
    assert batch.rows_by_model == dict.fromkeys(labels, 2)
