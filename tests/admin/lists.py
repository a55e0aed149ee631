"""What the list and the page of a post say about drafts and removals of others."""

from __future__ import annotations

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from moderation.models import Removal
from posts.models import Post
from tests.admin.conftest import LIST

FREE = {"others_draft": "no"}


def notices(client: Client, url: str = LIST, **parameters: str) -> dict[int, str]:
    """Return the notices in a list by post key, without empty ones."""
    change_list = client.get(url, parameters).context["cl"]
    rows = {
        post.pk: getattr(post, "moderation_draft_notice", "") for post in change_list.result_list
    }
    assert ("open_draft" in change_list.list_display) is any(rows.values())
    return {key: str(notice) for key, notice in rows.items() if notice}


def listed(client: Client, url: str = LIST, **parameters: str) -> set[int]:
    return {post.pk for post in client.get(url, parameters).context["cl"].result_list}


def page_text(client: Client, post: Post) -> str:
    return " ".join(client.get(f"{LIST}{post.pk}/change/").text.split())


def old(removal: Removal) -> None:
    Removal.objects.filter(pk=removal.pk).update(created_at=timezone.now() - timedelta(hours=25))
