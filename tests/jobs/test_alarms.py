"""`purge --check` exits 1 for failures, and says how many there are and where to look."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from moderation.models import AuditEntry, Removal, RemovalBatch
from moderation.models.states import FOUND_AGAIN
from moderation.purge.run import purge_due_files
from moderation.removals.delete import delete_next_batch
from posts.models import Post
from tests.helpers import confirmed, drafted

pytestmark = pytest.mark.django_db(transaction=True)

MakePosts = Callable[..., list[Post]]
LIST = "/admin/moderation/removal/"


@pytest.fixture
def done(marked: None, moderator: User, make_posts: MakePosts) -> Removal:
    """Return a completed removal of three batches."""
    with override_settings(MODERATION_BATCH_OBJECTS=1):
        removal = confirmed(drafted(make_posts(3, images=1), moderator), moderator)
    while delete_next_batch(removal.pk):
        pass
    while purge_due_files():
        pass
    removal.refresh_from_db()
    assert removal.state == "done"
    return removal


def fail_entries(removal: Removal, count: int) -> None:
    """Park some keys, as if the storage had always refused to delete them."""
    row: dict[str, Any] = dict(AuditEntry.objects.filter(removal=removal).values()[0])
    row |= {"state": "failed", "failed_at": timezone.now(), "erased_at": None, "verified_at": None}
    AuditEntry.objects.bulk_create(AuditEntry(**row | {"id": None}) for _ in range(count))


def find_again(removal: Removal, count: int) -> None:
    row: dict[str, Any] = dict(AuditEntry.objects.filter(removal=removal).values()[0])
    row |= {"state": "erased", "verified_at": timezone.now(), "detail": FOUND_AGAIN}
    AuditEntry.objects.bulk_create(AuditEntry(**row | {"id": None}) for _ in range(count))


def fail_batches(removal: Removal, count: int) -> None:
    batches = list(removal.batches.order_by("number")[:count])
    RemovalBatch.objects.filter(pk__in=[batch.pk for batch in batches]).update(
        state="failed", error="IntegrityError: no", finished_at=timezone.now()
    )


def check() -> str:
    """Return the command's output; an error has exit code 1."""
    out, code = StringIO(), 0
    try:
        call_command("purge", "--check", stdout=out)
    except CommandError as error:
        out.write(str(error))
        code = error.returncode
    return f"{code}: {out.getvalue()}"


def test_a_removal_without_failures_is_not_an_alarm(done: Removal) -> None:
    assert check().startswith("0: ")


@pytest.mark.parametrize(
    ("fail", "says", "badge"),
    [
        (fail_entries, "2 keys could not be erased", "done, 2 failed"),
        (fail_batches, "2 batches failed", "done, 2 failed"),
        (find_again, "2 erased keys found in storage again", "done, 2 found again"),
    ],
)
def test_each_failure_is_reported_with_its_page(
    done: Removal, client: Client, fail: Any, says: str, badge: str
) -> None:
    fail(done, 2)
    said = check()
    assert said.startswith("1: ")
    assert says in said
    client.force_login(User.objects.create_superuser("root"))
    (address,) = re.findall(r"see ([^ ;,]+)", said)
    assert client.get(address).status_code == 200
    for page in (LIST, f"{LIST}{done.pk}/change/", f"{LIST}{done.pk}/progress/"):
        html = client.get(page).content.decode()
        assert badge in html
        assert "removal-state-bad" in html


def test_the_reported_page_lists_only_these_entries(done: Removal, client: Client) -> None:
    find_again(done, 4)
    fail_entries(done, 3)
    client.force_login(User.objects.create_superuser("root"))
    addresses = re.findall(r"see ([^ ;,]+)", check())
    counts = [client.get(each).context["cl"].result_count for each in addresses]
    assert counts == [3, 4]


def test_all_failures_are_reported_together(done: Removal) -> None:
    fail_entries(done, 1)
    fail_batches(done, 1)
    find_again(done, 1)
    assert check().count("; ") == 3  # one of them before the command for a retry


def test_a_failure_that_cannot_be_retried_is_an_alarm_for_a_month(done: Removal) -> None:
    find_again(done, 2)
    fail_batches(done, 1)
    old = timezone.now() - timedelta(days=31)
    RemovalBatch.objects.update(finished_at=old)
    assert "batches failed" not in check()
    assert "found in storage again" in check()


def test_the_list_runs_as_many_queries_for_one_removal_as_for_many(
    done: Removal, client: Client, moderator: User
) -> None:
    client.force_login(User.objects.create_superuser("root"))
    client.get(LIST)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(LIST)
        return len(captured)

    one = queries()
    Removal.objects.bulk_create(
        Removal(model_label="posts.Post", state="done", confirmed_at=timezone.now())
        for _ in range(20)
    )
    assert queries() == one
