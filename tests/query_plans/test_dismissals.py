"""Dismissing reports, undoing that, and the pages that show dismissals use indexes."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from posts.models import Report
from tests.admin.conftest import drafted, page_of
from tests.admin.test_dismiss_reports import seen_in
from tests.query_plans.watch import none_is_read_whole

pytestmark = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has no plans that tell how much is read"
)

LIST = reverse("admin:posts_post_changelist")


def test_dismissing_and_undoing_use_indexes(big_site: Client) -> None:
    report = Report.objects.filter(state="open").select_related("reporter", "post").earliest("pk")
    for shown in (report, Report.objects.filter(state="dismissed").earliest("pk")):
        with none_is_read_whole():
            big_site.get(reverse("admin:posts_post_change", args=[shown.post_id]))
    chosen = {"action": "dismiss_reports_of_selected", "_selected_action": report.post_id}
    for query, across in (("", 0), (f"?author={report.reporter}&reported=yes", 1)):
        sent = {**chosen, "select_across": across, "index": 0}
        sent |= seen_in(big_site.get(LIST + query).text)
        with none_is_read_whole():
            page = big_site.post(LIST + query, sent, follow=True).text
        draft = drafted([report.post], User.objects.get(username="root"))
        with none_is_read_whole():
            assert "were dismissed by root" in big_site.get(page_of(draft)).text
        undo = re.search(r'class="post-undo" method="post" action="([^"]+)"', page)
        assert undo
        with none_is_read_whole():
            assert "Reopened" in big_site.post(undo[1], follow=True).text
