"""The tab of the posts without pictures, which shows similar texts once."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from moderation.admin.removals import text_previews
from moderation.models import Removal
from moderation.picture_groups import similar_texts
from posts.models import Post, PostImage, Report
from tests.admin.conftest import drafted, page_of
from tests.admin.drafts import html, keep, kept, press, text_of
from tests.picture_groups.test_similar_texts import GOOD, SPAM

MakePosts = Callable[..., list[Post]]
pytestmark = pytest.mark.django_db
TAB = "?show=without-pictures"


def make_wave(count: int, text: str = SPAM, authors: int = 2) -> list[Post]:
    """Create posts without pictures and with almost the same text."""
    users = [User.objects.get_or_create(username=f"spammer {n}")[0] for n in range(authors)]
    return [
        Post.objects.create(author=users[n % authors], title=f"Offer {n}", body=f"{text} {n}")
        for n in range(count)
    ]


@pytest.fixture
def wave(make_posts: MakePosts) -> list[Post]:
    """Four posts with one text, two of them reported, another post, and one with a picture."""
    posts = make_wave(4)
    for post in posts[:2]:
        Report.objects.create(post=post, reporter=post.author)
    alone = Post.objects.create(author=posts[0].author, title="Front wheel", body=GOOD)
    return [*posts, alone, *make_posts(1)]


def titles(page: str) -> list[str]:
    return re.findall(r"<a href=\"/admin/posts/post/\d+/change/\"[^>]*>([^<]*)<span", page)


def keep_buttons(page: str) -> list[str]:
    """Return the names of the Keep buttons of single posts."""
    return re.findall(r"aria-label=\"(Keep “[^\"]*)\"", page)


def test_similar_texts_are_one_entry_and_the_rarest_comes_first(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    page = html(client, drafted(wave, moderator), TAB)
    assert titles(page) == ["Front wheel", "Offer 0"]
    assert "4 posts by 2 authors 2 reported" in text_of(page)
    assert SPAM[:100] in page
    assert len(keep_buttons(page)) == 1


def test_an_entry_leads_to_its_posts_and_back(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    removal = drafted(wave, moderator)
    (link,) = re.findall(
        r"href=\"(\?show=without-pictures&amp;group=[^\"#]*)", html(client, removal, TAB)
    )
    page = html(client, removal, link.replace("&amp;", "&"))
    assert titles(page) == [post.title for post in wave[:4]]
    assert len(keep_buttons(page)) == 4
    assert "4 posts by 2 authors 2 reported" in text_of(page)
    assert f'href="{TAB}#selection"' in page


def test_a_post_that_is_kept_leaves_its_group_and_the_page_stays(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    """This is so even if it is the one that the URL names."""
    removal = drafted(wave, moderator)
    parameters = {"show": "without-pictures", "group": str(wave[0].pk)}
    query = f"{TAB}&group={wave[0].pk}"
    for left in (3, 2, 1):
        response = keep(client, removal, wave[3 - left], **parameters)
        assert response["Location"] == page_of(removal) + query
        page = html(client, removal, query)
        assert titles(page)[-left:] == [post.title for post in wave[4 - left : 4]]
        assert len(keep_buttons(page)) == left


def test_all_posts_of_a_group_are_kept_and_returned_with_one_click(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    removal = drafted(wave, moderator)
    page = html(client, removal, TAB)
    assert "Keep all 4 posts with a text like that of “Offer 0”" in page
    (key,) = re.findall(r"name=\"with_text\"\s+value=\"([^\"]*)\"", page)
    press(client, removal, "exclude", with_text=key)
    assert kept(removal) == [post.pk for post in wave[:4]]
    press(client, removal, "return", last="yes")
    assert (kept(removal), removal.objects_total) == ([], 6)


def test_the_rest_of_a_group_is_kept_after_the_post_that_names_it(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    removal = drafted(wave, moderator)
    keep(client, removal, wave[0])
    page = html(client, removal, f"{TAB}&group={wave[0].pk}")
    assert "Keep all 3 posts" in text_of(page)
    (key,) = re.findall(r"name=\"with_text\"\s+value=\"([^\"]*)\"", page)
    press(client, removal, "exclude", with_text=key)
    assert kept(removal) == [post.pk for post in wave[:4]]


@pytest.mark.parametrize("key", ["", "x", "\0", "99999999999999999999"])
def test_a_group_that_does_not_exist_keeps_nothing(
    key: str, client: Client, moderator: User, wave: list[Post]
) -> None:
    removal = drafted(wave, moderator)
    press(client, removal, "exclude", with_text=key)
    assert (kept(removal), removal.objects_total) == ([], 6)


def test_where_texts_cannot_be_grouped_no_group_is_kept(
    client: Client, moderator: User, wave: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    removal = drafted(wave, moderator)
    monkeypatch.setattr(similar_texts, "RMinHash", None)
    press(client, removal, "exclude", with_text=str(wave[0].pk))
    assert (kept(removal), removal.objects_total) == ([], 6)


def test_when_the_whole_group_is_kept_the_other_posts_are_shown(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    removal = drafted(wave[4:], moderator)
    assert titles(html(client, removal, f"{TAB}&group={wave[0].pk}")) == ["Front wheel"]


@pytest.mark.parametrize("group", ["", "x", "%00", "99999999999999999999", "-1", "1.5"])
def test_a_group_that_does_not_exist_shows_all(
    client: Client, moderator: User, wave: list[Post], group: str
) -> None:
    page = html(client, drafted(wave, moderator), f"{TAB}&group={group}")
    assert titles(page) == ["Front wheel", "Offer 0"]


def test_the_page_takes_the_same_queries_for_any_number(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    counts = set()
    for number in (20, 50):  # in both cases, the post with a picture is to be checked first
        posts = [*make_wave(number), *make_wave(number, GOOD), *make_posts(number, images=0)]
        removal = drafted([*posts, *make_posts(1)], moderator)
        for query in (TAB, f"{TAB}&group={posts[0].pk}"):
            html(client, removal, query)
            with CaptureQueriesContext(connection) as captured:
                html(client, removal, query)
            counts.add((query.partition("&")[2][:5], len(captured)))
    assert len(counts) == 2


def test_groups_and_their_posts_come_in_pages(
    client: Client, moderator: User, wave: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_previews, "OBJECTS_PER_PAGE", 1)
    removal = drafted(wave, moderator)
    assert titles(html(client, removal, TAB)) == ["Front wheel"]
    assert titles(html(client, removal, f"{TAB}&p=2")) == ["Offer 0"]
    group = f"{TAB}&group={wave[0].pk}"
    assert titles(html(client, removal, f"{group}&p=3")) == ["Offer 2"]
    assert "p=4" in html(client, removal, group)


def test_a_draft_without_any_picture_shows_each_text_once(
    client: Client, moderator: User, wave: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    removal = drafted(wave[:5], moderator)
    tabs = text_of(html(client, removal, ""))
    assert "Each text once Posts 5" in tabs
    assert "Each text once 5" not in tabs, "these are two texts"
    assert titles(html(client, removal, TAB)) == ["Front wheel", "Offer 0"]
    monkeypatch.setattr(similar_texts, "RMinHash", None)
    assert "Each text once" not in html(client, removal, "")


def is_not_grouped(client: Client, removal: Removal, posts: list[Post]) -> bool:
    page = html(client, removal, TAB)
    return titles(page) == [post.title for post in posts] and len(keep_buttons(page)) == len(posts)


def test_without_the_library_each_post_is_an_entry(
    client: Client, moderator: User, wave: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(similar_texts, "RMinHash", None)
    assert is_not_grouped(client, drafted(wave, moderator), wave[:5])


def test_more_posts_than_can_be_compared_are_not_grouped(
    client: Client, moderator: User, wave: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_previews, "MAX_COMPARED", 4)
    assert is_not_grouped(client, drafted(wave, moderator), wave[:5])


def test_posts_that_changed_since_are_not_grouped(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    removal = drafted(wave, moderator)
    wave[1].delete()
    new = PostImage(post=wave[3], image="a.jpg", size=1, width=1, height=1)
    PostImage.objects.bulk_create([new])
    assert is_not_grouped(client, removal, [wave[0], wave[2], wave[4]])


def test_buttons_and_links_of_equal_titles_have_names_of_their_own(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    make_wave(3, GOOD[:100])
    removal = drafted(list(Post.objects.all()), moderator)
    Post.objects.update(title="Buy now")
    page = re.sub(r"<noscript>.*?</noscript>", "", html(client, removal, TAB))
    names = re.findall(r"aria-label=\"((?:Keep|Show these) [^\"]*)\"", page)
    assert len(names) == len(set(names)) == 5


def test_a_draft_without_any_picture_opens_with_each_text_once(
    client: Client, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    removal = drafted(make_wave(4), moderator)
    assert re.search(r'aria-current="page">Each text once', html(client, removal))
    assert "4 posts by 2 authors" in text_of(html(client, removal))
    monkeypatch.setattr(similar_texts, "RMinHash", None)
    assert "Each text once" not in html(client, removal)


def test_the_column_of_pictures_is_left_out_where_no_post_has_one(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    group, column = f"{TAB}&group={wave[0].pk}", "Pictures and files</th>"
    removal = drafted(wave, moderator)
    assert column not in html(client, removal, group)
    assert "removal-texts" in html(client, removal, group)
    assert column in html(client, removal, "?show=objects")
    assert column not in html(client, drafted(wave[:5], moderator), "?show=objects")


def test_more_of_a_text_is_sent_than_three_lines(client: Client, moderator: User) -> None:
    text = "word " * 200
    Post.objects.filter(pk__in=[post.pk for post in make_wave(3)]).update(body=text + "THE END")
    assert text.strip() in html(client, drafted(list(Post.objects.all()), moderator))
