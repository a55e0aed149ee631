"""The links in the rows of the list of posts keep its filters."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qsl

import pytest
from django.test import Client

from posts.models import PostImage
from tests.picture_groups.test_near import with_bits
from tests.posts.pictured import pictured
from tests.posts.test_post_admin import LIST

pytestmark = pytest.mark.django_db


def links_in_row(client: Client, query: str) -> list[str]:
    """Return the query strings of the links in the only row of the list."""
    row = client.get(f"{LIST}?{query}").text.partition("<tbody>")[2].partition("</tbody>")[0]
    return [unescape(link).partition("?")[2] for link in re.findall('href="([^"]*)"', row)]


class TestLinksOfRows:
    @pytest.fixture(autouse=True)
    def picture(self, db: None) -> PostImage:
        return pictured("one", "a", bits=0)

    @pytest.mark.parametrize(
        ("query", "kept"),
        [
            ("", {}),
            ("q=one&o=-5&p=1&pictures=yes", {"q": "one", "o": "-5", "pictures": "yes"}),
            (f"picture={'a' * 64}&pictures=yes", {"pictures": "yes"}),
            (f"like={with_bits()}&pictures=yes", {"pictures": "yes"}),
        ],
    )
    def test_links_of_a_picture_keep_the_filters_but_not_the_page_or_another_picture(
        self, admin_client: Client, picture: PostImage, query: str, kept: dict[str, str]
    ) -> None:
        same, similar = links_in_row(admin_client, query)[1:3]
        assert dict(parse_qsl(same)) == {**kept, "picture": picture.sha256}
        assert dict(parse_qsl(similar)) == {**kept, "like": with_bits()}

    def test_links_of_an_author_keep_the_filters_but_not_the_page_or_another_author(
        self, admin_client: Client
    ) -> None:
        links = links_in_row(admin_client, f"like={with_bits()}&author=ADA&p=1")
        assert links[3] == f"author=ada&like={with_bits()}"

    def test_links_to_similar_pictures_say_so(
        self, admin_client: Client, picture: PostImage
    ) -> None:
        name = f'aria-label="Find similar pictures (picture {picture.pk})"'
        assert admin_client.get(LIST).text.count(name) == 1
