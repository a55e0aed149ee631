"""Generic relations to leaves are part of a tree that PostgreSQL can compute."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models, transaction
from django.test.utils import CaptureQueriesContext

from moderation.cascade import make_plan
from moderation.cascade.batches import plan_batch
from moderation.cascade.engine import PostgresEngine, WalkEngine
from moderation.cascade.postgres import digests_of, fill, supports
from moderation.cascade.preview import digest_of_batch
from moderation.cascade.tree import lock_tree
from moderation.models import RemovalBatch
from moderation.removals.delete import delete_next_batch
from moderation.removals.freeze import freeze
from tests.cascade.engines import assert_engines_agree, batches_of, collected, on_postgresql
from tests.helpers import confirmed
from tests.testapp.models import (
    Article,
    ArticleProxy,
    Attachment,
    BoundVolume,
    Note,
    Parcel,
    Rating,
    Section,
    Volume,
)

pytestmark = pytest.mark.django_db

# Too large for the column of a rating: no rating can refer to it.
LARGE_KEY = 2**40


def content_type(model: type[models.Model]) -> ContentType:
    return ContentType.objects.get_for_model(model, for_concrete_model=False)


@pytest.fixture
def articles() -> list[Article]:
    """Articles with every number of ratings, files and notes, among rows that refer to others."""
    made = [Article.objects.create() for _ in range(7)] + [Article.objects.create(id=LARGE_KEY)]
    for number, article in enumerate(made):
        sections = [Section.objects.create(article=article) for _ in range(number % 3)]
        for section in sections:
            Note.objects.create(target=section)
        for file in range(number % 4):
            attach(article, f"{number}-{file}.txt" if file < 2 else "")
        if article.pk < LARGE_KEY:
            Rating.objects.create(target=article)
        attach_to_others(article)
    return made


@pytest.fixture
def parcels() -> list[Parcel]:
    """Parcels with the same."""
    made = [Parcel.objects.create(id=UUID(int=number << 90)) for number in range(1, 8)]
    for number, parcel in enumerate(made):
        for file in range(number % 3):
            attach(parcel, f"{number}-{file}.txt")
            Note.objects.create(target=parcel)
        attach_to_others(parcel)
    return made


def attach(row: Any, file: str) -> None:
    Attachment.objects.create(target=row, file=file)


def attach_to_others(row: Any) -> None:
    """Attach files to no row, to a proxy, and to rows of another model with the same key."""
    for model, key in ((type(row), "abc"), (type(row), f" {row.pk}"), (ArticleProxy, row.pk),
                       (Note, row.pk), (Note, "abc")):  # fmt: skip
        stranger = {"content_type": content_type(model), "object_id": str(key)}
        Attachment.objects.create(**stranger, file=f"{model.__name__}-{key}.txt")


def keys_of(rows: list[Any]) -> list[Any]:
    return [row.pk if isinstance(row.pk, int) else str(row.pk) for row in rows]


def counted(rows: list[Any]) -> dict[str, int]:
    """Return the number of rows by model that the walk counts."""
    model = type(rows[0])
    plan = make_plan(model, [row.pk for row in rows], using="default", limit=1000)
    return dict(+plan.counts.rows)


def test_walk_counts_what_the_collector_deletes(
    articles: list[Article], parcels: list[Parcel]
) -> None:
    for rows in (articles, articles[:1], parcels, parcels[3:5]):
        assert counted(rows) == collected(type(rows[0]), [row.pk for row in rows])


def test_subclass_has_generic_relations_of_its_own_content_type() -> None:
    bound, other = (BoundVolume.objects.create(cover=f"{name}.jpg") for name in "ab")
    for target in (bound, Volume.objects.get(pk=bound.pk), other):
        Note.objects.create(target=target)
    for model, notes in ((BoundVolume, 1), (Volume, 2)):
        plan = make_plan(model, [bound.pk], using="default", limit=1000)
        assert +plan.counts.rows == collected(model, [bound.pk])
        assert plan.counts.rows["library.Note"] == notes


@on_postgresql
@pytest.mark.parametrize("size", [1, 3, 100])
def test_engines_agree_on_integer_keys(articles: list[Article], size: int) -> None:
    assert supports(Article, "default")
    assert_engines_agree(batches_of(Article, keys_of(articles), size))


@on_postgresql
@pytest.mark.parametrize("size", [1, 3, 100])
def test_engines_agree_on_uuid_keys(parcels: list[Parcel], size: int) -> None:
    assert supports(Parcel, "default")
    assert_engines_agree(batches_of(Parcel, keys_of(parcels), size))


@on_postgresql
def test_number_of_queries_does_not_grow_with_the_batches(articles: list[Article]) -> None:
    for size in (1, 4):
        batches = batches_of(Article, keys_of(articles), size)
        with CaptureQueriesContext(connection) as captured:
            fill(Article, batches, using="default")
            digests_of(Article, batches, using="default")
        assert len(captured) == 2


@pytest.fixture
def without_content_types(parcels: list[Parcel]) -> Iterator[None]:
    """Delete the content type of parcels, as before a deployment's `migrate`."""
    content_type(Parcel).delete()
    ContentType.objects.clear_cache()
    yield
    ContentType.objects.clear_cache()  # the new content type is rolled back


@on_postgresql
def test_content_type_need_not_exist(parcels: list[Parcel], without_content_types: None) -> None:
    (batch,) = batches_of(Parcel, keys_of(parcels), 100)
    (digest,) = digests_of(Parcel, [batch], using="default").values()
    assert digest == digest_of_batch(plan_batch(batch).preview().objects)
    assert fill(Parcel, [batch], using="default") == {batch.pk: len(parcels)}


@pytest.mark.usefixtures("marked")
def test_removal_takes_no_rows_of_other_objects(
    articles: list[Article], parcels: list[Parcel], moderator: User
) -> None:
    def others(model: type[models.Model]) -> set[Any]:
        rows = model._base_manager.exclude(pk__in=own[model])
        return set(rows.values_list("pk", flat=True))

    own = {
        Attachment: [pk for each in articles[1:5] for pk in pks(each.attachments)],
        Rating: [pk for each in articles[1:5] for pk in pks(each.ratings)],
        Note: [pk for each in articles[1:5] for section in each.section_set.all()
               for pk in pks(section.notes)],
    }  # fmt: skip
    assert all(own.values())
    left = {model: others(model) for model in own}
    selected = Article.objects.filter(pk__in=keys_of(articles[1:5]))
    removal = confirmed(freeze(selected, actor=moderator, permissions=[]), moderator)
    assert not delete_next_batch(removal.pk)
    assert removal.batches.get().deleted_total == 4
    assert {model: set(pks(model._base_manager)) for model in own} == left


def pks(manager: Any) -> list[Any]:
    return list(manager.values_list("pk", flat=True))


@on_postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("model", [Article, Parcel])
def test_engines_lock_the_same_rows(
    model: type[models.Model], articles: list[Article], parcels: list[Parcel]
) -> None:
    rows: list[Any] = articles[1:4] if model is Article else parcels[1:4]
    (batch,) = batches_of(model, keys_of(rows), 100)
    WalkEngine(model, "default").fill([batch])
    results = [locks_of(engine(model, "default"), batch) for engine in (WalkEngine, PostgresEngine)]
    assert results[0] == results[1]
    locked = results[0][1]
    assert locked["library_attachment"] == sum(each.attachments.count() for each in rows)


def locks_of(engine: WalkEngine, batch: RemovalBatch) -> tuple[Any, dict[str, int], list[str]]:
    """Return what an engine locks: its answer, the locked rows by table, and the queries."""
    other = connection.copy()
    try:
        with transaction.atomic(), CaptureQueriesContext(connection) as captured:
            locked = engine.lock(batch)
            numbers = {each: locked_rows(other, each) for each in TABLES}
    finally:
        other.close()
    locking = [query["sql"] for query in captured if "FOR UPDATE" in query["sql"]]
    assert all("ORDER BY" in sql for sql in locking)
    order = [sql.partition(' FROM "')[2].partition('"')[0] for sql in locking]
    return (list(locked.keys), locked.files, locked.rows), numbers, order


TABLES = [model._meta.db_table for model in (Article, Section, Parcel, Attachment, Note, Rating)]


def locked_rows(other: Any, table: str) -> int:
    """Return how many rows of a table another session cannot lock."""
    with other.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        (rows,) = cursor.fetchone()
        cursor.execute(f"SELECT count(*) FROM (SELECT FROM {table} FOR UPDATE SKIP LOCKED) free")
        (free,) = cursor.fetchone()
    return int(rows - free)


def test_tree_is_given_up_at_the_limit_of_the_walk(
    articles: list[Article], parcels: list[Parcel]
) -> None:
    for rows in (articles, parcels):
        model, keys = type(rows[0]), [row.pk for row in rows]
        total = sum(counted(rows).values())
        with transaction.atomic():
            assert lock_tree(model, keys, "default", limit=total) is not None
            assert lock_tree(model, keys, "default", limit=total - 1) is None
