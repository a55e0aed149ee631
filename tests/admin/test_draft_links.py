"""Every link on a draft's page leads to its page, and a refused confirmation stays on the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation import conf
from moderation.admin.removals import group_previews, text_previews
from moderation.db.server_time import DatabaseNow
from moderation.models import Removal
from posts.models import Post, PostImage
from tests.admin.conftest import drafted, page_of, words

MakePosts = Callable[..., list[Post]]
PICTURES = 61  # one more than on a page
SECOND_PAGE = ["All pictures and files", "2"]


@pytest.fixture
def draft(moderator: User, make_posts: MakePosts) -> Removal:
    return drafted(make_posts(PICTURES, images=1), moderator)


def current(client: Client, url: str) -> list[str]:
    """The current tab and the current page of the selection."""
    _before, _heading, text = client.get(url).text.partition('id="selection"')
    text = re.sub(r"<noscript>.*?</noscript>", "", text)
    return re.findall(r'aria-current="page"[^>]*>\s*([\w ]+?)\s*<', text)


def test_links_to_other_pages_lead_to_them(client: Client, draft: Removal) -> None:
    text = client.get(page_of(draft) + "?show=pictures").text
    (link,) = re.findall(r'<a href="([^"]*p=2[^"]*)"', text)
    assert current(client, page_of(draft) + unescape(link).partition("#")[0]) == SECOND_PAGE


def test_a_refused_confirmation_stays_on_the_page(client: Client, draft: Removal) -> None:
    sent = words(draft) | {"reason": "", "show": "pictures", "p": "2"}
    response = client.post(page_of(draft, "confirm"), sent, follow=True)
    assert re.search(r'aria-current="page"[^>]*>\s*All pictures and files', response.text)
    assert re.search(r'aria-current="page">2<', response.text)


def test_a_refused_confirmation_redirects_so_that_loading_the_page_again_sends_nothing(
    client: Client, draft: Removal, settings: Any
) -> None:
    settings.MODERATION_TYPED_COUNT_FROM = 2
    sent = words(draft) | {"reason": "", "note": "x" * 3000, "typed_count": "7", "show": "objects"}
    response = client.post(page_of(draft, "confirm"), sent)
    assert (response.status_code, response["Location"]) == (302, page_of(draft) + "?show=objects")
    page = client.get(response["Location"]).text
    for error in ("This field is required", "at most 2000 characters", "That is not the number"):
        assert error in page
    assert 'value="7"' in page
    assert "Nothing has been removed yet." in page
    assert "Nothing has been removed yet." not in client.get(response["Location"]).text


def test_the_errors_of_a_confirmation_are_shown_only_on_the_page_of_its_draft(
    client: Client, draft: Removal, moderator: User
) -> None:
    other = drafted(list(Post.objects.all()[:2]), moderator)
    client.post(page_of(draft, "confirm"), words(draft) | {"reason": ""})
    assert "Nothing has been removed yet." not in client.get(page_of(other)).text
    assert "Nothing has been removed yet." in client.get(page_of(draft)).text


def test_a_link_on_the_page_of_a_refused_confirmation_leads_to_its_page(
    client: Client, draft: Removal
) -> None:
    response = client.get(page_of(draft, "confirm") + "?show=pictures&p=2")
    assert response["Location"] == page_of(draft) + "?show=pictures&p=2"


def test_a_draft_that_is_due_to_expire_cannot_be_confirmed(client: Client, draft: Removal) -> None:
    age = timedelta(hours=conf.draft_hours(), seconds=1)
    Removal.objects.update(created_at=DatabaseNow(-age))
    response = client.post(page_of(draft, "confirm"), words(draft), follow=True)
    assert "This draft has expired" in response.text
    assert Post.objects.count() == PICTURES


def test_a_title_does_not_reverse_the_text_after_it(client: Client, draft: Removal) -> None:
    post = Post.objects.earliest("pk")
    Post.objects.filter(pk=post.pk).update(title="\u202eevil")
    sent = {"seal": draft.seal, "object": f"{draft.batches.get().number}:{post.pk}"}
    text = client.post(page_of(draft, "exclude"), sent, follow=True).text
    assert "Kept: “evil”" in text
    assert "\u202e" not in text


def group_of(posts: list[Post], number: int) -> str:
    """Add the same picture to posts; return the key of its group."""
    key = f"{number:064x}"
    PostImage.objects.filter(post__in=posts).update(sha256=key)
    return key


def parameters_of(page: str, text: str) -> dict[str, str]:
    """Return the parameters of the first link with a text."""
    found = re.search(rf'<a href="\?([^"#]*)#[^>]*>\s*{text}', page)
    assert found, text
    return dict(parse_qsl(unescape(found[1])))


def test_the_page_of_a_group_leads_back_to_the_page_that_led_to_it(
    client: Client, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_previews, "GROUPS_PER_PAGE", 1)
    posts = make_posts(4)
    group_of(posts[:2], 1)
    removal = drafted(posts, moderator)
    listed = client.get(page_of(removal) + "?show=groups&order=rarest&p=3&check=2").text
    parameters = parameters_of(listed, "Show these posts")
    assert parameters | {"group": ""} == {
        "check": "2", "show": "groups", "order": "rarest", "group": "", "back": "3",
    }  # fmt: skip
    page = client.get(page_of(removal), parameters).text
    back = {"check": "2", "show": "groups", "order": "rarest", "p": "3"}
    assert parameters_of(page, "Back to all pictures") == back


def test_after_keeping_a_whole_group_the_page_that_led_to_it_is_shown(
    client: Client, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_previews, "GROUPS_PER_PAGE", 1)
    posts = make_posts(5)
    key = group_of(posts[:2], 1)
    removal = drafted(posts, moderator)
    sent = {"seal": removal.seal, "with_picture": key, "show": "groups", "group": key}
    url = page_of(removal, "exclude")
    response = client.post(url, sent | {"back": "2", "p": "1"}, follow=True)
    assert response.context["page"].number == 2
    assert "group" not in response.context["page_parameters"]
    assert parameters_of(response.text, "3<") == {"show": "groups", "p": "3"}


def test_a_group_of_texts_leads_back_to_the_page_that_led_to_it(
    client: Client, moderator: User, make_posts: MakePosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_previews, "OBJECTS_PER_PAGE", 1)
    posts = [
        *make_posts(2, images=0, title="Digital radio playlists"),
        *make_posts(2, images=0, title="Front wheel of a bicycle"),
    ]
    Post.objects.filter(pk__in=[post.pk for post in posts[:2]]).update(title="Digital radio")
    Post.objects.filter(pk__in=[post.pk for post in posts[2:]]).update(title="Front wheel")
    removal = drafted(posts, moderator)
    tab = "?show=without-pictures"
    parameters = parameters_of(client.get(f"{page_of(removal)}{tab}&p=2").text, "Show these posts")
    assert parameters["back"] == "2"
    page = client.get(page_of(removal), parameters).text
    assert parameters_of(page, "Back to all posts") == {"show": "without-pictures", "p": "2"}
    sent = {"seal": removal.seal, "with_text": parameters["group"], **parameters}
    response = client.post(page_of(removal, "exclude"), sent, follow=True)
    assert response.context["page"].number == 1  # the only one that is left


def test_without_scripts_keep_leads_to_the_card_that_takes_its_place(
    client: Client, draft: Removal
) -> None:
    """Browsers add the fragment of the request to the page that it redirects to."""
    for tab in ("groups", "pictures", "objects"):
        page = client.get(page_of(draft) + f"?show={tab}&p=1").text
        found = re.findall(r'formaction="[^"]*/exclude/(#[\w-]+)"\s+name="object"', page)
        ids = re.findall(r'id="(card-\d+)"', page)
        assert found == [f"#{each}" for each in [*ids[:-1], *ids[-2:-1]]]
