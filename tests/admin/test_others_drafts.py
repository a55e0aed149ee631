"""Lists and pages say whose draft or removal a post is in. They do not block anything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from moderation.lifecycle.removals import cancel
from moderation.models import Removal
from moderation.removals import others_drafts
from moderation.removals.keep import exclude
from posts.admin import PostAdmin
from posts.models import Post
from tests.admin.conftest import LIST, browser_of, drafted, make_user, page_of
from tests.admin.desk import a_site, serving
from tests.admin.lists import FREE, listed, notices, old, page_text

pytestmark = pytest.mark.django_db

MakePosts = Callable[..., list[Post]]


def test_the_list_names_the_draft_of_another_moderator(
    client: Client, other: User, make_posts: MakePosts
) -> None:
    posts = make_posts(3)
    draft = drafted(posts[:2], other)
    time = date_format(timezone.localtime(draft.created_at), "H:i")
    expected = f"in other’s draft since {time}"
    assert notices(client) == {post.pk: expected for post in posts[:2]}
    assert f'<td class="field-open_draft">{expected}</td>' in client.get(LIST).text


def test_a_notice_has_the_date_if_it_is_not_today(
    client: Client, other: User, make_posts: MakePosts, settings: Any
) -> None:
    settings.MODERATION_DRAFT_HOURS = 48
    posts, created = make_posts(1), timezone.now() - timedelta(hours=25)
    drafted(posts, other)
    Removal.objects.update(created_at=created)
    day = date_format(timezone.localtime(created), "j M Y, H:i")
    assert notices(client) == {posts[0].pk: f"in other’s draft since {day}"}


def test_the_page_of_a_post_has_the_notice_and_still_removes(
    client: Client, other: User, make_posts: MakePosts
) -> None:
    post, free = make_posts(2)
    drafted([post], other)
    assert "This post is selected for removal: in other’s draft since " in page_text(client, post)
    assert "draft-notice" not in page_text(client, free)
    assert client.post(f"{LIST}{post.pk}/delete/").status_code == 302


def test_ones_own_draft_is_a_link_and_its_posts_are_not_left_out(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    post = make_posts(1)[0]
    draft = drafted([post], moderator)
    link = f'<a href="{page_of(draft)}">in your draft</a>'
    assert notices(client) == {post.pk: link}
    assert f"This post is selected for removal: {link}." in page_text(client, post)
    assert listed(client, **FREE) == {post.pk}


def test_the_draft_of_another_moderator_is_named_before_ones_own(
    client: Client, moderator: User, other: User, make_posts: MakePosts
) -> None:
    posts = make_posts(1)
    for actor in (moderator, other, make_user("third", "Moderators"), other):
        drafted(posts, actor)
    assert notices(client)[posts[0].pk].startswith("in other’s draft since ")
    assert notices(client)[posts[0].pk].endswith(", and selected by 2 other people")


def test_the_name_of_a_moderator_is_escaped(client: Client, make_posts: MakePosts) -> None:
    posts = make_posts(1)
    drafted(posts, make_user("<b>x", "Moderators"))
    for page in (client.get(LIST).text, page_text(client, posts[0])):
        assert "&lt;b&gt;x’s draft" in page
        assert "<b>x" not in page


def closed(removal: Removal) -> None:
    cancel(removal)


def on_another_site(removal: Removal) -> None:
    Removal.objects.filter(pk=removal.pk).update(admin_site="desk")


def without_staff_status(removal: Removal) -> None:
    User.objects.filter(username=removal.actor_name).update(is_staff=False)


def disabled(removal: Removal) -> None:
    User.objects.filter(username=removal.actor_name).update(is_active=False)


def kept(removal: Removal) -> None:
    batch = removal.batches.get()
    keys = [str(key) for key, _digest in batch.frozen]
    exclude(removal, seal=removal.seal, keys_by_batch=[(batch.number, keys)])


@pytest.mark.parametrize(
    "ends", [closed, old, on_another_site, without_staff_status, disabled, kept]
)
def test_a_draft_that_cannot_be_confirmed_here_does_not_count(
    ends: Callable[[Removal], None], client: Client, other: User, make_posts: MakePosts
) -> None:
    posts = make_posts(2)
    draft = drafted(posts, other)
    assert len(notices(client)) == 2
    ends(draft)
    assert notices(client) == {}
    assert listed(client, **FREE) == {post.pk for post in posts}


def test_the_filter_leaves_out_what_others_have_in_a_draft(
    client: Client, other: User, make_posts: MakePosts
) -> None:
    posts = make_posts(5)
    drafted(posts[:2], other)
    drafted(posts[1:3], make_user("third", "Moderators"))
    free = {post.pk for post in posts[3:]}
    assert listed(client, **FREE) == free
    assert listed(client, **FREE, reported="yes", o="-4.1") == free
    assert listed(client) == {post.pk for post in posts}


def test_an_empty_value_leaves_out_nothing(client: Client, make_posts: MakePosts) -> None:
    (post,) = make_posts(1)
    assert listed(client, others_draft="") == {post.pk}


@pytest.mark.parametrize("value", ["yes", "No", "1", "no ", "😀", "9" * 500])
def test_an_unknown_value_finds_nothing(client: Client, make_posts: MakePosts, value: str) -> None:
    make_posts(1)
    assert listed(client, others_draft=value) == set()


def test_all_posts_found_by_the_filter_can_be_selected(
    client: Client, moderator: User, other: User, make_posts: MakePosts
) -> None:
    posts = make_posts(4)
    drafted(posts[:2], other)
    sent = {"action": "remove_selected", "_selected_action": posts[3].pk, "select_across": "1"}
    client.post(f"{LIST}?others_draft=no", sent)
    assert Removal.objects.get(actor=moderator).objects_total == 2


@pytest.mark.parametrize("parameters", [{}, FREE], ids=["list", "filter"])
def test_the_list_takes_the_same_queries_for_any_number_of_drafts_and_posts(
    client: Client,
    other: User,
    make_posts: MakePosts,
    settings: Any,
    parameters: dict[str, str],
) -> None:
    settings.MODERATION_BATCH_OBJECTS = 2
    posts = make_posts(2)
    drafted(posts[:1], other)
    with CaptureQueriesContext(connection) as few:
        client.get(LIST, parameters)
    posts = make_posts(30)
    for number in range(4):
        drafted(posts[number : 25 + number], make_user(f"third {number}", "Moderators"))
    with CaptureQueriesContext(connection) as many:
        client.get(LIST, parameters)
    assert len(many) == len(few)


def test_only_drafts_of_the_same_model_and_site_count(other: User, make_posts: MakePosts) -> None:
    posts = make_posts(2)
    drafted(posts, other)
    site = a_site("desk", Post, User, post=PostAdmin)
    with serving(site):
        root = browser_of(User.objects.create_superuser("root"))
        assert len(notices(root, "/desk/posts/post/")) == 2
        Removal.objects.update(admin_site="admin")
        assert notices(root, "/desk/posts/post/") == {}
        Removal.objects.update(admin_site="desk")
        assert len(notices(root, "/desk/posts/post/")) == 2
        Removal.objects.update(model_label="auth.User")
        assert notices(root, "/desk/posts/post/") == {}


class TestConfirmation:
    def test_names_the_other_drafts_with_the_same_posts(
        self, client: Client, moderator: User, other: User, make_posts: MakePosts
    ) -> None:
        posts = make_posts(5)
        own = drafted(posts[:4], moderator)
        drafted(posts[2:], other)
        drafted(posts[4:], make_user("third", "Moderators"))
        text = " ".join(client.get(page_of(own)).text.split())
        assert "Also selected by other moderators" in text
        assert "2 posts in other’s draft since " in text
        assert "third’s" not in text

    def test_says_nothing_without_such_posts(
        self, client: Client, moderator: User, other: User, make_posts: MakePosts
    ) -> None:
        posts = make_posts(3)
        own = drafted(posts[:2], moderator)
        drafted(posts[1:], moderator)
        drafted(posts[2:], other)
        assert "Also selected by other moderators" not in client.get(page_of(own)).text

    def test_says_that_not_all_drafts_were_compared(
        self,
        client: Client,
        moderator: User,
        other: User,
        make_posts: MakePosts,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(others_drafts, "MOST_COMPARED", 2)
        posts = make_posts(3)
        own = drafted(posts, moderator)
        drafted(posts[:1], other)
        drafted(posts, make_user("third", "Moderators"))
        text = " ".join(client.get(page_of(own)).text.split())
        assert "1 post in other’s draft since " in text
        assert "third’s" not in text
        assert "Very large drafts and removals were not compared." in text

    def test_says_so_too_if_no_draft_was_compared(
        self,
        client: Client,
        moderator: User,
        other: User,
        make_posts: MakePosts,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(others_drafts, "MOST_COMPARED", 1)
        posts = make_posts(2)
        own = drafted(posts, moderator)
        drafted(posts, other)
        text = " ".join(client.get(page_of(own)).text.split())
        assert "Perhaps also selected by other moderators" in text
        assert "Very large drafts and removals were not compared." in text
