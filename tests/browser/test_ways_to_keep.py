"""Keep, return, add and undo in each way: by keyboard alone, without scripts, on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Locator, Page, expect

from moderation.models import Removal
from posts.models import Post, PostImage
from tests.admin.conftest import page_of
from tests.admin.test_text_groups import make_wave
from tests.browser.ways import KEYBOARD, NO_SCRIPTS, TELEPHONE, Way, in_ways
from tests.helpers import drafted
from tests.picture_groups.test_similar_texts import GOOD
from tests.removals.keeping import frozen_keys, keep, kept, titles_of_kept

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SHARED = "a" * 64  # the SHA-256 of the picture of three posts
ALONE = "Noise of the front wheel"
BY_AUTHOR = "Return all by spammer 0"
BY_TEXT = "Return all posts with a text like this: “Offer 1”"


@pytest.fixture
def posts(
    transactional_db: None, moderator: User, make_posts: Callable[..., list[Post]]
) -> list[Post]:
    """Three posts with one picture, three with one text by two authors, and one more of each."""
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    with_picture, texts = make_posts(4, images=1), make_wave(3)
    PostImage.objects.filter(post__in=with_picture[:3]).update(sha256=SHARED)
    alone = Post.objects.create(author=moderator, title=ALONE, body=GOOD)
    return [*with_picture[:3], *texts, with_picture[3], alone]


@pytest.fixture
def draft(posts: list[Post], moderator: User) -> Removal:
    return drafted(posts, moderator)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name).first


def expect_left(page: Page, number: int) -> None:
    name = f"Remove {number} post{'s' * (number != 1)}?"
    expect(page.get_by_role("heading", name=name)).to_be_visible()


@in_ways(NO_SCRIPTS, TELEPHONE)
@pytest.mark.parametrize(
    ("show", "title"), [("groups", "Cheap pills"), ("without-pictures", "Offer")]
)
def test_all_posts_of_a_group_are_kept_and_returned(
    show: str, title: str, way: Way, draft: Removal
) -> None:
    page = way.page
    page.goto(f"{page_of(draft)}?show={show}")
    keep_all = page.get_by_role("button", name="Keep all 3 posts with")
    way.press(keep_all)
    expect_left(page, 5)
    expect(page.locator(".removal-last-kept")).to_contain_text("Kept 3 posts: “")
    assert titles_of_kept(draft) == [f"{title} {n}" for n in range(3)]
    way.expect_fit()
    way.press(button(page, "Undo the last Keep"))
    expect_left(page, 8)
    expect(keep_all).to_be_visible()
    assert kept(draft) == []


@pytest.mark.parametrize(
    ("name", "left", "way"),
    [
        (BY_AUTHOR, ["Offer 1", ALONE], KEYBOARD),
        (BY_TEXT, [ALONE], KEYBOARD),
        (BY_TEXT, [ALONE], NO_SCRIPTS),
    ],
    indirect=["way"],
)
def test_kept_posts_return_by_author_and_by_text(
    name: str, left: list[str], way: Way, posts: list[Post], draft: Removal
) -> None:
    page = way.page
    keep(draft, *posts[3:])
    page.goto(f"{page_of(draft)}?show=kept")
    way.press(button(page, name))
    expect_left(page, 7 - len(left))
    expect(page.get_by_role("link", name=f"Kept {len(left) + 1}")).to_be_visible()
    assert titles_of_kept(draft) == sorted(["Cheap pills 3", *left])


@in_ways(KEYBOARD, NO_SCRIPTS)
def test_an_addition_is_undone(way: Way, posts: list[Post], moderator: User) -> None:
    page, small = way.page, drafted(posts[:1], moderator)
    page.goto(f"{page_of(small)}?show=groups&group={SHARED}")
    way.press(button(page, "Add all 2 posts to the selection"))
    expect_left(page, 3)
    assert frozen_keys(small) == [post.pk for post in posts[:3]]
    way.press(button(page, "Undo the addition"))
    expect_left(page, 1)
    expect(page.locator(".messagelist")).to_contain_text("No longer selected: 2 posts.")
    expect(
        page.get_by_role("heading", name="Also in 2 posts that are not selected")
    ).to_be_visible()
    assert frozen_keys(small) == [posts[0].pk]
