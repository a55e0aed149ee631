"""The pages name objects, rows and permissions in words, and say what can be done."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from moderation.models import AuditEntry, Removal
from moderation.models.states import EntryState, RemovalState
from moderation.removals.delete import delete_next_batch
from moderation.removals.draft import confirm
from posts.models import Post
from tests.admin.conftest import browser_of, drafted, make_user, page_of

MakePosts = Callable[..., list[Post]]


def text_of(client: Client, url: str) -> str:
    """Return the text of a page in one line, without its tags."""
    response = client.get(url)
    assert response.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def done(moderator: User, make_posts: MakePosts) -> Removal:
    """A removal of a post with two files, one of which failed and one of which is in use."""
    post, other = make_posts(2)
    removal = drafted([post], moderator)
    assert not confirm(removal, actor=moderator, seal=removal.seal, reason="spam")
    delete_next_batch(removal.pk)
    first, second = AuditEntry.objects.order_by("pk")
    AuditEntry.objects.filter(pk=first.pk).update(
        state=EntryState.IN_USE,
        in_use_reason=f"still used by posts.PostImage.image {other.post_images.get().pk}",
    )
    AuditEntry.objects.filter(pk=second.pk).update(
        state=EntryState.FAILED, error_code="AccessDenied", error="No.", failed_at=timezone.now()
    )
    Removal.objects.filter(pk=removal.pk).update(state=RemovalState.DONE)
    return removal


def test_keeping_an_object_names_it_and_counts_the_others(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    posts = make_posts(3)
    removal = drafted(posts, moderator)
    value = f"{removal.batches.get().number}:{posts[0].pk}"
    sent = {"seal": removal.seal, "object": value}
    page = client.post(page_of(removal, "exclude"), sent, follow=True)
    assert "Kept: “Cheap pills 0”. 2 posts left in the selection." in page.content.decode()


def test_a_row_that_uses_a_file_is_a_link_with_a_title(client: Client, done: Removal) -> None:
    other = Post.objects.get()
    link = f'still used by the post <a href="/admin/posts/post/{other.pk}/change/">“{other}”</a>'
    entry = AuditEntry.objects.get(state=EntryState.IN_USE)
    entry_page = reverse("admin:moderation_auditentry_change", args=[entry.pk])
    for url in (page_of(done), entry_page):
        assert link in client.get(url).content.decode()


def test_a_title_is_hidden_from_users_who_may_not_view_posts(done: Removal) -> None:
    other = Post.objects.get()
    viewer = browser_of(make_user("viewer", codes=("view_removal", "view_auditentry")))
    text = text_of(viewer, page_of(done))
    assert f"still used by post {other.pk}" in text
    assert other.title not in text


def test_a_reason_that_names_no_existing_row_is_shown_as_recorded(
    client: Client, done: Removal
) -> None:
    for reason in (
        "still used by posts.PostImage.image 999999",
        "still used by posts.PostImage.image xyz",
        "still used by other.Model.file 1",
        "still used by the default of posts.PostImage.image",
    ):
        AuditEntry.objects.filter(state=EntryState.IN_USE).update(in_use_reason=reason)
        assert reason in text_of(client, page_of(done))


def test_a_finished_removal_says_what_failed_and_offers_a_retry(
    client: Client, done: Removal
) -> None:
    text = text_of(client, page_of(done))
    assert "done, 1 failed Finished, but 1 file could not be erased. See below." in text
    assert "No (AccessDenied)." in text
    assert "Retry failed files" in text
    assert "Selected 1 post Removed with it 1 picture, 1 report, 2 files" in text
    assert "History" in text
    assert "mod confirmed" in text


def test_the_start_page_counts_reported_posts_and_failed_files(
    client: Client, other: User, done: Removal
) -> None:
    text = text_of(client, reverse("admin:index"))
    assert "1 post has open reports." in text
    assert "1 file that could not be erased, with the storage’s error message" in text
    assert "1 file that could" not in text_of(browser_of(other), reverse("admin:index"))


def test_the_audit_log_has_one_name(client: Client) -> None:
    for url in (reverse("admin:index"), reverse("admin:moderation_auditentry_changelist")):
        text = text_of(client, url)
        assert "Audit log" in text
        assert "Audit entries" not in text


def test_a_post_is_removed_not_deleted(client: Client, make_posts: MakePosts) -> None:
    (post,) = make_posts(1)
    page = client.get(reverse("admin:posts_post_change", args=[post.pk])).content.decode()
    assert 'class="deletelink">Remove…</a>' in page
    assert page.count("deletelink") == 1


def test_a_list_without_results_says_why(client: Client, make_posts: MakePosts) -> None:
    make_posts(1)
    url = reverse("admin:posts_post_changelist")
    assert "No posts match. Clear the filters" in text_of(client, f"{url}?q=nothing")
    assert "No user is called “nobody”." in text_of(client, f"{url}?author=nobody")
    assert "No posts match" in text_of(client, f"{url}?author=spammer&q=nothing")


def test_numbers_are_grouped(admin_client: Client, make_posts: MakePosts) -> None:
    make_posts(1_100)
    text = text_of(admin_client, reverse("admin:posts_post_changelist") + "?q=pills")
    assert "1,100 results" in text
    assert "All 1,100 selected" in text
    assert "Select all 1,100 posts" in text


def test_a_user_who_logs_out_reads_a_plain_sentence(client: Client) -> None:
    page = client.post(reverse("admin:logout")).content.decode()
    assert "You are logged out." in page
    assert "quality time" not in page


def test_times_have_a_zone(client: Client, done: Removal) -> None:
    assert re.search(
        r"Confirmed \d+ \w{3} \d{4}, \d\d:\d\d:\d\d UTC", text_of(client, page_of(done))
    )
    assert "All times are in the time zone UTC." in text_of(client, reverse("admin:index"))


def test_a_draft_says_when_it_expires(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    text = text_of(client, page_of(drafted(make_posts(1), moderator)))
    text = text.replace("&nbsp;", " ")
    assert re.search(r"It expires in 1\sday \(\d+ \w{3} \d{4}, \d\d:\d\d UTC\)", text)
