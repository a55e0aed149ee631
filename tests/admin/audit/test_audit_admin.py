"""The audit log in the admin: who sees what of it, and what its pages show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from moderation.admin.audit.audit_admin import AuditEntryAdmin
from moderation.admin.large_lists import pagination
from moderation.models import AuditEntry, AuditEvent
from moderation.models.states import EntryState
from tests.admin.audit.conftest import LIST, entry_of, person, removal_of, shown_keys


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


def test_the_url_cannot_sort_by_a_column_that_is_not_sortable(audit_client: Client) -> None:
    entry_of(None, "b")
    entry_of(None, "a")
    columns = ("key", "recorded")
    orders = [str(AuditEntryAdmin.list_display.index(column)) for column in columns]
    lists = [audit_client.get(reverse(LIST), {"o": order}).context["cl"] for order in orders]
    assert [[entry.key for entry in each.result_list] for each in lists] == [["a", "b"], ["b", "a"]]


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
