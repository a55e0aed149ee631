"""Use the page of a draft as a browser does: read it, press its buttons, and see what was kept."""

from __future__ import annotations

import re
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from moderation.models import Removal
from posts.models import Post
from tests.admin.conftest import page_of


def html(client: Client, removal: Removal, query: str = "") -> str:
    response = client.get(page_of(removal) + query)
    assert response.status_code == 200
    return response.text


def number_of_queries(client: Client, removal: Removal) -> int:
    """Return how many queries the page of a draft takes when it is shown for the second time."""
    html(client, removal)
    with CaptureQueriesContext(connection) as captured:
        html(client, removal)
    return len(captured)


def text_of(page: str) -> str:
    """Return the text of a page in one line, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def value_of(removal: Removal, post: Post) -> str:
    """Return the value of the buttons of a post."""
    for batch in removal.batches.all():
        if post.pk in [*dict(batch.frozen), *batch.kept]:
            return f"{batch.number}:{post.pk}"
    raise AssertionError(post)


def press(client: Client, removal: Removal, action: str, **sent: str) -> Any:
    """Post the form of the draft as a button does."""
    removal.refresh_from_db()
    response = client.post(page_of(removal, action), {"seal": removal.seal, **sent})
    removal.refresh_from_db()
    assert response.status_code == 302
    return response


def keep(client: Client, removal: Removal, post: Post, **sent: str) -> Any:
    return press(client, removal, "exclude", object=value_of(removal, post), **sent)


def kept(removal: Removal) -> list[int]:
    return [key for batch in removal.batches.order_by("number") for key in batch.kept]
