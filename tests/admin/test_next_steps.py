"""The page of a removal suggests what to do next, to users who may do it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from moderation.admin.removals.next_steps import NextStep
from moderation.models import AuditEntry, Removal
from moderation.removals.keep import exclude
from posts.admin import counted
from posts.models import Post, PostImage, Report
from posts.reports import dismiss_reports
from tests.admin.conftest import LIST, browser_of, drafted, make_user, page_of
from tests.admin.desk import Removing, a_site, serving
from tests.admin.lists import listed
from tests.admin.next_steps import removed, steps
from tests.helpers import confirmed

pytestmark = pytest.mark.django_db

MakePosts = Callable[..., list[Post]]


def with_removed_picture(removal: Removal, post: Post) -> Post:
    """Add a picture that a removal deleted to a post, and return the post."""
    digest = AuditEntry.objects.filter(removal=removal, sha256__isnull=False).first()
    assert digest is not None
    PostImage.objects.filter(post=post).update(sha256=digest.sha256)
    return post


def test_all_steps_lead_to_what_they_say(
    client: Client, moderator: User, other: User, make_posts: MakePosts
) -> None:
    posts = make_posts(5)
    removal = removed(posts[:2], moderator)
    since = with_removed_picture(removal, *make_posts(1))
    drafted([posts[2], since], other)
    found = steps(client, removal)
    assert list(found) == [
        "1 newer post has one of the removed pictures",
        "Disable the author’s account…",
        "Continue with 2 reported posts",
    ]
    same, authors, queue = found.values()
    assert listed(client, same) == {since.pk}
    assert listed(client, queue) == {posts[3].pk, posts[4].pk}
    assert "Disable 1 account" in client.get(authors).text
    assert steps(client, removal, "progress") == found


def test_steps_that_lead_nowhere_are_left_out(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    removal = removed(make_posts(1), moderator)
    User.objects.filter(username="spammer").update(is_active=False)
    assert steps(client, removal) == {}
    assert "Next steps" not in client.get(page_of(removal)).text


def test_numbers_are_capped(
    client: Client, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counted, "MOST_COUNTED", 1)
    removal = removed(make_posts(3)[:1], moderator)
    found = steps(client, removal)
    assert "Continue with 1+ reported posts" in found
    assert "<td>1+</td>" in client.get(found["Disable the author’s account…"]).text


@pytest.mark.parametrize("state", ["deleting", "stopped", "cancelled", "expired", "draft"])
def test_there_are_none_before_the_posts_are_deleted(
    state: str, client: Client, moderator: User, make_posts: MakePosts
) -> None:
    removal = removed(make_posts(2)[:1], moderator)
    Removal.objects.filter(pk=removal.pk).update(state=state)
    assert steps(client, removal) == {}


def test_they_stay_once_the_removal_is_done(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    removal = removed(make_posts(2)[:1], moderator)
    before = steps(client, removal)
    Removal.objects.filter(pk=removal.pk).update(state="done", finished_at=now())
    assert steps(client, removal) == before
    assert before


def test_a_page_that_shows_the_steps_polls_without_them(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    removal = removed(make_posts(2)[:1], moderator)
    with CaptureQueriesContext(connection) as captured:
        text = client.get(page_of(removal, "progress"), {"next_steps": "shown"}).text
    assert "0 of 2 files erased" in " ".join(text.split())
    assert "Next steps" not in text
    assert not [query for query in captured if "posts_" in query["sql"]]


def test_a_page_that_shows_the_steps_is_not_reloaded_without_javascript(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    removal = removed(make_posts(2)[:1], moderator)
    text = client.get(page_of(removal)).text
    assert 'http-equiv="refresh"' not in text
    assert "Reload the page to see the progress." in text
    Post.objects.all().delete()
    User.objects.filter(username="spammer").delete()
    assert steps(client, removal) == {}
    assert 'http-equiv="refresh"' in client.get(page_of(removal)).text


def test_only_those_who_may_manage_the_removal_and_view_posts_see_them(
    moderator: User, auditor: User, make_posts: MakePosts
) -> None:
    removal = removed(make_posts(2)[:1], moderator)
    managers = {
        "manager": ("manage_removal",),
        "managing viewer": ("manage_removal", "view_post"),
        "managing disabler": ("manage_removal", "view_post", "disable_author"),
    }
    found = {name: steps(browser_of(make_user(name, codes=codes)), removal)
             for name, codes in managers.items()}  # fmt: skip
    assert steps(browser_of(auditor), removal) == {}
    assert [len(each) for each in found.values()] == [0, 1, 2]


def test_disabled_authors_can_be_enabled_from_there(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    removal = removed(make_posts(1), moderator)
    (url,) = steps(client, removal).values()
    assert "1 account was disabled." in client.post(url, {"action": "disable"}, follow=True).text
    assert steps(client, removal) == {"1 account is disabled": url}
    page = client.get(url).text
    assert "Disabled after this removal" in page
    assert "Enable 1 account again" in page
    client.post(url, {"action": "enable"})
    assert User.objects.get(username="spammer").is_active


def test_the_number_of_queries_does_not_depend_on_the_numbers(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    numbers = []
    for size in (1, 30):
        posts = make_posts(size + 1)
        for number, post in enumerate(posts):
            author = User.objects.create_user(f"author {size} {number}")
            Post.objects.filter(pk=post.pk).update(author=author)
        removal = removed(posts[:size], moderator)
        with_removed_picture(removal, *make_posts(1))
        (url,) = [url for url in steps(client, removal).values() if "authors-of" in url]
        with CaptureQueriesContext(connection) as of_page:
            client.get(page_of(removal))
        with CaptureQueriesContext(connection) as of_authors:
            client.get(url)
        numbers.append((len(of_page), len(of_authors)))
    assert numbers[0] == numbers[1]


class TestSamePictures:
    def test_finds_nothing_for_a_removal_that_the_user_may_not_view(
        self, client: Client, moderator: User, other: User, make_posts: MakePosts
    ) -> None:
        removal = removed(make_posts(1), moderator)
        since = with_removed_picture(removal, *make_posts(1))
        url = f"{LIST}?same_as_removal={removal.pk}"
        assert listed(client, url) == {since.pk}
        assert listed(browser_of(other), url) == set()
        viewer = make_user("viewer", codes=("view_post", "view_removal"))
        assert listed(browser_of(viewer), url) == {since.pk}

    def test_posts_that_were_kept_or_existed_before_are_not_suggested(
        self, client: Client, moderator: User, make_posts: MakePosts
    ) -> None:
        posts = make_posts(3)
        draft = drafted(posts[:2], moderator)
        kept = [(draft.batches.get().number, [str(posts[1].pk)])]
        exclude(draft, seal=draft.seal, keys_by_batch=kept)
        removal = confirmed(Removal.objects.get(pk=draft.pk), moderator)
        for post in posts[1:]:
            with_removed_picture(removal, post)
        assert not any("removed pictures" in text for text in steps(client, removal))
        assert listed(client, f"{LIST}?same_as_removal={removal.pk}") == set()

    def test_finds_nothing_for_a_draft_and_says_so(
        self, client: Client, moderator: User, make_posts: MakePosts
    ) -> None:
        draft = drafted(make_posts(1), moderator)
        response = client.get(LIST, {"same_as_removal": draft.pk})
        assert list(response.context["cl"].result_list) == []
        assert "No such removal" in response.text

    @pytest.mark.parametrize(
        "value", ["", "0", "-1", "x", "1.0", " 1", "٣", "9" * 18, "9" * 19, "9" * 5000, "1,2"]
    )
    def test_finds_nothing_for_an_unknown_value_and_says_so(
        self, client: Client, make_posts: MakePosts, value: str
    ) -> None:
        make_posts(1)
        response = client.get(LIST, {"same_as_removal": value})
        assert list(response.context["cl"].result_list) == []
        assert "No such removal" in response.text

    def test_is_displayed_only_while_it_applies(
        self, client: Client, moderator: User, make_posts: MakePosts
    ) -> None:
        removal = removed(make_posts(2)[:1], moderator)
        assert "removed pictures" not in client.get(LIST).text
        text = client.get(LIST, {"same_as_removal": removal.pk}).text
        assert f"Newer than removal #{removal.pk}, with one of its pictures" in text


def test_another_model_suggests_its_own_steps_with_buttons_and_links(
    moderator: User, make_posts: MakePosts
) -> None:
    class Suggesting(Removing):
        def next_steps(self, request: Any, removal: Removal) -> list[NextStep]:
            return [
                NextStep(f"Look at <{removal}>", "/desk/"),
                NextStep("Do it", "/desk/do/", is_post=True),
            ]

    removal = removed(make_posts(1), moderator)
    site = a_site("desk", Post, post=Suggesting)
    with serving(site):
        page = browser_of(moderator).get(f"/desk/moderation/removal/{removal.pk}/change/").text
    assert f'<a href="/desk/">Look at &lt;{removal}&gt;</a>' in page
    form = page.partition('action="/desk/do/"')[2].partition("</form>")[0]
    assert "csrfmiddlewaretoken" in form
    assert "Do it" in form


def test_a_model_without_suggestions_has_none(moderator: User, make_posts: MakePosts) -> None:
    removal = removed(make_posts(1), moderator)
    with serving(a_site("desk", Post)):
        page = browser_of(moderator).get(f"/desk/moderation/removal/{removal.pk}/change/")
    assert page.status_code == 200
    assert "Next steps" not in page.text


def test_the_start_of_the_queue_counts_each_post_once(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    posts = make_posts(2)
    removal = removed(posts[:1], moderator)
    Report.objects.create(post=posts[1], reporter=moderator)
    assert "Continue with 1 reported post" in steps(client, removal)


def test_the_queue_counts_posts_with_open_reports_as_its_list_does(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    posts = make_posts(3)
    removal = removed(posts[:1], moderator)
    dismiss_reports(Post.objects.filter(pk=posts[1].pk), actor=moderator)
    url = steps(client, removal)["Continue with 1 reported post"]
    assert listed(client, url) == {posts[2].pk}
    dismiss_reports(Post.objects.all(), actor=moderator)
    assert not any("reported" in each for each in steps(client, removal))
