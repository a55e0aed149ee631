"""Every link on a draft's page leads to its place, and a refused confirmation keeps the place."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation import conf
from moderation.db.server_time import DatabaseNow
from moderation.models import Removal
from posts.models import Post
from tests.admin.conftest import drafted, page_of, words

MakePosts = Callable[..., list[Post]]
PICTURES = 61  # one more than on a page
PLACE = ["All pictures and files", "2"]


@pytest.fixture
def draft(moderator: User, make_posts: MakePosts) -> Removal:
    return drafted(make_posts(PICTURES, images=1), moderator)


def current(client: Client, url: str) -> list[str]:
    """The current tab and the current page of the selection."""
    _before, _heading, text = client.get(url).text.partition('id="selection"')
    return re.findall(r'aria-current="page"[^>]*>\s*([\w ]+?)\s*<', text)


def test_links_to_other_pages_lead_to_them(client: Client, draft: Removal) -> None:
    text = client.get(page_of(draft) + "?show=pictures").text
    (link,) = re.findall(r'<a href="([^"]*p=2[^"]*)"', text)
    assert current(client, unescape(link).partition("#")[0]) == PLACE


def test_a_refused_confirmation_keeps_the_place(client: Client, draft: Removal) -> None:
    sent = words(draft) | {"reason": "", "show": "pictures", "p": "2"}
    response = client.post(page_of(draft, "confirm"), sent)
    assert re.search(r'aria-current="page"[^>]*>\s*All pictures and files', response.text)
    assert re.search(r'aria-current="page">2<', response.text)


def test_a_link_on_the_page_of_a_refused_confirmation_leads_to_its_place(
    client: Client, draft: Removal
) -> None:
    response = client.get(page_of(draft, "confirm") + "?show=pictures&p=2")
    assert response["Location"] == page_of(draft) + "?show=pictures&p=2"


def test_a_draft_that_is_due_to_expire_cannot_be_confirmed(client: Client, draft: Removal) -> None:
    age = timedelta(hours=conf.draft_hours(), seconds=1)
    Removal.objects.update(created_at=DatabaseNow(-age))
    response = client.post(page_of(draft, "confirm"), words(draft))
    assert "This draft has expired" in response.text
    assert Post.objects.count() == PICTURES


def test_a_title_does_not_reverse_the_text_after_it(client: Client, draft: Removal) -> None:
    post = Post.objects.earliest("pk")
    Post.objects.filter(pk=post.pk).update(title="\u202eevil")
    sent = {"seal": draft.seal, "object": f"{draft.batches.get().number}:{post.pk}"}
    text = client.post(page_of(draft, "exclude"), sent, follow=True).text
    assert "Kept: “evil”" in text
    assert "\u202e" not in text
