"""No step of a removal reads a big table whole, from the selection to the verification."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from moderation.jobs import failures, scheduler
from moderation.models import Removal
from moderation.models.states import RemovalState
from moderation.purge.run import purge_due_files
from moderation.purge.verify import verify_erased_files
from moderation.removals.delete import delete_next_batch
from tests.query_plans.watch import none_is_read_whole

pytestmark = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has no plans that tell how much is read"
)


def submit(client: Client, removal: Removal, name: str, **data: Any) -> None:
    """Submit a form of the removal's page."""
    address = reverse(f"admin:moderation_removal_{name}", args=[removal.pk])
    with none_is_read_whole():
        assert client.post(address, data).status_code == 302


def show(client: Client, removal: Removal, query: str = "") -> None:
    """Open the removal's page, as it stands."""
    with none_is_read_whole():
        client.get(reverse("admin:moderation_removal_change", args=[removal.pk]) + query)


def selected(client: Client) -> Removal:
    """Select the posts of two authors, across pages, and remove them: a draft."""
    chosen = {"action": "remove_selected", "select_across": 1, "_selected_action": 1, "index": 0}
    with none_is_read_whole():
        client.post(reverse("admin:posts_post_changelist") + "?q=user_77", chosen)
    return Removal.objects.latest("pk")


def test_each_step_uses_indexes(big_site: Client) -> None:
    removal = selected(big_site)
    assert removal.objects_total == 250
    show(big_site, removal)
    show(big_site, removal, "?p=2")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE moderation_removalbatch")
    confirmed = {"seal": removal.seal, "reason": "spam", "typed_count": "250"}
    submit(big_site, removal, "confirm", **confirmed)
    removal.refresh_from_db()
    show(big_site, removal)
    with none_is_read_whole():
        while delete_next_batch(removal.pk):
            pass
    show(big_site, removal)
    with none_is_read_whole():
        scheduler.overdue()
        assert list(failures.alarms())
    with none_is_read_whole():
        while purge_due_files():
            pass
    with none_is_read_whole():
        verify_erased_files()
    with none_is_read_whole():
        scheduler.run_once(alone=True)
    show(big_site, removal)
    removal.refresh_from_db()
    assert removal.state == RemovalState.DONE
