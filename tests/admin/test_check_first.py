"""The section "Check these first" on the page of a draft."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from moderation.admin.removals import check_first
from moderation.models import Removal
from moderation.models.states import RemovalState
from posts.models import Post
from tests.admin.conftest import drafted, page_of, words
from tests.admin.desk import said
from tests.review_rules.waves import make_post, make_wave

pytestmark = pytest.mark.django_db

UNIQUE = "a" * 64


@pytest.fixture
def odd() -> list[Post]:
    """Two posts without a picture, and one with a picture of its own that is also much older."""
    make_wave()
    return [
        make_post(title="Good 1", author="ann"),
        make_post(title="Good 2", author="ben", reports=2),
        make_post(UNIQUE, title="Good 3", author="cat", hours=-24 * 30),
    ]


@pytest.fixture
def draft(odd: list[Post], moderator: User) -> Removal:
    return drafted(list(Post.objects.all()), moderator)


def section(client: Client, removal: Removal, query: str = "") -> str:
    """The text of the section, or "" if the page has none."""
    response = client.get(page_of(removal) + query)
    assert response.status_code == 200
    found = re.search(r"<section id=\"check-first\".*?</section>", response.text, re.DOTALL)
    return found[0] if found else ""


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def marks_of(removal: Removal, *posts: Post) -> list[str]:
    """Return the values of the boxes of posts."""
    return [str(removal.marked_objects.get(key=str(post.pk)).pk) for post in posts]


def boxes(html: str) -> list[str]:
    """Return the values of the boxes of a page."""
    return re.findall(r"name=\"reviewed\"\s+value=\"(\d+)\"", html)


def review(client: Client, removal: Removal, **sent: Any) -> Any:
    return client.post(page_of(removal, "review"), {"seal": removal.seal, **sent})


def state(removal: Removal) -> str:
    removal.refresh_from_db()
    return removal.state


def test_marked_posts_are_listed_by_weight_with_their_reasons(
    client: Client, draft: Removal, odd: list[Post]
) -> None:
    html = section(client, draft)
    assert boxes(html) == marks_of(draft, *odd)
    text = text_of(html)
    for expected in (
        "Check these first",
        "0 of 3 decided.",
        "No picture, although nearly all the others have one Good 1",
        "A picture that is nowhere else in the selection 30 days older than nearly all the others",
        "Text Reports 2",
    ):
        assert expected in text
    assert html.count('class="removal-picture removal-thumb"') == 1
    assert f"Reviewed: “Good 2” (post {odd[1].pk})" in html


def test_it_stands_above_the_tabs_on_every_tab(client: Client, draft: Removal) -> None:
    for query in ("", "?show=pictures", "?show=objects", "?show=without-pictures"):
        page = client.get(page_of(draft) + query).text
        assert page.index('id="check-first"') < page.index('id="selection"')


def test_a_draft_without_marked_posts_has_no_section(client: Client, moderator: User) -> None:
    make_wave()
    removal = drafted(list(Post.objects.all()), moderator)
    assert section(client, removal) == ""


def test_ticked_posts_leave_the_section_and_are_counted(
    client: Client, draft: Removal, odd: list[Post]
) -> None:
    response = review(client, draft, reviewed=marks_of(draft, odd[0], odd[2]), show="objects")
    assert response["Location"] == f"{page_of(draft)}?show=objects#check-first-heading"
    assert "Marked as reviewed: 2 posts. 1 is left." in said(response)
    html = section(client, draft)
    assert boxes(html) == marks_of(draft, odd[1])
    assert "2 of 3 decided." in text_of(html)


def test_all_can_be_reviewed_with_one_button(client: Client, draft: Removal) -> None:
    response = review(client, draft, all="yes")
    assert "Marked as reviewed: 3 posts." in said(response)
    text = text_of(section(client, draft))
    assert text == (
        "Check these first 3 of 3 decided. Last marked as reviewed: 3 posts. Undo the review"
    )


def test_a_kept_post_leaves_the_section(client: Client, draft: Removal, odd: list[Post]) -> None:
    number = draft.batches.get().number
    client.post(page_of(draft, "exclude"), {"seal": draft.seal, "object": f"{number}:{odd[0].pk}"})
    assert "1 of 3 decided." in text_of(section(client, draft))
    assert boxes(section(client, draft)) == marks_of(draft, *odd[1:])


def test_the_server_refuses_to_confirm_before_all_are_decided(
    client: Client, draft: Removal
) -> None:
    response = client.post(page_of(draft, "confirm"), words(draft), follow=True)
    assert "3 posts differ from the rest and have not been reviewed." in response.text
    assert state(draft) == RemovalState.DRAFT
    review(client, draft, all="yes")
    client.post(page_of(draft, "confirm"), words(draft))
    assert state(draft) != RemovalState.DRAFT
    assert not Post.objects.exists()


def test_the_form_says_how_many_are_left(client: Client, draft: Removal) -> None:
    assert "3 posts to check first have not been reviewed yet." in client.get(page_of(draft)).text
    review(client, draft, all="yes")
    assert "to check first" not in client.get(page_of(draft)).text


def test_the_last_review_can_be_undone_on_the_same_page(
    client: Client, draft: Removal, odd: list[Post]
) -> None:
    assert "Undo" not in section(client, draft)
    review(client, draft, reviewed=marks_of(draft, odd[0]))
    review(client, draft, all="yes")
    assert "Last marked as reviewed: 2 posts." in text_of(section(client, draft))
    response = review(client, draft, undo="yes", show="objects")
    assert response["Location"] == f"{page_of(draft)}?show=objects#check-first-heading"
    assert "No longer marked as reviewed: 2 posts." in said(response)
    html = section(client, draft)
    assert "1 of 3 decided." in text_of(html)
    assert boxes(html) == marks_of(draft, *odd[1:])
    assert "Undo" not in html
    assert "There is no review left to undo." in said(review(client, draft, undo="yes"))
    assert state(draft) == RemovalState.DRAFT


def test_an_older_page_undoes_no_review(client: Client, draft: Removal) -> None:
    review(client, draft, all="yes")
    response = review(client, draft, undo="yes", seal="of an older page")
    assert "Review it again" in said(response)
    assert "3 of 3 decided." in text_of(section(client, draft))


def test_nothing_ticked_changes_nothing_and_says_so(client: Client, draft: Removal) -> None:
    response = review(client, draft)
    assert "Nothing was marked as reviewed. Tick what you have reviewed." in said(response)
    assert "0 of 3 decided." in text_of(section(client, draft))


@pytest.mark.parametrize("key", ["", "a\0b", "9" * 5000, "-1", "😀" * 300, "1:2"])
def test_hostile_keys_are_ignored(client: Client, draft: Removal, key: str) -> None:
    response = review(client, draft, reviewed=[key] * 500)
    assert response.status_code == 302
    assert "Nothing was marked as reviewed." in said(response)


def test_a_page_of_another_tab_reviews_nothing(
    client: Client, draft: Removal, odd: list[Post]
) -> None:
    number, spam = draft.batches.get().number, Post.objects.get(title="Spam 1")
    client.post(page_of(draft, "exclude"), {"seal": draft.seal, "object": f"{number}:{spam.pk}"})
    response = review(client, draft, all="yes")  # with the seal of the first page
    assert f"1 post was kept ({spam.pk})" in said(response)
    assert "0 of 3 decided." in text_of(section(client, draft))


def test_many_marked_posts_are_paged(
    client: Client, draft: Removal, odd: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_first, "MARKED_PER_PAGE", 2)
    for query, expected in (("", odd[:2]), ("?check=2", odd[2:]), ("?check=9&p=x", odd[2:])):
        html = section(client, draft, query)
        assert boxes(html) == marks_of(draft, *expected)
    link = '"?show=objects&amp;check=2#check-first-heading"'
    assert link in section(client, draft, "?show=objects")
    response = review(client, draft, reviewed=marks_of(draft, odd[2]), check="2")
    assert response["Location"] == f"{page_of(draft)}?check=2#check-first-heading"


def test_the_page_takes_the_same_queries_for_any_number_of_marked_posts(
    client: Client, moderator: User
) -> None:
    counts = set()
    make_wave(60)
    for number in (2, 6):
        for n in range(number):
            make_post(f"{number}{n:063d}")
        removal = drafted(list(Post.objects.all()), moderator)
        assert removal.marked_objects.count() >= number
        section(client, removal)
        with CaptureQueriesContext(connection) as captured:
            section(client, removal)
        counts.add(len(captured))
    assert len(counts) == 1


def test_a_rule_that_applies_to_too_many_is_named_in_words(client: Client, moderator: User) -> None:
    make_wave()
    for _ in range(12):
        make_post()
    removal = drafted(list(Post.objects.all()), moderator)
    text = text_of(section(client, removal))
    assert text == (
        "Check these first Not checked: “no picture”, because it applies to 12 of 52 posts."
    )


def test_a_rule_that_was_deleted_leaves_the_post_marked_without_a_reason(
    client: Client, draft: Removal, odd: list[Post]
) -> None:
    draft.marked_objects.filter(key=str(odd[0].pk)).update(rules=[["of_old", {"days": 3}]])
    Removal.objects.filter(pk=draft.pk).update(dropped_rules=[["of_old", 30, 43]])
    html = section(client, draft)
    assert "Good 1" in html
    assert "Not checked" not in html


def test_a_marked_post_that_no_longer_exists_can_still_be_decided(
    client: Client, draft: Removal, odd: list[Post]
) -> None:
    Post.objects.filter(pk=odd[0].pk).delete()
    html = section(client, draft)
    assert "no longer available" in html
    review(client, draft, reviewed=marks_of(draft, odd[0]))
    assert "1 of 3 decided." in text_of(section(client, draft))
