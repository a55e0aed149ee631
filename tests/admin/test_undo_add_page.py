"""On the page of a draft, the most recent addition is named and can be undone."""

from __future__ import annotations

import pytest
from django.test import Client

from moderation.models import Removal
from posts.models import Post
from tests.admin import test_add_page
from tests.admin.conftest import page_of
from tests.admin.desk import said
from tests.admin.drafts import html, keep, press, text_of
from tests.admin.test_add_page import GROUP, PAGE, add_all, keys_of
from tests.removals.keeping import frozen_keys

pytestmark = pytest.mark.django_db

posts, draft = test_add_page.posts, test_add_page.draft


@pytest.mark.parametrize("query", ["", GROUP, "?show=objects"])
def test_an_addition_can_be_undone_on_every_page_of_the_draft(
    client: Client, draft: Removal, posts: list[Post], query: str
) -> None:
    assert "Last added" not in html(client, draft, query)
    add_all(client, draft)
    page = html(client, draft, query)
    assert text_of(page).count("Last added: 3 posts. Undo the addition") == 1
    response = press(client, draft, "add", undo_add="yes", **PAGE)
    assert said(response) == "No longer selected: 3 posts. 2 posts left in the selection."
    assert response["Location"] == f"{page_of(draft)}{GROUP}"
    assert frozen_keys(draft) == keys_of(posts[:2])
    assert "Last added" not in html(client, draft, query)


def test_an_older_page_undoes_no_addition(
    client: Client, draft: Removal, posts: list[Post]
) -> None:
    add_all(client, draft)
    keep(client, draft, posts[0])
    text = said(press(client, draft, "add", undo_add="yes", seal="of an older page"))
    assert "Review it again" in text
    assert frozen_keys(draft) == keys_of(posts[1:5])
