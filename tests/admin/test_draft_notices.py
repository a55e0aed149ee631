"""A dismissal and an open draft of the same posts: each moderator learns what the other one did."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from moderation.admin.removals.draft_notices import DraftNotice
from moderation.models import Removal
from moderation.removals import others_drafts
from moderation.removals.keep import exclude
from posts.admin import PostAdmin, draft_notices
from posts.models import Post, Report
from posts.reports import dismiss_reports, undo_dismissal
from tests.admin.conftest import LIST, browser_of, drafted, make_user, page_of, words
from tests.admin.desk import Removing, a_site, serving
from tests.admin.test_dismiss_reports import dismiss, dismiss_form
from tests.helpers import drafted as drafted_rows
from tests.testapp.models import Shelf

MakePosts = Callable[..., list[Post]]
TITLE = "Reports about selected posts were dismissed"

pytestmark = pytest.mark.django_db


def those(posts: list[Post]) -> Any:
    return Post.objects.filter(pk__in=[post.pk for post in posts])


def text_of(page: str) -> str:
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


def notices_of(client: Client, draft: Removal) -> str:
    """Return the text of the notices on the page of a draft."""
    page = client.get(page_of(draft)).text
    found = re.findall(
        r'<section[^>]*aria-labelledby="draft-notice-heading.*?</section>', page, re.DOTALL
    )
    return text_of(" ".join(found))


def confirm(client: Client, draft: Removal, page: str) -> str:
    """Confirm a draft from its page; return the page that follows."""
    notices = re.search(r'name="notices" value="([^"]*)"', page)
    assert notices
    draft.refresh_from_db()
    url, sent = page_of(draft, "confirm"), words(draft, notices=notices[1])
    return client.post(url, sent, follow=True).text


def test_a_draft_names_posts_whose_reports_were_dismissed_since(
    client: Client, moderator: User, other: User, make_posts: MakePosts
) -> None:
    posts = make_posts(9)
    draft = drafted(posts[:8], moderator)
    assert notices_of(client, draft) == ""
    dismiss_reports(those(posts[1:9]), actor=other)
    dismiss_reports(those(posts[:1]), actor=make_user("third", "Moderators"))
    time = date_format(timezone.localtime(), "H:i")
    shown = notices_of(client, draft)
    first = f"Reports about 1 post were dismissed by third (most recently: {time})."
    second = f"Reports about 7 posts were dismissed by other (most recently: {time})."
    assert shown.startswith(f"{TITLE} {first} {second} Cheap pills 0 (opens in a new tab)")
    assert shown.endswith("Cheap pills 4 (opens in a new tab) and 3 others")
    page = client.get(page_of(draft)).text
    assert f'href="{LIST}{posts[0].pk}/change/"' in page
    # Above the button too, because the top may not be in view when a script replaces the page.
    link = f'<a href="#draft-notice-heading-1">{TITLE}</a>'
    assert page.index('id="confirm-heading"') < page.index(link) < page.rindex("Remove 8 posts")


def test_a_dismissal_after_the_page_was_loaded_is_shown_before_the_removal(
    client: Client, moderator: User, other: User, make_posts: MakePosts
) -> None:
    posts = make_posts(3)
    draft = drafted(posts, moderator)
    page = client.get(page_of(draft)).text
    dismiss_reports(those(posts[:1]), actor=other)
    page = confirm(client, draft, page)
    assert "Nothing has been removed yet." in page
    again = "Confirm again if you still want to remove these posts."
    text = rf"1 post were dismissed by other \(most recently: \d\d:\d\d\)\. {again}"
    assert re.search(text, text_of(page))
    assert 'value="spam" form="draft-form" required id="id_reason_0" checked' in page
    assert Post.objects.count() == 3
    assert "Nothing has been removed" not in confirm(client, draft, page)
    assert not Post.objects.exists()


def test_without_what_the_page_showed_a_draft_with_a_notice_is_not_confirmed(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    draft = drafted(make_posts(1), moderator)
    dismiss_reports(Post.objects.all(), actor=moderator)
    for sent in ({}, {"notices": "x"}):
        client.post(page_of(draft, "confirm"), words(draft, **sent))
    assert Post.objects.exists()


def reopened(posts: list[Post], _draft: Removal, actor: User) -> None:
    dismissal = posts[0].reports.get().dismissal
    assert dismissal
    undo_dismissal(dismissal, posts=Post.objects.all(), actor=actor)


def kept(posts: list[Post], draft: Removal, _actor: User) -> None:
    number = draft.batches.get().number
    exclude(draft, seal=draft.seal, keys_by_batch=[(number, [str(posts[0].pk)])])


@pytest.mark.parametrize("change", [reopened, kept])
def test_a_notice_that_is_gone_does_not_prevent_the_confirmation(
    change: Callable[..., None],
    client: Client,
    moderator: User,
    other: User,
    make_posts: MakePosts,
) -> None:
    posts = make_posts(2)
    draft = drafted(posts, moderator)
    dismiss_reports(those(posts[:1]), actor=other)
    page = client.get(page_of(draft)).text
    change(posts, draft, other)
    assert notices_of(client, draft) == ""
    confirm(client, draft, page)
    assert not Post.objects.filter(pk=posts[1].pk).exists()


def test_old_dismissals_and_those_of_other_posts_are_not_named(
    client: Client, moderator: User, other: User, make_posts: MakePosts
) -> None:
    posts = make_posts(3)
    dismiss_reports(those(posts[:1]), actor=other)
    Report.objects.filter(post=posts[0]).update(decided_at=timezone.now() - timedelta(hours=2))
    dismiss_reports(those(posts[2:]), actor=other)
    draft = drafted(posts[:2], moderator)
    assert notices_of(client, draft) == ""
    dismiss_reports(those(posts[1:2]), actor=other)
    Removal.objects.update(created_at=timezone.now() + timedelta(minutes=30))
    assert "Reports about 1 post" in notices_of(client, draft)  # the list was loaded before


def test_a_notice_does_not_name_posts_that_are_hidden_from_the_moderator(
    client: Client,
    moderator: User,
    other: User,
    make_posts: MakePosts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    posts = make_posts(3)
    draft = drafted(posts, moderator)
    dismiss_reports(those(posts), actor=other)
    monkeypatch.setattr(PostAdmin, "get_queryset", lambda *_: those(posts[:2]))
    assert "Reports about 2 posts" in notices_of(client, draft)


def test_number_of_queries_does_not_depend_on_the_number_of_posts(
    client: Client, moderator: User, other: User, make_posts: MakePosts
) -> None:
    numbers = []
    for size in (2, 12):
        posts = make_posts(size)
        draft = drafted(posts, moderator)
        dismiss_reports(those(posts), actor=other)
        with CaptureQueriesContext(connection) as captured:
            list(draft_notices.dismissed_reports(draft, those(posts)))
        numbers.append(len(captured))
    assert numbers[0] == numbers[1] <= 4


def test_another_model_has_its_own_notices(moderator: User) -> None:
    class Noticing(Removing):
        def draft_notices(self, _request: Any, removal: Removal, selected: Any) -> Any:
            return [DraftNotice(f"Draft <{removal}>", [f"{selected.count()} boxes"])]

    moderator.is_superuser = True
    moderator.save()
    draft = drafted_rows([Shelf.objects.create() for _ in range(2)], moderator, [])
    with serving(a_site("desk", Shelf, shelf=Noticing)):
        page = browser_of(moderator).get(f"/desk/moderation/removal/{draft.pk}/change/").text
    assert f"Draft &lt;#{draft.pk}&gt;" in page
    assert "<p>2 boxes</p>" in page


def test_whoever_dismisses_reports_learns_whose_drafts_have_the_posts(
    client: Client, moderator: User, other: User, make_posts: MakePosts
) -> None:
    posts = make_posts(5)
    drafted(posts, moderator)  # one's own
    drafted(posts[:3], other)
    drafted(posts[2:3], make_user("<third>", "Moderators"))
    time = date_format(timezone.localtime(), "H:i")
    page = dismiss(client, posts[:4], "?reported=yes")
    assert (
        f"Dismissed 4 reports about 4 posts. 3 of these posts are selected for removal: in other’s "
        f"draft since {time}. 1 of these posts is selected for removal: in &lt;third&gt;’s draft "
        f"since {time}."
    ) in page
    form = dismiss_form(client.get(f"{LIST}{posts[4].pk}/change/").text)
    assert "Dismissed 1 report about 1 post.\n" in client.post(*form, follow=True).text


def test_very_large_drafts_are_not_compared_with_a_dismissal(
    client: Client, other: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = make_posts(3)
    drafted(posts[:1], other)
    drafted(posts, other)
    monkeypatch.setattr(others_drafts, "MOST_COMPARED", 2)
    page = dismiss(client, posts)
    assert "1 of these posts is selected for removal: in other’s draft" in page
    assert "Very large drafts and removals were not compared." in page
