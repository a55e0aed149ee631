"""The tabs of a draft: each picture once, and the posts with what is known about them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from moderation.admin.removals import group_previews
from moderation.picture_groups import groups
from moderation.removals.seal import BATCHES_PER_CHUNK
from posts.models import Post, PostImage, Report
from tests.admin.conftest import drafted, page_of
from tests.admin.drafts import html, kept, number_of_queries, press, text_of
from tests.picture_groups.test_near import with_bits

MakePosts = Callable[..., list[Post]]
pytestmark = pytest.mark.django_db

SHARED = "a" * 64
PICTURE = r'<img src="[^"]*/posts\.postimage/(\d+)/'


@pytest.fixture
def wave(make_posts: MakePosts) -> list[Post]:
    """Five posts, of which the first four share a picture."""
    posts = make_posts(5)
    PostImage.objects.filter(post__in=posts[:4]).update(sha256=SHARED)
    return posts


def plain(page: str) -> str:
    """The text of a page, in one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_shared_picture_is_shown_once_after_the_rare_one(
    client: Client, moderator: User, wave: list[Post], make_posts: MakePosts
) -> None:
    (outside,) = make_posts(1)
    PostImage.objects.filter(post=outside).update(sha256=SHARED)
    page = html(client, drafted(wave, moderator))
    pictures = re.findall(PICTURE, page)
    assert pictures == [
        str(wave[4].post_images.get().pk),
        str(wave[0].post_images.get().pk),
    ]
    text = plain(page)
    assert "×1 in 1 post" in text
    assert "×4 in 4 posts by 1 author" in text
    assert "4 reported" in text
    assert "also in 1 post that is not selected" in text


def test_only_the_card_of_nearly_identical_pictures_is_marked_as_such(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    PostImage.objects.filter(post__in=wave[:1]).update(sha256="b" * 64)
    PostImage.objects.filter(post__in=wave[:4]).update(perceptual_hash="0f" * 32)
    page = html(client, drafted(wave, moderator))
    alone, near = re.findall(r'<li id="card-\d+".*?</li>', page, re.DOTALL)
    assert "nearly identical" not in alone
    assert "nearly identical" in near
    assert "×4 in 4 posts" in plain(near)


def test_the_posts_of_a_group_can_be_kept_one_by_one(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    removal = drafted(wave, moderator)
    query = f"?show=groups&group={SHARED}"
    values = re.findall(r'name="object"\s+value="([^"]+)"', html(client, removal, query))
    assert len(values) == 4
    sent = {"seal": removal.seal, "object": values[0], "show": "groups", "group": SHARED}
    response = client.post(page_of(removal, "exclude"), sent)
    assert response["Location"] == page_of(removal) + query
    selected, others = plain(html(client, removal, query)).split("left in the")[1].split("Also in")
    assert wave[0].title not in selected
    assert wave[0].title in others
    removal.refresh_from_db()
    assert removal.objects_total == 4


def test_a_group_that_no_longer_exists_leads_to_all_groups(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    page = html(client, drafted(wave, moderator), "?show=groups&group=unknown")
    assert "×4" in page


def test_a_group_whose_posts_are_deleted_in_the_meantime_leads_to_all_groups(
    client: Client, moderator: User, wave: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = drafted(wave, moderator)

    def delete_first(*args: Any) -> Any:
        found = groups.group_of(*args)
        Post.objects.filter(pk__in=[post.pk for post in wave[:4]]).delete()
        return found

    monkeypatch.setattr(group_previews, "group_of", delete_first)
    page = html(client, draft, f"?show=groups&group={SHARED}")
    assert "×1" in page
    assert "×4" not in page


@pytest.mark.parametrize(
    "query", ["?order=largest", "?order=oldest", "?order=x", "?group=%00", "?p=x", "?p=99"]
)
def test_any_parameter_shows_a_page(
    query: str, client: Client, moderator: User, wave: list[Post]
) -> None:
    assert "×4" in html(client, drafted(wave, moderator), query)


def test_the_page_of_groups_takes_the_same_queries_for_any_number(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    counts = set()
    for number in (3, 30):
        removal = drafted(make_posts(number, images=2), moderator)
        counts.add(number_of_queries(client, removal))
    assert len(counts) == 1


def test_pictures_that_cannot_be_grouped_are_named(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    PostImage.objects.filter(post=wave[4]).update(sha256="")
    page = html(client, drafted(wave, moderator))
    assert "1 file cannot be grouped and is not shown here." in page


def test_files_of_posts_that_someone_else_removed_are_not_counted(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    posts = make_posts(6, images=2)
    PostImage.objects.filter(post=posts[0]).update(sha256="")
    removal = drafted(posts, moderator)
    Post.objects.filter(pk__in=[post.pk for post in posts[3:]]).delete()
    assert "2 files cannot be grouped and are not shown here." in html(client, removal)
    Post.objects.filter(pk=posts[0].pk).delete()
    assert "cannot be grouped" not in html(client, removal)


def test_a_draft_with_deleted_posts_takes_the_same_queries_for_any_number_of_batches(
    client: Client, moderator: User, make_posts: MakePosts, settings: Any
) -> None:
    settings.MODERATION_BATCH_OBJECTS = 1
    counts = set()
    for number in (BATCHES_PER_CHUNK + 1, 2 * BATCHES_PER_CHUNK):
        posts = make_posts(number, images=1)
        removal = drafted(posts, moderator)
        posts[0].delete()
        counts.add(number_of_queries(client, removal))
    assert len(counts) == 1


def test_the_page_says_when_there_are_too_many_pictures_to_compare(
    client: Client, moderator: User, wave: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    for post in wave[3:]:
        PostImage.objects.filter(post=post).update(perceptual_hash=with_bits(1))
    draft = drafted(wave, moderator)
    notice = "different pictures, so only identical ones are grouped."
    assert notice not in text_of(html(client, draft))
    for module in (groups, group_previews):
        monkeypatch.setattr(module, "MAX_COMPARED", 1)
    text = text_of(html(client, draft))
    assert f"The selection has more than 1 {notice}" in text
    for query in ("?show=pictures", f"?show=groups&group={SHARED}"):
        assert notice not in text_of(html(client, draft, query))


def test_posts_without_pictures_are_counted_beside_the_number_of_all(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    posts = [*make_posts(3), *make_posts(2, images=0)]
    page = html(client, drafted(posts, moderator))
    numbers = page[page.index('class="removal-number-first"') : page.index('id="selection"')]
    assert "5 posts, 2 without pictures" in plain(re.sub("<noscript>.*?</noscript>", "", numbers))
    assert 'href="?show=without-pictures#selection"' in numbers
    assert "without pictures" not in html(client, drafted(posts[:3], moderator))
    assert "without pictures" not in html(client, drafted(posts[3:], moderator))


def test_groups_are_paged(
    client: Client, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_previews, "GROUPS_PER_PAGE", 2)
    removal = drafted(make_posts(5), moderator)
    shown = [
        picture
        for page in (1, 2, 3)
        for picture in re.findall(PICTURE, html(client, removal, f"?p={page}"))
    ]
    assert len(shown) == len(set(shown)) == 5
    page = html(client, removal, "?order=rarest")
    assert '"?order=rarest&amp;show=groups&amp;p=2#selection"' in page


def test_posts_are_listed_with_what_is_known_about_them(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    Post.objects.filter(pk=wave[0].pk).update(body="Cheap! " * 100)
    Report.objects.filter(post=wave[0]).update(reason="it is spam")
    text = plain(html(client, drafted(wave, moderator), "?show=objects"))
    assert "spammer (4 other posts)" in text.replace("( ", "(").replace(" )", ")")
    assert "it is spam" in text
    assert "Cheap! Cheap!" in text
    assert "Cheap! " * 60 not in text


@pytest.mark.parametrize(
    ("order", "first"), [("fewest-reports", 3), ("oldest", 2), ("number", 0), ("x", 0)]
)
def test_posts_can_be_sorted(
    order: str, first: int, client: Client, moderator: User, wave: list[Post]
) -> None:
    Report.objects.filter(post=wave[3]).delete()
    Post.objects.filter(pk=wave[2].pk).update(created_at="2020-01-01T00:00Z")
    page = html(client, drafted(wave, moderator), f"?show=objects&order={order}")
    titles = re.findall(r'<a href="[^"]*"[^>]*>\s*(Cheap pills \d)', page)
    assert len(titles) == 5
    assert titles[0] == wave[first].title


def test_the_list_of_posts_takes_the_same_queries_for_any_number_and_order(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    for order in ("number", "fewest-reports", "oldest"):
        counts = set()
        for number in (3, 30):
            removal = drafted(make_posts(number), moderator)
            html(client, removal, f"?show=objects&order={order}")
            with CaptureQueriesContext(connection) as captured:
                html(client, removal, f"?show=objects&order={order}")
            counts.add(len(captured))
        assert len(counts) == 1


def test_all_posts_of_a_group_are_kept_and_returned_with_one_click(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    draft = drafted(wave, moderator)
    assert "Keep all 4 posts" in text_of(html(client, draft))
    press(client, draft, "exclude", with_picture=SHARED, show="groups")
    assert kept(draft) == [post.pk for post in wave[:4]]
    assert draft.objects_total == 1
    press(client, draft, "return", last="yes")
    assert (kept(draft), draft.objects_total) == ([], 5)


@pytest.mark.parametrize("key", ["", "x", "\0", "0" * 64])
def test_a_group_that_does_not_exist_keeps_nothing(
    key: str, client: Client, moderator: User, wave: list[Post]
) -> None:
    draft = drafted(wave, moderator)
    press(client, draft, "exclude", with_picture=key)
    assert (kept(draft), draft.objects_total) == ([], 5)


def test_objects_with_too_many_rows_to_read_are_a_message(
    client: Client, moderator: User, wave: list[Post], settings: Any
) -> None:
    draft = drafted(wave, moderator)
    settings.MODERATION_BATCH_ROWS = 3
    page = html(client, draft, f"?show=groups&group={SHARED}")
    assert "More than 3 rows" in page


@pytest.mark.parametrize(
    ("action", "name"), [("exclude", "with_picture"), ("add", "add_all"), ("add", "add_ticked")]
)
def test_an_outdated_page_computes_no_groups(
    action: str, name: str, client: Client, moderator: User, wave: list[Post]
) -> None:
    draft = drafted(wave, moderator)
    with CaptureQueriesContext(connection) as captured:
        press(client, draft, action, **{name: SHARED, "add": str(wave[0].pk), "seal": "outdated"})
    assert not any(PostImage._meta.db_table in query["sql"] for query in captured)


def test_kept_posts_are_only_looked_for_if_there_are_any(
    client: Client, moderator: User, wave: list[Post]
) -> None:
    draft = drafted(wave, moderator)
    with CaptureQueriesContext(connection) as captured:
        html(client, draft, f"?show=groups&group={SHARED}")
    assert not any("source.kept" in query["sql"] for query in captured)
