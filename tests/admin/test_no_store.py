"""No browser stores a picture that a page shows, and no page links a file of the storage itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client

from posts.models import Post
from tests.admin.conftest import browser_of, drafted, page_of
from tests.admin.pages import Elements
from tests.posts.drawn import a_picture, a_post, animation, drawing

pytestmark = pytest.mark.django_db

PICTURE = "/admin/moderation/removal/picture/"
NO_PICTURES = ("/static/", "data:")  # the icons of the admin
TABS = ("groups", "pictures", "objects")


@pytest.fixture
def post() -> Post:
    """A post with a still picture and an animation."""
    post = a_post()
    a_picture(post, drawing())
    a_picture(post, animation("GIF"))
    return post


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root")


def pages(client: Client, root: User, post: Post) -> Iterator[tuple[str, str]]:
    """Yield the URL and the HTML of every page that shows pictures."""
    draft = drafted([post], root)
    urls = ["/admin/posts/post/", f"/admin/posts/post/{post.pk}/change/"]
    urls += [f"{page_of(draft)}?show={tab}" for tab in TABS]
    group = Elements(client.get(urls[2]).text)
    urls += [f"{page_of(draft)}{each['href']}" for each in group.attributes("a")
             if "group=" in each.get("href", "")][:1]  # fmt: skip
    for url in urls:
        response = client.get(url)
        assert response.status_code == 200
        yield url, response.text


def addresses(page: str) -> set[str]:
    """Return the addresses of the pictures that a page shows or links."""
    elements = Elements(page)
    shown = {each["src"] for each in elements.attributes("img")}
    shown = {address for address in shown if not address.startswith(NO_PICTURES)}
    links = (each for each in elements.attributes("a") if each.get("class") == "removal-enlarge")
    return shown | {each["href"] for each in links}


def test_no_picture_of_a_page_may_be_stored(root: User, post: Post) -> None:
    client, seen = browser_of(root), set()
    for url, page in pages(client, root, post):
        found = addresses(page)
        assert len(found) >= 2, url
        assert [each for each in found if not each.startswith(PICTURE)] == [], url
        seen |= found
    assert any("size=large" in address for address in seen)
    for address in seen:
        response = client.get(address)
        assert (response.status_code, response["Content-Type"]) == (200, "image/webp"), address
        assert "no-store" in response["Cache-Control"].split(", "), address
        assert "ETag" not in response
        assert "Last-Modified" not in response


def test_no_page_links_a_bucket(s3_storage: str, root: User, post: Post) -> None:
    """A signed URL would carry the bucket's Cache-Control."""
    client = browser_of(root)
    for url, page in pages(client, root, post):
        assert "X-Amz-Signature" not in page, url
        assert [each for each in addresses(page) if not each.startswith(PICTURE)] == [], url
