"""The filters of the change list of posts: what they find, what they say, and their addresses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from posts import reported_posts
from posts.admin.post import PostAdmin
from posts.models import Post, Report
from tests.picture_groups.test_near import with_bits
from tests.posts.drawn import a_post
from tests.posts.pictured import pictured
from tests.posts.test_post_admin import LIST, report, shown

pytestmark = pytest.mark.django_db


def written(title: str, author: str, ago: timedelta) -> Post:
    post = a_post(title, author)
    Post.objects.filter(pk=post.pk).update(created_at=timezone.now() - ago)
    return post


class TestReports:
    @pytest.fixture(autouse=True)
    def posts(self, db: None) -> None:
        names = [f"reporter{n}" for n in range(6)]
        for number in (0, 1, 2, 4, 5, 6):
            report(a_post(f"{number}"), *names[:number])

    @pytest.mark.parametrize(
        ("value", "titles"),
        [
            ("1", {"1"}),
            ("2-4", {"2", "4"}),
            ("5-or-more", {"5", "6"}),
            ("yes", {"1", "2", "4", "5", "6"}),
            ("no", {"0"}),
            ("", {"0", "1", "2", "4", "5", "6"}),
        ],
    )
    def test_filter_by_their_number(
        self, admin_client: Client, value: str, titles: set[str]
    ) -> None:
        assert set(shown(admin_client, reported=value)) == titles

    def test_only_open_ones_count(self, admin_client: Client) -> None:
        Report.objects.filter(reporter__username="reporter0").update(state="dismissed")
        assert set(shown(admin_client, reported="1")) == {"2"}
        assert set(shown(admin_client, reported="no")) == {"0", "1"}


class TestSharedPictures:
    @pytest.mark.parametrize("most_keys", [0, 100])
    def test_find_the_reported_posts_and_those_with_their_pictures(
        self, admin_client: Client, monkeypatch: pytest.MonkeyPatch, most_keys: int
    ) -> None:
        monkeypatch.setattr(reported_posts, "MOST_KEYS", most_keys)
        report(pictured("twice", "a").post, "eve", "mallory")
        report(pictured("once", "b").post, "eve")
        report(a_post("twice without a picture"), "eve", "mallory")
        for title, sha256 in (("copy", "a"), ("copy of once", "b"), ("other", "c")):
            pictured(title, sha256)
        assert set(shown(admin_client, shares="reported")) == {"twice", "copy"}

    def test_find_nothing_without_reports(self, admin_client: Client) -> None:
        pictured("calm")
        assert shown(admin_client, shares="reported") == []


class TestPictures:
    def test_find_the_posts_with_the_same_file(self, admin_client: Client) -> None:
        picture = pictured("one", "a")
        pictured("two", "a")
        pictured("three", "b")
        assert set(shown(admin_client, picture=picture.sha256)) == {"one", "two"}
        assert set(shown(admin_client, picture=picture.sha256.upper())) == {"one", "two"}

    def test_find_the_posts_with_similar_pictures(self, admin_client: Client) -> None:
        for title, bits in (("zero", 0), ("near", 18), ("far", 19), ("unknown", None)):
            pictured(title, bits=bits)
        assert set(shown(admin_client, like=with_bits())) == {"zero", "near"}

    def test_combine_with_other_filters(self, admin_client: Client) -> None:
        picture = pictured("one", "a", bits=0)
        report(pictured("two", "a", bits=30).post, "eve")
        values = {"picture": picture.sha256, "like": with_bits()}
        assert shown(admin_client, **values) == ["one"]
        assert shown(admin_client, picture=picture.sha256, reported="yes") == ["two"]

    @pytest.mark.parametrize(
        ("name", "heading"),
        [("picture", "Posts with this picture"), ("like", "Posts with pictures like this one")],
    )
    def test_active_one_is_named_shown_and_removable(
        self, admin_client: Client, name: str, heading: str
    ) -> None:
        picture = pictured("one", "a", bits=0)
        value = picture.sha256 if name == "picture" else with_bits(7)
        page = admin_client.get(LIST, {name: value, "pictures": "yes"})
        assert page.context["title"] == heading
        sidebar = page.text.partition('class="picture-filter"')[2].partition("</details>")[0]
        assert heading in sidebar
        assert f"/posts.postimage/{picture.pk}/thumbnail/" in sidebar
        assert 'href="?pictures=yes"' in sidebar

    def test_same_picture_leads_to_those_like_it(self, admin_client: Client) -> None:
        picture = pictured("one", "a", bits=0)
        pictured("two", "b", bits=7)
        page = admin_client.get(LIST, {"picture": picture.sha256, "pictures": "yes", "p": "1"})
        link = f'<a href="?like={picture.perceptual_hash}&amp;pictures=yes">'
        assert f"{link}Posts with pictures like this one</a>" in page.text
        found = {"pictures": "yes", "like": str(picture.perceptual_hash)}
        assert set(shown(admin_client, **found)) == {"one", "two"}
        assert "Posts with pictures like this one</a>" not in admin_client.get(LIST, found).text

    def test_picture_without_a_hash_leads_to_none_like_it(self, admin_client: Client) -> None:
        page = admin_client.get(LIST, {"picture": pictured("one", "a").sha256})
        assert "like this one" not in page.text

    @pytest.mark.parametrize(
        ("name", "value"), [("picture", "a" * 64), ("like", with_bits()), ("like", with_bits(7))]
    )
    def test_shows_no_picture_of_a_post_that_the_site_does_not_show(
        self, admin_client: Client, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        hidden = pictured("hidden", "a", bits=0)
        shown_posts = Post.objects.exclude(title="hidden")
        monkeypatch.setattr(PostAdmin, "get_queryset", lambda *_: shown_posts.all())
        page = admin_client.get(LIST, {name: value}).text
        assert "/thumbnail/" not in page
        assert "No post has" in page
        seen = pictured("seen", "a", bits=0)
        page = admin_client.get(LIST, {name: value}).text
        assert f"/posts.postimage/{hidden.pk}/thumbnail/" not in page
        assert page.count(f"/posts.postimage/{seen.pk}/thumbnail/") == 2  # sidebar and row
        assert "No post has" not in page

    def test_inactive_one_leads_to_the_page_for_an_example(self, admin_client: Client) -> None:
        page = admin_client.get(LIST)
        assert 'href="/admin/posts/post/find-picture/"' in page.text
        assert page.context["title"] == "Posts"

    def test_picture_without_a_hash_has_no_link_to_similar_ones_in_its_row(
        self, admin_client: Client
    ) -> None:
        pictured("one", "a")
        assert "Find similar pictures" not in admin_client.get(LIST).text

    def test_the_list_takes_the_same_queries_for_any_number_of_similar_pictures(
        self, admin_client: Client
    ) -> None:
        counts = set()
        for _ in range(2):
            for number in range(5):
                pictured("one", "abcde"[number], bits=number)
            shown(admin_client, like=with_bits())
            with CaptureQueriesContext(connection) as captured:
                shown(admin_client, like=with_bits())
            counts.add(len(captured))
        assert len(counts) == 1


class TestAuthor:
    @pytest.fixture(autouse=True)
    def posts(self, db: None) -> None:
        for author in ("eve", "eve", "Eve", "Ada"):
            a_post(f"by {author}", author)

    @pytest.mark.parametrize(
        ("name", "titles"),
        [
            ("eve", ["by eve", "by eve"]),
            ("Eve", ["by Eve"]),
            ("EVE", ["by Eve", "by eve", "by eve"]),
            ("ada", ["by Ada"]),
        ],
    )
    def test_case_matters_only_if_a_user_has_exactly_this_name(
        self, admin_client: Client, name: str, titles: list[str]
    ) -> None:
        assert sorted(shown(admin_client, author=name)) == titles


class TestPeriods:
    @pytest.fixture(autouse=True)
    def posts(self, db: None) -> None:
        written("an hour", "eve", timedelta(hours=1))
        written("two days", "eve", timedelta(days=2))
        written("eight days", "eve", timedelta(days=8))
        written("an hour, too", "ada", timedelta(hours=1))

    @pytest.mark.parametrize(
        ("value", "titles"), [("day", {"an hour"}), ("week", {"an hour", "two days"})]
    )
    def test_combine_with_the_author(
        self, admin_client: Client, value: str, titles: set[str]
    ) -> None:
        found = shown(admin_client, author="eve", created_at__within=value)
        assert set(found) == titles

    def test_are_choices_beside_those_of_django(self, admin_client: Client) -> None:
        page = admin_client.get(LIST, {"created_at__within": "week", "author": "eve"})
        changes = page.context["cl"]
        (spec,) = (each for each in changes.filter_specs if each.title == "date")
        choices = {str(each["display"]): each for each in spec.choices(changes)}
        assert [name for name, each in choices.items() if each["selected"]] == ["Last 7 days"]
        assert choices["Any date"]["query_string"] == "?author=eve"
        assert "within" not in choices["Today"]["query_string"]
        assert "created_at__gte" in choices["Today"]["query_string"]
        assert list(choices) == [
            "Any date", "Last 24 hours", "Last 7 days", "Today", "This month", "This year",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"reported": "many"}, "“many” is not one of this filter’s choices."),
        ({"shares": "yes"}, "“yes” is not one of this filter’s choices."),
        ({"pictures": "<b>"}, "“<b>” is not one of this filter’s choices."),
        ({"others_draft": "yes"}, "“yes” is not one of this filter’s choices."),
        ({"created_at__within": "year"}, "“year” is not one of this filter’s choices."),
        ({"picture": "xyz"}, "“xyz” is not a SHA-256: it must be 64 hexadecimal digits."),
        ({"picture": "b" * 64}, "No post has this picture."),
        ({"like": "%(x)s"}, "“%(x)s” is not a perceptual hash: it must be 64 hexadecimal digits."),
        ({"like": "f" * 64}, "No post has a picture like this one."),
        ({"author": "nobody"}, "No user is called “nobody”."),
    ],
)
def test_unknown_value_finds_nothing_and_is_named(
    admin_client: Client, parameters: dict[str, str], problem: str
) -> None:
    report(pictured("one", "a", bits=0).post, "eve")
    page = admin_client.get(LIST, parameters)
    assert page.context["cl"].result_count == 0
    assert escape(problem) in page.text


@pytest.mark.parametrize(
    "query",
    [
        "reported=5-or-more",
        "shares=reported",
        f"picture={'a' * 64}&pictures=yes",
        f"like={'a' * 64}",
        "author=eve&created_at__within=week",
        "others_draft=no&reported=yes",
        "same_as_removal=7",
    ],
)
def test_address_survives_a_login(client: Client, query: str) -> None:
    User.objects.create_superuser("root", password="a-long-password")
    first: Any = client.get(f"{LIST}?{query}")
    sent = {"username": "root", "password": "a-long-password"}
    answer: Any = client.post(first.headers["Location"], sent)
    assert answer.headers["Location"] == f"{LIST}?{query}"
    assert client.get(answer.headers["Location"]).status_code == 200
