"""The change list of posts as a long one: pages in every order, counts, dates and search."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Count
from django.test import Client
from django.test.utils import CaptureQueriesContext

from moderation.admin.large_lists import pagination
from posts.admin import PostAdmin, search
from posts.models import Post
from tests.posts.drawn import a_picture, a_post
from tests.posts.test_post_admin import LIST, report, shown

pytestmark = pytest.mark.django_db

# What sorts the columns of the list, by their number in the address.
COLUMNS: dict[int, Callable[[Any], Any]] = {
    1: lambda post: post.title,
    2: lambda post: post.picture_number,
    3: lambda post: post.author.username,
    4: lambda post: post.report_number,
    5: lambda post: post.created_at,
}


@pytest.fixture
def seven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make seven posts that differ and are alike in every column, and show two a page."""
    monkeypatch.setattr(PostAdmin, "list_per_page", 2)
    for number in range(7):
        post = a_post(f"title {number // 3}", author=f"author {number % 2}")
        year = 2020 + number * 5 % 4
        Post.objects.filter(pk=post.pk).update(created_at=datetime(year, 3, 1, tzinfo=UTC))
        report(post, *("eve", "mallory", "oscar")[: max(0, number % 4 - 1)])
        for _ in range(number % 3):
            a_picture(post)


def in_order(order: str) -> list[int]:
    """Return the keys of all posts as Python sorts them."""
    posts = Post.objects.annotate(
        report_number=Count("reports", distinct=True),
        picture_number=Count("post_images", distinct=True),
    )
    found = sorted(posts.select_related("author"), key=lambda post: -post.pk)
    for part in reversed(order.split(".")):
        found.sort(key=COLUMNS[abs(int(part))], reverse=part.startswith("-"))
    return [post.pk for post in found]


def keys_page_by_page(client: Client, pages: int, **parameters: str) -> list[int]:
    lists = [client.get(LIST, {**parameters, "p": str(n + 1)}) for n in range(pages)]
    return [post.pk for page in lists for post in page.context["cl"].result_list]


@pytest.mark.usefixtures("seven")
class TestPages:
    @pytest.mark.parametrize(
        "order",
        ["1", "-1", "2", "-2", "3", "-3", "4", "-4", "5", "-5", "4.1", "-4.-2", "2.-4.3", "1.-4"],
    )
    def test_hold_all_posts_in_the_order_chosen(self, admin_client: Client, order: str) -> None:
        assert keys_page_by_page(admin_client, 4, o=order) == in_order(order)

    def test_are_newest_first(self, admin_client: Client) -> None:
        assert keys_page_by_page(admin_client, 4) == in_order("-5")

    @pytest.mark.parametrize(("cap", "shown_in_all"), [(3, 3), (10_000, 4)])
    @pytest.mark.parametrize("order", ["-5", "-4", "2"])
    def test_hold_filtered_posts_in_order_on_either_side_of_the_cap(
        self,
        admin_client: Client,
        monkeypatch: pytest.MonkeyPatch,
        order: str,
        cap: int,
        shown_in_all: int,
    ) -> None:
        monkeypatch.setattr(pagination, "COUNTED_ROWS", cap)
        posts = Post.objects.in_bulk()
        expected = [key for key in in_order(order) if posts[key].post_images.exists()]
        found = keys_page_by_page(admin_client, 2, o=order, pictures="yes")
        assert found == expected[:shown_in_all]

    def test_skip_at_most_half_of_the_posts(self, admin_client: Client) -> None:
        with CaptureQueriesContext(connection) as captured:
            keys_page_by_page(admin_client, 4)
        skipped = [q["sql"].split("OFFSET ")[1] for q in captured if "OFFSET" in q["sql"]]
        assert max(int(number.split()[0]) for number in skipped) < 4


def test_box_of_a_row_is_the_one_that_django_draws_with_a_label_of_its_own() -> None:
    ours, author = admin.site.get_model_admin(Post), User(username="eve & co")
    post = Post(pk=5, title='a <b> "c"', author=author)
    boxes = [ours.action_checkbox(post), admin.ModelAdmin.action_checkbox(ours, post)]
    begins, labels = zip(*(box.split('aria-label="') for box in boxes), strict=True)
    assert begins[0] == begins[1]
    assert (
        labels[0]
        == 'Select “a &lt;b&gt; &quot;c&quot;” by eve &amp; co (post 5)" autocomplete="off">'
    )


@pytest.mark.usefixtures("seven")
class TestCounts:
    def test_all_posts_are_counted(
        self, admin_client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pagination, "COUNTED_ROWS", 2)
        page = admin_client.get(LIST)
        assert "7 posts" in page.text
        assert "Select all 7 posts" in page.text

    def test_filtered_ones_are_counted_up_to_the_cap(
        self, admin_client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert "4 posts" in admin_client.get(LIST, {"pictures": "yes"}).text
        monkeypatch.setattr(pagination, "COUNTED_ROWS", 3)
        page = admin_client.get(LIST, {"pictures": "yes"}).text
        assert "more than 3 posts" in page
        assert "more than 3 results" in page
        assert "Select all posts found" in page
        assert "Select all 3" not in page


@pytest.mark.usefixtures("seven")
class TestDates:
    def offered(self, client: Client, **parameters: str) -> list[str]:
        page = client.get(LIST, parameters).text
        links = page.split("toplinks")[1].split("</nav>")[0]
        return re.findall(r'<a href="\?[^"]*">([^<]*)<', links)

    def test_are_those_of_the_posts_found(self, admin_client: Client) -> None:
        assert self.offered(admin_client) == ["2020", "2021", "2022", "2023"]
        assert self.offered(admin_client, q='"title 2"') == ["1 March"]
        assert self.offered(admin_client, q="nothing") == []

    def test_are_those_of_all_posts_where_more_are_found_than_are_counted(
        self, admin_client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        few = {"author": "author 1", "created_at__year": "2021"}
        assert "March 2021" in self.offered(admin_client, **few)
        monkeypatch.setattr(pagination, "COUNTED_ROWS", 1)
        years = self.offered(admin_client, pictures="yes")
        assert years == ["2020", "2021", "2022", "2023"]
        assert "March 2021" in self.offered(admin_client, pictures="yes", created_at__year="2021")


class TestSearch:
    @pytest.mark.parametrize(
        ("term", "titles"),
        [
            ("cheap pills", {"Cheap pills", "pills that are cheap"}),
            ('"cheap pills"', {"Cheap pills"}),
            ("'cheap pills'", {"Cheap pills"}),
            ("CHEAP carol", {"pills that are cheap"}),
            ("%", set()),
            ("_", set()),
            ('"', set()),
        ],
    )
    @pytest.mark.parametrize("few", [0, 100])
    def test_finds_posts_that_have_each_word(
        self,
        admin_client: Client,
        monkeypatch: pytest.MonkeyPatch,
        term: str,
        titles: set[str],
        few: int,
    ) -> None:
        monkeypatch.setattr(search, "FEW_AUTHORS", few)
        a_post("Cheap pills", author="bob")
        a_post("pills that are cheap", author="carol")
        a_post("Holiday", author="carol")
        assert set(shown(admin_client, q=term)) == titles
