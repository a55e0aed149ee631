"""A cancelled or finished removal links back to the list with its filters."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.models import Removal
from posts.models import Post
from tests.admin.conftest import LIST, browser_of, page_of, words

MakePosts = Callable[..., list[Post]]


def select(client: Client, post: Post, query: str) -> Removal:
    """Select a post in the list with these filters."""
    sent = {"action": "remove_selected", "_selected_action": str(post.pk)}
    response = client.post(f"{LIST}?{query}", sent)
    removal = Removal.objects.latest("pk")
    assert response["Location"] == page_of(removal)
    return removal


def test_cancelling_leads_back_to_the_filtered_list(client: Client, make_posts: MakePosts) -> None:
    removal = select(client, make_posts(1)[0], "q=pills&reported=yes")
    response = client.post(page_of(removal, "cancel"))
    assert response["Location"] == f"{LIST}?q=pills&reported=yes"


def test_a_single_object_leads_back_to_the_list_it_was_opened_from(
    client: Client, make_posts: MakePosts
) -> None:
    (post,) = make_posts(1)
    address = reverse("admin:posts_post_delete", args=[post.pk])
    client.post(f"{address}?_changelist_filters=q%3Dpills%26reported%3Dyes")
    response = client.post(page_of(Removal.objects.get(), "cancel"))
    assert response["Location"] == f"{LIST}?q=pills&reported=yes"


def test_a_finished_removal_links_its_author_back_to_the_list(
    client: Client, make_posts: MakePosts, auditor: User
) -> None:
    removal = select(client, make_posts(1)[0], "q=pills&reported=yes")
    client.post(page_of(removal, "confirm"), words(removal))
    page = unescape(client.get(page_of(removal)).content.decode())
    assert f'href="{LIST}?q=pills&reported=yes"' in page
    assert "Back to the list" not in browser_of(auditor).get(page_of(removal)).content.decode()


def test_the_link_back_stays_on_the_list_whatever_was_sent(
    client: Client, make_posts: MakePosts
) -> None:
    (post,) = make_posts(1)
    address = reverse("admin:posts_post_delete", args=[post.pk])
    for sent in ("//evil.example/", "https://evil.example/", "a\r\nSet-Cookie: x", "#x", "/../.."):
        client.post(address, query_params={"_changelist_filters": sent})
        response = client.post(page_of(Removal.objects.latest("pk"), "cancel"))
        assert response["Location"].startswith(f"{LIST}?")
        assert not set("\r\n#") & set(response["Location"])


def test_a_query_string_that_is_too_long_is_not_saved(
    client: Client, make_posts: MakePosts
) -> None:
    (post,) = make_posts(1)
    address = reverse("admin:posts_post_delete", args=[post.pk])
    client.post(address, query_params={"_changelist_filters": "q=" + "x" * 2000})
    assert client.post(page_of(Removal.objects.get(), "cancel"))["Location"] == LIST
