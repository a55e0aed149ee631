"""The audit log in the admin: who sees what, and how it is found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from moderation.admin import access
from moderation.admin.audit import search
from moderation.admin.audit.audit_admin import AuditEntryAdmin
from moderation.admin.large_lists import pagination
from moderation.models import AuditEntry, AuditEvent, RemovalBatch, StorageIdentity
from moderation.models.states import EntryState
from tests.admin.audit.conftest import entry_of, person, removal_of

LIST = "admin:moderation_auditentry_changelist"
DIGEST = "ab" * 32


def shown_keys(client: Client, **params: Any) -> set[str]:
    """Give the keys that the change list shows."""
    response = client.get(reverse(LIST), params)
    assert response.status_code == 200
    return {entry.key for entry in response.context["cl"].result_list}


@pytest.fixture
def audit_client(auditor: User, logged_in: Callable[[User], Client]) -> Client:
    return logged_in(auditor)


@pytest.mark.parametrize("model", ["auditentry", "auditevent"])
def test_not_even_a_superuser_adds_changes_or_deletes(model: str, admin_client: Client) -> None:
    entry = entry_of(removal_of(person("somebody")), "a")
    key = {"auditentry": entry.pk, "auditevent": AuditEvent.objects.get().pk}[model]
    pages = [
        reverse(f"admin:moderation_{model}_add"),
        reverse(f"admin:moderation_{model}_change", args=[key]),
        reverse(f"admin:moderation_{model}_delete", args=[key]),
    ]
    assert [admin_client.post(page, {"post": "yes"}).status_code for page in pages] == [403] * 3
    listed = reverse(f"admin:moderation_{model}_changelist")
    action = {"action": "delete_selected", "_selected_action": [key], "post": "yes"}
    admin_client.post(listed, action)
    assert admin_client.get(listed).context["cl"].formset is None
    assert admin_client.get(listed).context["action_form"] is None
    assert (AuditEntry.objects.count(), AuditEvent.objects.count()) == (1, 1)


def test_moderator_sees_the_entries_of_own_removals_only(
    moderator: User, logged_in: Callable[[User], Client]
) -> None:
    own = entry_of(removal_of(moderator), "own")
    foreign = entry_of(removal_of(person("other")), "foreign")
    entry_of(None, "by nobody")
    client = logged_in(moderator)
    assert shown_keys(client) == {"own"}
    assert shown_keys(client, q="foreign") == set()
    pages = [reverse("admin:moderation_auditentry_change", args=[e.pk]) for e in (own, foreign)]
    assert [client.get(page).status_code for page in pages] == [200, 302]


def test_staff_without_permission_sees_nothing(logged_in: Callable[[User], Client]) -> None:
    entry = entry_of(None, "a")
    client = logged_in(person("stranger"))
    pages = [
        reverse(LIST),
        reverse("admin:moderation_auditentry_change", args=[entry.pk]),
        reverse("admin:moderation_auditentry_suggest", args=["removal"]),
        reverse("admin:moderation_auditevent_changelist"),
    ]
    assert [client.get(page).status_code for page in pages] == [403] * 4


def test_moderator_does_not_see_the_events(
    moderator: User, logged_in: Callable[[User], Client]
) -> None:
    page = reverse("admin:moderation_auditevent_changelist")
    assert logged_in(moderator).get(page).status_code == 403


def test_entry_outlives_its_removal_and_its_moderator(audit_client: Client) -> None:
    gone = person("gone")
    removal = removal_of(gone)
    entry, number = entry_of(removal, "a"), removal.pk
    gone.delete()
    removal.delete()
    page = audit_client.get(reverse("admin:moderation_auditentry_change", args=[entry.pk]))
    assert f"#{number}" in page.text
    assert shown_keys(audit_client, removal=number) == {"a"}
    assert shown_keys(audit_client, actor="gone") == {"a"}


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
    with CaptureQueriesContext(connection) as asked:
        assert shown_keys(audit_client, removal=removal.pk) == {"first", "last"}
    assert any("2026-03-01" in query["sql"] for query in asked)


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
    told = found.explain()
    assert all(index in told for index in ("entry_key", "entry_sha256"))
    assert "Seq Scan" not in told


def test_number_of_queries_does_not_depend_on_the_number_of_entries(audit_client: Client) -> None:
    removal = removal_of(person("somebody"))

    def queries() -> int:
        """Return the number with warm caches, one of which may expire between two requests."""
        counts = []
        for _ in range(3):
            with CaptureQueriesContext(connection) as captured:
                shown_keys(audit_client, state__exact="pending")
            counts.append(len(captured))
        return min(counts)

    entry_of(removal, "first")
    few = queries()
    for number in range(30):
        entry_of(removal_of(person(f"person {number}")), f"key {number}")
    assert queries() == few


def test_list_counts_up_to_a_cap(audit_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "COUNTED_ROWS", 2)
    for number in range(2):
        entry_of(None, f"key {number}")
    assert "2 audit entries" in audit_client.get(reverse(LIST)).text
    entry_of(None, "one too many")
    page = audit_client.get(reverse(LIST))
    assert "more than 2 audit entries" in page.text
    assert page.context["cl"].result_count == 2


def test_the_detail_page_shows_the_storages_error_and_each_time(audit_client: Client) -> None:
    failed_at = datetime(2026, 3, 1, 13, 5, tzinfo=UTC)
    words = "Access Denied <by> policy"
    entry = entry_of(None, "a", state=EntryState.FAILED, error=words, failed_at=failed_at)
    page = audit_client.get(reverse("admin:moderation_auditentry_change", args=[entry.pk])).text
    assert "Access Denied &lt;by&gt; policy" in page
    assert "1 Mar 2026, 13:05:00 UTC" in page
    assert "entry-state-failed" in page
    assert 'name="_save"' not in page


def test_suggestions_are_few_and_match(audit_client: Client) -> None:
    removals = [removal_of(person(f"person {n}"), note=f"wave {n}") for n in range(25)]

    def suggested(kind: str, term: str) -> list[str]:
        url = reverse("admin:moderation_auditentry_suggest", args=[kind])
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


def test_the_url_cannot_sort_by_a_column_that_is_not_sortable(audit_client: Client) -> None:
    entry_of(None, "b")
    entry_of(None, "a")
    columns = ("key", "recorded")
    orders = [str(AuditEntryAdmin.list_display.index(column)) for column in columns]
    lists = [audit_client.get(reverse(LIST), {"o": order}).context["cl"] for order in orders]
    assert [[entry.key for entry in each.result_list] for each in lists] == [["a", "b"], ["b", "a"]]


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


def test_entry_shows_only_fields_with_a_value(audit_client: Client) -> None:
    entry = entry_of(None, "a", size=0)
    page = audit_client.get(reverse("admin:moderation_auditentry_change", args=[entry.pk])).text
    assert "Hidden name" not in page
    assert "Error code" not in page
    assert "0\xa0bytes" in page
    assert "Technical" in page


def test_events_are_described_in_words(audit_client: Client) -> None:
    removal = removal_of(person("somebody"))
    details = {"reason": "spam", "note": "a wave", "seal": "x" * 64, "objects": 1300, "files": 2}
    AuditEvent.objects.create(
        type="confirm", removal=removal, actor_name="somebody", details=details
    )
    AuditEvent.objects.create(
        type="retry", removal=removal, actor_name="somebody", details={"batches": 0, "entries": 2}
    )
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    page = audit_client.get(reverse("admin:moderation_auditevent_changelist"), {"from": today}).text
    assert "Spam · Note: a wave · 1,300 posts · 2 files<" in page
    assert ">2 files<" in page
    assert "retried" in page
