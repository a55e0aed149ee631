"""PostgreSQL computes the previews and digests that the walk computes."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from moderation.cascade.batches import fill_batch, plan_batch
from moderation.cascade.postgres import MAX_PAIRS, _json_object, digests_of, fill, supports
from moderation.cascade.tree import branches_of
from moderation.models import RemovalBatch
from posts.models import Post, PostImage, Report
from tests.cascade.engines import assert_engines_agree, batches_of, on_postgresql
from tests.testapp.models import (
    Album,
    Case,
    Country,
    Exhibit,
    Piece,
    Shelf,
    Thread,
    Visit,
    Volume,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def posts() -> list[Post]:
    """Posts with no, one and several pictures; names that need care; one file missing in a row."""
    author = User.objects.create(username="a")
    posts = [Post.objects.create(author=author, title=str(n), body="") for n in range(9)]
    for number, post in enumerate(posts):
        PostImage.objects.bulk_create(
            PostImage(
                post=post, image=f"{number}/äö “{image}”\t%s.jpg",
                thumbnail="" if image == 2 else f"t{number}-{image}", sha256="0" * 64, size=number,
                width=1, height=1,
            )
            for image in range(number % 4)
        )  # fmt: skip
        if number % 2:
            Report.objects.create(post=post, reporter=author, reason="spam")
    return posts


@pytest.fixture
def exhibits() -> list[Exhibit]:
    """Trees of three steps with every type of relation, rows without any file, and NULL for one."""
    made = [Exhibit(id=UUID(int=n << 90), poster=f"p{n}" if n % 2 else "") for n in range(1, 8)]
    Exhibit.objects.bulk_create(made)
    for number, exhibit in enumerate(made):
        Exhibit.objects.filter(pk=exhibit.pk).update(follows=made[0])
        cases = [Case.objects.create(exhibit=exhibit) for _ in range(number % 3)]
        for case in cases:
            Case.objects.create(exhibit=made[1], beside=case)
            Piece.objects.create(case=case)
            Piece.objects.create(case=case, leaflet=f"l{case.pk}")
            Piece.objects.create(case=case, picture=f"{case.pk}", leaflet=f"l{case.pk}")
            Visit.objects.create(exhibit=exhibit)
    return made


@on_postgresql
def test_engines_agree(posts: list[Post]) -> None:
    keys = [post.pk for post in posts] + [posts[-1].pk + 1000]
    assert_engines_agree(batches_of(Post, keys, 4))


@on_postgresql
def test_engines_agree_on_a_deeper_tree_with_uuid_keys(exhibits: list[Exhibit]) -> None:
    batches = batches_of(Exhibit, [str(exhibit.pk) for exhibit in exhibits], 3)
    assert_engines_agree(batches)
    first = RemovalBatch.objects.get(pk=batches[0].pk)
    assert first.updates_by_model["library.Exhibit"] == len(exhibits)
    assert first.blockers["protected"] == {"library.Visit": 3}


@on_postgresql
def test_a_batch_whose_objects_no_longer_exist_is_left_alone(posts: list[Post]) -> None:
    existing, deleted = batches_of(Post, [posts[0].pk, posts[1].pk], 1)
    posts[1].delete()
    assert set(digests_of(Post, [existing, deleted], using="default")) == {existing.pk}
    assert set(fill(Post, [existing, deleted], using="default")) == {existing.pk}
    deleted.refresh_from_db()
    assert deleted.digest == ""


@on_postgresql
def test_one_statement_serves_any_number_of_batches(posts: list[Post]) -> None:
    def queries(size: int) -> int:
        batches = batches_of(Post, [post.pk for post in posts], size)
        with CaptureQueriesContext(connection) as captured:
            fill(Post, batches, using="default")
            digests_of(Post, batches, using="default")
        return len(captured)

    assert queries(9) == queries(1) == 2


@pytest.mark.parametrize("change", ["image", "thumbnail", "key", "swap", "gain", "lose"])
def test_a_digest_changes_with_every_name_and_key(posts: list[Post], change: str) -> None:
    (batch,) = batches_of(Post, [posts[3].pk], 1)
    before = digest(batch)
    first, second, _ = images = list(PostImage.objects.filter(post=posts[3]).order_by("pk"))
    rows = PostImage.objects.filter(pk=first.pk)
    if change in {"image", "thumbnail"}:
        rows.update(**{change: "another.jpg"})
    elif change == "key":
        rows.update(id=images[-1].pk + 1000)
    elif change == "swap":
        rows.update(image=second.image.name)
        PostImage.objects.filter(pk=second.pk).update(image=first.image.name)
    elif change == "gain":
        PostImage.objects.filter(post=posts[2]).update(post=posts[3])
    else:
        rows.update(post=posts[2])
    assert digest(batch) != before


def test_a_digest_does_not_change_with_rows_without_files(posts: list[Post]) -> None:
    (batch,) = batches_of(Post, [posts[3].pk], 1)
    before = digest(batch)
    Report.objects.all().delete()
    without = PostImage(post=posts[3], image="", size=1, width=1, height=1)
    PostImage.objects.bulk_create([without])
    assert digest(batch) == before


def digest(batch: RemovalBatch) -> str:
    """Return the current digest of a batch, after comparing the engines."""
    walked = fill_batch(batch, plan_batch(batch).preview()).digest
    if connection.vendor == "postgresql":
        assert digests_of(Post, [batch], using="default") == {batch.pk: walked}
    return walked


@pytest.mark.parametrize(
    ("model", "plain"),
    [(Post, True), (Exhibit, True), (Shelf, False), (Volume, False), (Thread, False),
     (Album, False), (Country, False), (User, False)],
)  # fmt: skip
def test_only_trees_of_plain_keys_are_summarized(model: type[Model], plain: bool) -> None:
    assert (branches_of(model) is not None) is plain
    assert supports(model, "default") is (plain and connection.vendor == "postgresql")


@on_postgresql
def test_a_json_object_may_have_any_number_of_pairs() -> None:
    for count in (0, 1, MAX_PAIRS, MAX_PAIRS + 1, 3 * MAX_PAIRS):
        pairs = [f"'label {number}', {number}" for number in range(count)]
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {_json_object(pairs)}")
            (found,) = cursor.fetchone()
        found = found if isinstance(found, dict) else json.loads(found)
        assert found == {f"label {number}": number for number in range(count)}
