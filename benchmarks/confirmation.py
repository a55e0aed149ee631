"""Removing many posts: the requests up to the confirmation page, and the confirmation itself."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from django.urls import reverse

from benchmarks import content, database
from benchmarks.http_client import FOUND, OK, AdminClient
from benchmarks.measure import medians, say
from benchmarks.sizes import Size
from moderation.storage import write_identity
from posts.models import Post

Figures = dict[str, float]


def confirm_page(_folder: Path, size: Size) -> Figures:
    """Measure freeze and page, against (c): Django's own action on the same selection."""
    _fill(size)
    client, pages = AdminClient(), _Pages()
    seconds = medians(
        {
            "ours": lambda: pages.ours(client),
            "stock": lambda: pages.stock(client),
        },
        rounds=size.rounds,
    )
    return {
        "ours_seconds": seconds["ours"],
        "stock_seconds": seconds["stock"],
        "speedup": seconds["stock"] / seconds["ours"],
        "page_seconds": statistics.median(pages.page_seconds),
        "ours_kb": pages.ours_bytes / 1000,
        "stock_kb": pages.stock_bytes / 1000,
        "size_ratio": pages.stock_bytes / pages.ours_bytes,
    }


def confirm_post(_folder: Path, size: Size) -> Figures:
    """Measure the request that confirms, including the comparison with the preview."""
    _fill(size)
    client = AdminClient()
    return {"seconds": medians({"ours": lambda: _confirm(client)}, rounds=size.rounds)["ours"]}


def _fill(size: Size) -> None:
    content.make_posts(size.confirm_posts)
    write_identity("default")
    database.save()


def _confirm(client: AdminClient) -> float:
    """Return the seconds to confirm a new draft of all posts. No worker runs, so all posts stay."""
    database.restore()
    client.client.force_login(content.moderator())
    removal = content.draft()
    seconds, _ = client.post(
        reverse("admin:moderation_removal_confirm", args=[removal.pk]),
        {"seal": removal.seal, "reason": "spam", "typed_count": str(removal.objects_total)},
        expect=FOUND,
    )
    removal.refresh_from_db()
    if removal.state == "draft":
        raise RuntimeError("The draft was not confirmed.")
    return seconds


class _Pages:
    """Requests the pages of both admins, and records their seconds and sizes."""

    def __init__(self) -> None:
        self.page_seconds: list[float] = []
        self.ours_bytes = self.stock_bytes = 0

    def ours(self, client: AdminClient) -> float:
        """Select all posts and open the draft's page; return the seconds of both requests."""
        path = reverse("admin:posts_post_changelist")
        freeze, response = client.post(path, _form("remove_selected"), expect=FOUND)
        page, body = client.get(response["Location"])
        say(f"    freeze {freeze:.3f}, page {page:.3f}")
        self.page_seconds.append(page)
        self.ours_bytes = len(body)
        return freeze + page

    def stock(self, client: AdminClient) -> float:
        """Select all posts in Django's own admin; return the seconds of its page."""
        path = reverse("stock:posts_post_changelist")
        seconds, response = client.post(path, _form("delete_selected"), expect=OK)
        self.stock_bytes = len(response.content)
        return seconds


def _form(action: str) -> dict[str, Any]:
    """Return the change list's form data when all posts are selected across pages."""
    first = Post.objects.values_list("pk", flat=True)[0]
    return {"action": action, "select_across": "1", "_selected_action": [first]}
