"""The filters and the search of the audit log in the admin, and what they suggest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from moderation.admin import access
from moderation.admin.audit import search
from moderation.models import AuditEntry, RemovalBatch, StorageIdentity
from moderation.models.states import EntryState
from tests.admin.audit.conftest import LIST, entry_of, person, removal_of, shown_keys

DIGEST = "ab" * 32


def test_filters_find_what_they_name(audit_client: Client) -> None:
    StorageIdentity.objects.create(alias="archive", environment="test")
    first, second = removal_of(person("first")), removal_of(person("second"), reason="abuse")
    entry_of(first, "a", recorded_at=datetime(2026, 3, 1, 23, 59, tzinfo=UTC))
    entry_of(second, "b", state=EntryState.FAILED, storage="archive")
    assert shown_keys(audit_client, removal=f"#{first.pk}") == {"a"}
    assert shown_keys(audit_client, actor="second") == {"b"}
    assert shown_keys(audit_client, actor="nobody") == set()
    assert shown_keys(audit_client, state__exact="failed") == {"b"}
    assert shown_keys(audit_client, reason__exact="abuse") == {"b"}
    assert shown_keys(audit_client, storage="archive") == {"b"}
    assert shown_keys(audit_client, **{"from": "2026-03-01", "to": "2026-03-01"}) == {"a"}
    assert shown_keys(audit_client, **{"from": "2026-03-02"}) == {"b"}
    assert shown_keys(audit_client, to="2026-02-28") == set()


@pytest.mark.parametrize("few", [0, 100])
def test_reason_is_found_in_few_and_in_many_removals(
    few: int, audit_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "FEW_REMOVALS", few)
    entry_of(removal_of(person("first"), reason="abuse"), "a")
    entry_of(removal_of(person("second")), "b")
    entry_of(None, "c")
    assert shown_keys(audit_client, reason__exact="abuse") == {"a"}
    assert shown_keys(audit_client, reason__exact="illegal") == set()


@pytest.mark.parametrize("few", [0, 100])
def test_moderator_is_found_in_few_and_in_many_removals_and_outside_of_them(
    few: int, audit_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "FEW_REMOVALS", few)
    first = person("first")
    entry_of(removal_of(first), "a")
    entry_of(None, "b", actor=first, actor_name="first")
    entry_of(removal_of(person("second")), "c")
    entry_of(None, "d")
    assert shown_keys(audit_client, actor="first") == {"a", "b"}


def test_entries_of_a_removal_are_looked_for_until_its_last_batch_ended(
    audit_client: Client,
) -> None:
    ended = datetime(2026, 3, 1, tzinfo=UTC)
    removal = removal_of(person("somebody"), confirmed_at=ended - timedelta(hours=3))
    for number, at in enumerate((ended, ended - timedelta(hours=1), None)):
        RemovalBatch.objects.create(removal=removal, number=number, finished_at=at)
    entry_of(removal, "first", recorded_at=ended - timedelta(hours=2))
    entry_of(removal, "last", recorded_at=ended)
    with CaptureQueriesContext(connection) as captured:
        assert shown_keys(audit_client, removal=removal.pk) == {"first", "last"}
    assert any("2026-03-01" in query["sql"] for query in captured)


@pytest.mark.parametrize(
    "params",
    [{"removal": "x"}, {"removal": "9" * 30}, {"from": "2026-02-30"}, {"to": "9999-12-31"},
     {"storage": "unheard of"}],
)  # fmt: skip
def test_an_invalid_filter_redirects_to_the_list(
    params: dict[str, str], audit_client: Client
) -> None:
    pages = (reverse(LIST), reverse("admin:moderation_auditentry_export"))
    for page in pages:
        response = audit_client.get(page, params)
        assert (response.status_code, response.headers["Location"][-4:]) == (302, "?e=1")


def test_search_finds_the_beginning_of_a_key_and_a_digest(
    audit_client: Client,
) -> None:
    entry_of(None, "posts/a b/one.jpg")
    entry_of(None, "posts/a_b/two.jpg", sha256=DIGEST)
    entry_of(None, "Posts/a b/three.jpg")
    assert shown_keys(audit_client, q="posts/a b") == {"posts/a b/one.jpg"}
    assert shown_keys(audit_client, q="posts/a_b") == {"posts/a_b/two.jpg"}
    assert shown_keys(audit_client, q="./posts//a_b/") == {"posts/a_b/two.jpg"}
    assert shown_keys(audit_client, q=DIGEST.upper()) == {"posts/a_b/two.jpg"}
    assert shown_keys(audit_client, q="b/one") == set()
    assert shown_keys(audit_client, q="%") == set()


@pytest.mark.django_db
def test_the_search_uses_indexes() -> None:
    found = search.search_entries(AuditEntry.objects.all(), DIGEST)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # the table of the test is too small
    plan = found.explain()
    assert all(index in plan for index in ("entry_key", "entry_sha256"))
    assert "Seq Scan" not in plan


def test_suggestions_are_few_and_match(audit_client: Client) -> None:
    removals = [removal_of(person(f"person {n}"), note=f"wave {n}") for n in range(25)]

    def suggested(field: str, term: str) -> list[str]:
        url = reverse("admin:moderation_auditentry_suggest", args=[field])
        found = audit_client.get(f"{url}?{urlencode({'term': term})}").json()["suggestions"]
        return [each["value"] for each in found]

    assert len(suggested("removal", "")) == len(suggested("actor", "")) == 20
    assert suggested("removal", "wave 17") == [str(removals[17].pk)]
    assert str(removals[3].pk) in suggested("removal", f"#{removals[3].pk}")
    assert suggested("actor", "PERSON 24") == ["person 24"]
    unknown = reverse("admin:moderation_auditentry_suggest", args=["post"])
    assert audit_client.get(unknown).status_code == 404


def test_moderators_get_no_suggestions_about_others(
    moderator: User, logged_in: Callable[[User], Client]
) -> None:
    own, _ = removal_of(moderator), removal_of(person("other"))
    client = logged_in(moderator)
    removals = client.get(reverse("admin:moderation_auditentry_suggest", args=["removal"]))
    assert [each["value"] for each in removals.json()["suggestions"]] == [str(own.pk)]
    actors = client.get(reverse("admin:moderation_auditentry_suggest", args=["actor"]))
    assert actors.status_code == 403


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/media/posts/2026/one%20a.jpg?X-Amz-Signature=1",
        "/media/posts/2026/one a.jpg",
        "http://s3.example.org/bucket/posts/2026/one%20a.jpg",
    ],
)
def test_search_finds_the_file_of_a_url(audit_client: Client, url: str) -> None:
    entry_of(None, "posts/2026/one a.jpg")
    entry_of(None, "posts/2026/two.jpg")
    assert shown_keys(audit_client, q=url) == {"posts/2026/one a.jpg"}
