"""Many posts selected: from the click to the confirmation page, and from its button to the deed."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from django.urls import reverse

from benchmarks import content, database
from benchmarks.measure import medians, say
from benchmarks.sizes import Size
from benchmarks.visitor import FOUND, OK, Visitor
from moderation.storage import write_identity
from posts.models import Post

Figures = dict[str, float]


def confirm_page(_place: Path, size: Size) -> Figures:
    """Freeze and page, against (c), Django's own action on the same selection."""
    _fill(size)
    visitor, pages = Visitor(), _Pages()
    seconds = medians(
        {
            "ours": lambda: pages.ours(visitor),
            "stock": lambda: pages.stock(visitor),
        },
        rounds=size.rounds,
    )
    return {
        "ours_seconds": seconds["ours"],
        "stock_seconds": seconds["stock"],
        "times_quicker": seconds["stock"] / seconds["ours"],
        "page_seconds": statistics.median(pages.seconds),
        "ours_kb": pages.ours_bytes / 1000,
        "stock_kb": pages.stock_bytes / 1000,
        "times_smaller": pages.stock_bytes / pages.ours_bytes,
    }


def confirm_post(_place: Path, size: Size) -> Figures:
    """From the click to the answer, the comparison with what was shown included."""
    _fill(size)
    visitor = Visitor()
    return {"seconds": medians({"ours": lambda: _confirm(visitor)}, rounds=size.rounds)["ours"]}


def _fill(size: Size) -> None:
    content.make_posts(size.confirm_posts)
    write_identity("default")
    database.save()


def _confirm(visitor: Visitor) -> float:
    """The seconds of confirming a fresh draft of all posts. No worker runs: nothing is deleted."""
    database.restore()
    visitor.client.force_login(content.moderator())
    removal = content.draft()
    seconds, _ = visitor.post(
        reverse("admin:moderation_removal_confirm", args=[removal.pk]),
        {"seal": removal.seal, "reason": "spam", "typed_count": str(removal.objects_total)},
        expect=FOUND,
    )
    removal.refresh_from_db()
    if removal.state == "draft":
        raise RuntimeError("The draft was not confirmed.")
    return seconds


class _Pages:
    """The pages of both, with what was noted of them."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.ours_bytes = self.stock_bytes = 0

    def ours(self, visitor: Visitor) -> float:
        """Select all, follow to the draft's page; return the seconds of both requests."""
        path = reverse("admin:posts_post_changelist")
        frozen, answer = visitor.post(path, _selected("remove_selected"), expect=FOUND)
        shown, page = visitor.get(answer["Location"])
        say(f"    freeze {frozen:.3f}, page {shown:.3f}")
        self.seconds.append(shown)
        self.ours_bytes = len(page)
        return frozen + shown

    def stock(self, visitor: Visitor) -> float:
        """Select all in Django's own admin; return the seconds of its page."""
        path = reverse("stock:posts_post_changelist")
        seconds, answer = visitor.post(path, _selected("delete_selected"), expect=OK)
        self.stock_bytes = len(answer.content)
        return seconds


def _selected(action: str) -> dict[str, Any]:
    """Return what the change list sends when all posts are selected across pages."""
    first = Post.objects.values_list("pk", flat=True)[0]
    return {"action": action, "select_across": "1", "_selected_action": [first]}
