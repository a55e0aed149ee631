"""The page that lists the posts with a picture like an uploaded example."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.test import Client
from django.utils.html import escape

from moderation.lifecycle.refused_pictures import refuse
from moderation.models import RefusedPicture
from posts.models import PostImage
from tests.images.alike import COPIES, advertisement, plain
from tests.images.case import saved
from tests.posts.drawn import a_picture, a_post, animation, files_in

pytestmark = pytest.mark.django_db

LIST = "/admin/posts/post/"
FIND = f"{LIST}find-picture/"


def sent(client: Client, content: bytes, name: str = "me & you.png", url: str = FIND) -> Any:
    return client.post(url, {"picture": SimpleUploadedFile(name, content)}, follow=True)


def find_url(page: str) -> str:
    """Return the URL of the link to the page, in the sidebar of the list."""
    found = re.search(r'href="([^"]+)">Find posts by picture', page)
    assert found
    return unescape(found[1])


def titles(response: Any) -> set[str]:
    return {post.title for post in response.context["cl"].result_list}


@pytest.mark.parametrize("copy", COPIES)
def test_finds_the_posts_with_copies_of_the_picture_and_stores_nothing(
    admin_client: Client, fresh_storage: Path, copy: str
) -> None:
    a_picture(a_post("one"), saved(advertisement(1), "PNG"))
    a_picture(a_post("two"), saved(advertisement(2), "PNG"))
    before = files_in(fresh_storage)
    response = sent(admin_client, saved(COPIES[copy](advertisement(1)), "PNG"))
    assert titles(response) == {"one"}
    assert "like=" in response.redirect_chain[-1][0]
    assert files_in(fresh_storage) == before
    assert PostImage.objects.count() == 2


@pytest.mark.parametrize("content", [saved(advertisement(1), "PNG"), saved(plain(1), "PNG")])
def test_keeps_the_other_filters_of_the_list(admin_client: Client, content: bytes) -> None:
    a_picture(a_post("one", "ada"), content)
    a_picture(a_post("two post", "eve"), content)
    others = {"author": "eve", "q": '"two" post', "pictures": "yes"}
    page = admin_client.get(LIST, {**others, "picture": "a" * 64, "like": "b" * 64, "p": "1"})
    url = find_url(page.text)
    assert '<form method="post" enctype=' in admin_client.get(url).text  # posts to the same URL
    response = sent(admin_client, content, url=url)
    query = QueryDict(urlsplit(response.redirect_chain[-1][0]).query).dict()
    (found,) = {"picture", "like"} & query.keys()
    assert query == {**others, found: query[found]}
    assert titles(response) == {"two post"}


def test_leads_back_to_the_filtered_list(admin_client: Client) -> None:
    url = find_url(admin_client.get(LIST, {"author": "eve"}).text)
    assert f'href="{LIST}?author=eve"' in admin_client.get(url).text


@pytest.mark.parametrize(
    "filters", ["site=1&parameters=2", "%00", "like=x&like=y", "&&=&", "é=%ff", "x" * 3000]
)
def test_accepts_any_preserved_filters(admin_client: Client, filters: str) -> None:
    url = f"{FIND}?{urlencode({'_changelist_filters': filters})}"
    assert admin_client.get(url).status_code == 200
    picture = SimpleUploadedFile("a.png", saved(advertisement(1), "PNG"))
    response: Any = admin_client.post(url, {"picture": picture})
    assert response.status_code == 302
    assert response.headers["Location"].startswith(f"{LIST}?")
    assert response.headers["Location"].count("like=") == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (saved(plain(1), "PNG"), "the picture has too little structure to be compared."),
        (animation("GIF"), "animations are not compared."),
    ],
)
def test_finds_only_the_same_file_if_the_picture_has_no_hash(
    admin_client: Client, content: bytes, reason: str
) -> None:
    a_picture(a_post("one"), content)
    a_picture(a_post("two"), saved(plain(2), "PNG"))
    response = sent(admin_client, content)
    assert titles(response) == {"one"}
    assert "picture=" in response.redirect_chain[-1][0]
    assert reason in response.text


def test_finds_the_posts_with_a_refused_picture_and_counts_no_attempt_to_add_it(
    admin_client: Client, admin_user: User
) -> None:
    picture = a_picture(a_post("one"), saved(advertisement(1), "PNG"))
    refuse(
        {picture.sha256: picture.perceptual_hash or ""}, actor=admin_user, note="", last_day=None
    )
    assert titles(sent(admin_client, saved(advertisement(1), "PNG"))) == {"one"}
    assert RefusedPicture.objects.get().matches_total == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<svg/>", "me & you.png: The file is not a JPEG, PNG, GIF or WebP picture."),
        (saved(plain(1), "PNG")[:60], "me & you.png: The picture is broken or incomplete."),
        (b"", "The submitted file is empty."),
    ],
)
def test_says_why_a_file_is_refused(admin_client: Client, content: bytes, reason: str) -> None:
    response = sent(admin_client, content)
    assert response.status_code == 200
    assert response.redirect_chain == []
    assert escape(reason) in response.text


def test_says_that_a_file_is_missing(admin_client: Client) -> None:
    assert "This field is required." in admin_client.post(FIND).text


def test_a_form_without_its_token_is_refused(admin_user: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    assert sent(client, saved(plain(1), "PNG")).status_code == 403
