"""The buttons and links on a post's page keep the filters of the list that the user came from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from moderation.models import Removal
from posts.models import Post, PostImage
from tests.admin.conftest import LIST, browser_of
from tests.admin.test_dismiss_reports import dismiss_form, open_reports, undo_form

MakePosts = Callable[..., list[Post]]
FILTERS = "?_changelist_filters=reported%3Dyes%26author%3Dspammer"


def page_of(post: Post) -> str:
    return f"{LIST}{post.pk}/change/{FILTERS}"


def test_dismissing_the_reports_of_a_post_and_undoing_it(
    client: Client, make_posts: MakePosts
) -> None:
    (post,) = make_posts(1)
    response = client.post(*dismiss_form(client.get(page_of(post)).text), follow=True)
    assert response.redirect_chain == [(page_of(post), 302)]
    url, sent = undo_form(response.text)
    assert client.post(url, sent, follow=True).redirect_chain == [(page_of(post), 302)]
    assert open_reports() == 1


def test_a_post_that_was_removed_while_its_page_was_open(
    client: Client, make_posts: MakePosts
) -> None:
    (post,) = make_posts(1)
    page = client.get(page_of(post)).text
    url, seen = dismiss_form(page)
    undo = undo_form(client.post(url, seen, follow=True).text)
    Post.objects.all().delete()
    remove_related = f"{LIST}{post.pk}/remove/{FILTERS}"
    filtered = f"{LIST}?reported=yes&author=spammer"
    assert remove_related in page
    for form in ((url, seen), (remove_related, {"posts": "author"})):
        response = client.post(*form, follow=True)
        assert response.redirect_chain == [(filtered, 302)]
        assert "This post is no longer here: somebody may have removed it" in response.text
    assert not Removal.objects.exists()
    for sent in ({}, {"post": post.pk}):  # "Undo" and "Reopen these reports"
        response = client.post(undo[0], {**undo[1], **sent}, follow=True)
        assert response.redirect_chain == [(page_of(post), 302), (filtered, 302)]
        assert "Nothing was undone" in response.text
        assert "doesn’t exist. Perhaps it was deleted?" in response.text


def test_the_page_of_a_removed_post_leads_to_the_first_page_of_the_list(
    client: Client, make_posts: MakePosts, auditor: User
) -> None:
    (post,) = make_posts(1)
    Post.objects.all().delete()
    query = "?_changelist_filters=reported%3Dyes%26p%3D3"
    for page, send in (("change", client.get), ("history", client.get), ("remove", client.post)):
        response: Any = send(f"{LIST}{post.pk}/{page}/{query}")
        assert response.headers["Location"] == f"{LIST}?reported=yes", page
    url = f"{LIST}{post.pk}/history/{query}"
    assert browser_of(auditor).get(url).headers["Location"] == "/admin/"


def test_cancelling_or_confirming_that_a_picture_is_refused(
    client: Client, make_posts: MakePosts
) -> None:
    (post,) = make_posts(1)
    picture = PostImage.objects.get()
    url = f"/admin/moderation/refusedpicture/refuse/posts.postimage/{picture.pk}/{FILTERS}"
    assert f'href="{url}"' in client.get(page_of(post)).text
    page = client.get(url).text
    assert f'href="{page_of(post)}"' in page
    assert '<form method="post">' in page  # posts to the same URL
    response: Any = client.post(url, {"refused-note": "", "refused-last_day": ""})
    assert response.headers["Location"] == page_of(post)
