"""Rows of a generic relation are found by the index on content type and key."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from moderation.cascade.engine import PostgresEngine
from moderation.models import Removal, RemovalBatch
from tests.query_plans.watch import none_is_read_whole
from tests.testapp.models import Article, Parcel

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor == "sqlite", reason="the engine is PostgreSQL's"),
]

ROWS = """
INSERT INTO library_article (id) SELECT n FROM generate_series(1, 50000) n;
INSERT INTO library_parcel (id) SELECT md5(n::text)::uuid FROM generate_series(1, 50000) n;
INSERT INTO library_attachment (content_type_id, object_id, file)
SELECT {article}, id, 'a' || id FROM library_article;
INSERT INTO library_attachment (content_type_id, object_id, file)
SELECT {parcel}, id, 'p' || id FROM library_parcel;
INSERT INTO library_rating (content_type_id, object_id) SELECT {article}, id FROM library_article;
ANALYZE;
"""
TABLES = frozenset({"library_article", "library_parcel", "library_attachment", "library_rating"})


@pytest.fixture
def many_rows(db: None) -> None:
    """Insert enough rows that reading a whole table is the slowest plan."""
    types = {model: ContentType.objects.get_for_model(model).pk for model in (Article, Parcel)}
    with connection.cursor() as cursor:
        cursor.execute(ROWS.format(article=types[Article], parcel=types[Parcel]))


@pytest.mark.usefixtures("many_rows")
@pytest.mark.parametrize("model", [Article, Parcel])
def test_engine_uses_the_index(model: type[Article | Parcel]) -> None:
    removal = Removal.objects.create(model_label=model._meta.label, actor_name="mod")
    keys = [key if model is Article else str(key) for key in model.objects.order_by("pk")
            .values_list("pk", flat=True)[20_000:20_200]]  # fmt: skip
    batches = [
        RemovalBatch.objects.create(removal=removal, number=n, frozen=[[key, ""] for key in part])
        for n, part in enumerate((keys[:100], keys[100:]))
    ]
    engine = PostgresEngine(model, "default")
    rows = 100 * (3 if model is Article else 2)
    for chosen in (batches, batches[:1]):
        with none_is_read_whole(TABLES):
            assert engine.fill(chosen) == dict.fromkeys([batch.pk for batch in chosen], rows)
        for batch in chosen:
            batch.refresh_from_db()
        with none_is_read_whole(TABLES):
            assert not list(engine.compare(chosen))
    with none_is_read_whole(TABLES):
        assert len(engine.lock(batches[0]).files) == 100
