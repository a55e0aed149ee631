"""The list of refused pictures, and the page that refuses the picture of a row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from moderation.lifecycle.refused_pictures import lift
from moderation.models import RefusedPicture
from posts.models import Post, PostImage
from tests.admin.conftest import browser_of, drafted, make_user
from tests.admin.desk import a_site, said, serving
from tests.admin.drafts import text_of
from tests.refused_pictures.refused import LIST, refused

pytestmark = pytest.mark.django_db

MakePosts = Callable[..., list[Post]]


@pytest.fixture
def picture(moderator: User, make_posts: MakePosts) -> PostImage:
    make_posts(1)
    return PostImage.objects.get()


def page_of(picture: PostImage) -> str:
    return f"{LIST}refuse/posts.postimage/{picture.pk}/"


def sent(**given: str) -> dict[str, str]:
    return {"refused-note": "", "refused-last_day": ""} | given


def in_days(number: int) -> str:
    return (timezone.localdate() + timedelta(days=number)).isoformat()


def test_a_picture_is_refused_on_a_page_of_its_own(client: Client, picture: PostImage) -> None:
    post_page = client.get(f"/admin/posts/post/{picture.post_id}/change/").text
    assert f'href="{page_of(picture)}"' in post_page
    PostImage.objects.update(perceptual_hash="1" * 64)
    page = text_of(client.get(page_of(picture)).text)
    assert "Nearly identical copies" in page
    assert "already refused" not in page
    given = sent(**{"refused-note": "wave 7", "refused-last_day": in_days(3)})
    response: Any = client.post(page_of(picture), given)
    assert response.headers["Location"] == f"/admin/posts/post/{picture.post_id}/change/"
    assert "The picture will be refused from now on." in said(response)
    row = RefusedPicture.objects.get()
    assert (row.sha256, row.perceptual_hash) == (picture.sha256, "1" * 64)
    assert (row.note, row.refused_by) == ("wave 7", "mod")
    assert row.last_day == timezone.localdate() + timedelta(days=3)
    assert PostImage.objects.filter(pk=picture.pk).exists()


def test_the_page_of_a_refused_picture_shows_who_refused_it_and_what_was_entered(
    client: Client, picture: PostImage, other: User
) -> None:
    refused(other, picture.sha256, note="wave 7", last_day=timezone.localdate())
    response = client.get(page_of(picture))
    assert "other already refused this picture on" in response.text
    assert response.context["form"].initial == {
        "note": "wave 7", "last_day": timezone.localdate(),
    }  # fmt: skip
    assert f'value="{in_days(0)}"' in response.text
    assert "Only the same file is refused" in response.text


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (None, "the perceptual hash of this picture, which is used to recognize copies, has not"),
        ("", "copies of an animation, or of a picture with little structure, cannot be recognized"),
    ],
)
def test_the_page_says_why_copies_are_not_refused(
    known: str | None, reason: str, client: Client, picture: PostImage
) -> None:
    PostImage.objects.update(perceptual_hash=known)
    text = text_of(client.get(page_of(picture)).text)
    assert f"Only the same file is refused: {reason}" in text


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"refused-last_day": "yesterday"}, "Enter a valid date."),
        ({"refused-last_day": "2020-01-01"}, "This day is already over."),
        ({"refused-last_day": "9999-12-31"}, "Choose one before the year 2200"),
        ({"refused-last_day": "10000-01-01"}, "Enter a valid date."),
        ({"refused-last_day": "0001-01-01"}, "This day is already over."),
        ({"refused-note": "n" * 10_000}, "at most 2000 characters (it has 10000)"),
        ({"refused-note": "a\0b"}, "Null characters are not allowed."),
    ],
)
def test_bad_input_is_an_error_that_names_the_problem(
    given: dict[str, str], problem: str, client: Client, picture: PostImage
) -> None:
    response = client.post(page_of(picture), sent(**given))
    assert response.status_code == 200
    assert problem in text_of(response.text)
    assert "Nothing has been refused yet." in response.text
    assert not RefusedPicture.objects.exists()


@pytest.mark.parametrize(
    "path", ["posts.postimage/999999", "posts.postimage/x", "posts.post/1", "x/1", "x.y/%00"]
)
def test_a_row_that_does_not_exist_or_has_no_picture_is_not_found(
    path: str, client: Client, picture: PostImage
) -> None:
    assert client.get(f"{LIST}refuse/{path}/").status_code == 404


def test_a_picture_without_sha256_is_not_found(client: Client, picture: PostImage) -> None:
    PostImage.objects.update(sha256="")
    assert client.get(page_of(picture)).status_code == 404


def test_only_visible_rows_can_be_refused(picture: PostImage) -> None:
    blind = browser_of(make_user("blind", codes=("refuse_picture",)))
    assert blind.get(page_of(picture)).status_code == 404
    assert blind.post(page_of(picture), sent()).status_code == 404
    assert not RefusedPicture.objects.exists()


def test_the_link_is_shown_only_to_those_who_may_refuse(picture: PostImage) -> None:
    codes = ("view_post", "view_postimage")
    viewer = browser_of(make_user("viewer", codes=codes))
    page = viewer.get(f"/admin/posts/post/{picture.post_id}/change/").text
    assert picture.sha256 in page
    assert "Refuse from now on" not in page


def test_the_list_shows_note_people_days_and_matches(
    client: Client, moderator: User, picture: PostImage
) -> None:
    first = refused(moderator, picture.sha256, note="wave <7>")
    second = refused(moderator, last_day=timezone.localdate(), note="second")
    RefusedPicture.objects.filter(pk=second.pk).update(
        matches_total=1200, last_matched_at=timezone.now()
    )
    lift(first, actor=moderator)
    page = client.get(LIST).text
    assert f"/posts.postimage/{picture.pk}/thumbnail/" in page
    text = text_of(page)
    assert "wave &lt;7&gt;" in text
    assert "no longer stored" in text
    assert "allowed again by mod" in text
    assert "1,200 times, last on" in text
    assert text.index("second") < text.index("wave")
    assert ">Allow again<" in page
    assert 'aria-label="Refuse again (refused picture' in page


def test_the_list_is_filtered_by_state_and_searched_by_note(
    client: Client, moderator: User
) -> None:
    active = refused(moderator, "a" * 64, note="garden")
    expired = refused(moderator, "b" * 64, note="casino", last_day=timezone.localdate())
    lifted = refused(moderator, "c" * 64, note="garden sale")
    RefusedPicture.objects.filter(pk=expired.pk).update(refused_until=timezone.now())
    lift(lifted, actor=moderator)
    expected = {
        "": {active, expired, lifted}, "?state=active": {active}, "?state=expired": {expired},
        "?state=lifted": {lifted}, "?state=unknown": set(), "?state=": {active, expired, lifted},
        "?q=garden": {active, lifted}, "?q=garden+sale": {lifted}, f"?q={'b' * 64}": {expired},
        "?q=garden&state=lifted": {lifted},
    }  # fmt: skip
    for query, pictures in expected.items():
        assert set(client.get(LIST + query).context["cl"].result_list) == pictures, query


def test_an_empty_list_says_how_to_refuse_a_picture(client: Client) -> None:
    assert "No refused pictures yet." in client.get(LIST).text


@pytest.mark.parametrize("page", ["lift", "again", "refuse/posts.postimage/{key}"])
def test_nothing_changes_without_the_token(page: str, moderator: User, picture: PostImage) -> None:
    row = refused(moderator, picture.sha256)
    before = list(RefusedPicture.objects.values())
    client = Client(enforce_csrf_checks=True)
    client.force_login(moderator)
    path = page.format(key=picture.pk) if "{" in page else f"{row.pk}/{page}"
    assert client.post(f"{LIST}{path}/", sent()).status_code == 403
    assert list(RefusedPicture.objects.values()) == before


def test_auditors_see_the_list_without_buttons_and_without_pictures_they_may_not_see(
    moderator: User, auditor: User, picture: PostImage
) -> None:
    refused(moderator, picture.sha256, note="wave 7")
    page = browser_of(auditor).get(LIST).text
    assert "wave 7" in page
    assert "formaction" not in page
    assert "thumbnail/" not in page


def test_the_list_takes_the_same_queries_for_any_number(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    counts = set()
    for number in (3, 40):
        for sha256 in [each.post_images.get().sha256 for each in make_posts(number)]:
            refused(moderator, sha256)
        client.get(LIST)
        with CaptureQueriesContext(connection) as captured:
            client.get(LIST)
        counts.add(len(captured))
    assert len(counts) == 1


def test_a_custom_site_leads_to_its_own_pages(moderator: User, picture: PostImage) -> None:
    from posts.admin import PostAdmin

    site = a_site("desk", Post, User, post=PostAdmin)
    client = browser_of(moderator)
    with serving(site):
        args = ("posts.postimage", picture.pk)
        url = reverse("admin:moderation_refusedpicture_refuse", args=args, current_app="desk")
        assert f'href="{url}"' in client.get(f"/desk/posts/post/{picture.post_id}/change/").text
        response: Any = client.post(url, sent())
        assert response.headers["Location"] == f"/desk/posts/post/{picture.post_id}/change/"
        assert 'href="/desk/moderation/refusedpicture/"' in said(response)
        page = client.get("/desk/moderation/refusedpicture/").text
        assert 'formaction="/desk/moderation/refusedpicture/' in page


def test_a_site_without_this_list_can_still_refuse_pictures_of_drafts(
    moderator: User, picture: PostImage
) -> None:
    from posts.admin import PostAdmin

    site = a_site("desk", Post, User, post=PostAdmin)
    site.unregister(RefusedPicture)
    client = browser_of(moderator)
    draft = drafted([picture.post], moderator)
    with serving(site):
        page = client.get(f"/desk/posts/post/{picture.post_id}/change/")
        assert page.status_code == 200
        assert "refuse/posts" not in page.text
        url = f"/desk/moderation/removal/{draft.pk}/refuse/"
        assert client.post(url, {"refuse": picture.sha256}).status_code == 200
        client.post(url, sent(refuse=picture.sha256))
    assert RefusedPicture.objects.get().sha256 == picture.sha256
