"""The posts with similar pictures on the page of a group."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import expect

from tests.admin.conftest import page_of
from tests.browser.ways import KEYBOARD, NO_SCRIPTS, Way, in_ways
from tests.helpers import drafted
from tests.images.alike import COPIES, advertisement
from tests.images.case import saved
from tests.posts.drawn import a_picture, a_post

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@in_ways(KEYBOARD, NO_SCRIPTS)
def test_posts_with_similar_pictures_are_listed_on_demand(way: Way, moderator: User) -> None:
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    posts = [a_post(f"Cheap pills {n}") for n in range(2 + len(COPIES))]
    original = advertisement(1)
    for post in posts[:2]:
        a_picture(post, saved(original, "PNG"))
    for post, copy in zip(posts[2:], COPIES.values(), strict=True):
        a_picture(post, saved(copy(original), "PNG"))
    page = way.page
    page.goto(page_of(drafted(posts[:2], moderator)))
    way.press(page.get_by_role("link", name="Show the posts with the picture of “Cheap pills"))
    summary = page.get_by_text(
        f"Similar pictures in {len(COPIES)} more posts that are not selected"
    )
    expect(summary).to_be_visible()
    expect(page.get_by_role("link", name="Cheap pills 2")).to_be_hidden()
    way.press(summary)
    for number in range(2, len(posts)):
        expect(page.get_by_role("link", name=f"Cheap pills {number}")).to_be_visible()
