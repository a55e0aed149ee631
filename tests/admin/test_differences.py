"""After a difference, the page of a draft says what changed in each object."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from moderation.models import Removal
from moderation.removals.freeze import freeze
from posts.models import Post, PostImage
from tests.admin.conftest import drafted, page_of, words
from tests.admin.drafts import keep, press, text_of, value_of
from tests.testapp.models import Volume

MakePosts = Callable[..., list[Post]]
pytestmark = pytest.mark.django_db


def add_picture(post: Post, name: str = "new") -> None:
    files = {"image": f"{name}.jpg", "thumbnail": f"{name}.webp"}
    PostImage.objects.create(post=post, **files, size=1, width=1, height=1)


def replace_pictures(post: Post, number: int = 1) -> None:
    for row in post.post_images.order_by("pk")[:number]:
        PostImage.objects.filter(pk=row.pk).update(image=f"replaced-{row.pk}.jpg")


def remove_pictures(post: Post, number: int = 1) -> None:
    for row in post.post_images.order_by("-pk")[:number]:
        row.delete()


def remove_and_replace(post: Post) -> None:
    remove_pictures(post)
    replace_pictures(post)


def remove_and_add(post: Post) -> None:
    remove_pictures(post)
    add_picture(post)


def change_thumbnails(post: Post) -> None:
    post.post_images.update(thumbnail="other.webp")


def difference(client: Client, removal: Removal) -> str:
    """Confirm a draft; return the text about what changed."""
    removal.refresh_from_db()
    page = client.post(page_of(removal, "confirm"), words(removal), follow=True).text
    assert "difference-heading" in page, text_of(page)[-3000:]
    start = page.index("difference-heading")
    return text_of(page[start : page.index("numbers-heading", start)])


CHANGES: dict[str, tuple[Callable[[Post], None], str]] = {
    "added": (add_picture, "1 picture added"),
    "one fewer": (remove_pictures, "1 picture fewer"),
    "all fewer": (lambda post: remove_pictures(post, 2), "2 pictures fewer"),
    "one replaced": (replace_pictures, "1 picture replaced"),
    "two replaced": (lambda post: replace_pictures(post, 2), "2 pictures replaced"),
    "fewer and replaced": (remove_and_replace, "1 picture fewer, 1 picture replaced"),
    "removed and added": (remove_and_add, "1 picture replaced"),
    "thumbnail": (change_thumbnails, "the same pictures, but stored differently"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_page_says_what_changed_in_each_post(
    name: str, client: Client, moderator: User, make_posts: MakePosts
) -> None:
    change, said = CHANGES[name]
    posts = make_posts(3, images=2)
    removal = drafted(posts, moderator)
    change(posts[1])
    text = difference(client, removal)
    assert f"Cheap pills 1 (opens in a new tab) – {said} " in f"{text} "
    assert "Cheap pills 0" not in text
    assert Post.objects.count() == 3


def test_each_post_has_its_own_change(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    posts = make_posts(3, images=2)
    removal = drafted(posts, moderator)
    remove_pictures(posts[0])
    add_picture(posts[2])
    text = difference(client, removal)
    assert "Cheap pills 0 (opens in a new tab) – 1 picture fewer Cheap pills 2" in text
    assert "Cheap pills 2 (opens in a new tab) – 1 picture added" in text


def test_a_change_before_another_post_was_kept_is_still_reported(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    posts = make_posts(3, images=2)
    removal = drafted(posts, moderator)
    remove_pictures(posts[0])
    keep(client, removal, posts[1])
    assert "Cheap pills 0 (opens in a new tab) – 1 picture fewer" in difference(client, removal)


def test_a_returned_post_is_compared_with_what_it_was_when_it_returned(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    posts = make_posts(3, images=2)
    removal = drafted(posts, moderator)
    remove_pictures(posts[0])
    keep(client, removal, posts[1])
    add_picture(posts[1])
    press(client, removal, "return", object=value_of(removal, posts[1]))
    replace_pictures(posts[1])
    text = difference(client, removal)
    assert "Cheap pills 0 (opens in a new tab) – 1 picture fewer" in text
    assert "Cheap pills 1 (opens in a new tab) – 1 picture replaced" in text


def test_a_second_difference_is_compared_with_the_page_of_the_first(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    posts = make_posts(3, images=2)
    removal = drafted(posts, moderator)
    remove_pictures(posts[0])
    assert "1 picture fewer" in difference(client, removal)
    replace_pictures(posts[0])
    assert "– 1 picture replaced" in difference(client, removal)


def test_after_a_difference_the_new_number_has_to_be_typed(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    posts = make_posts(4)
    removal = drafted(posts, moderator)
    posts[0].delete()
    sent = words(removal, typed_count="4", note="ticket 7")
    with override_settings(MODERATION_TYPED_COUNT_FROM=2):
        page = client.post(page_of(removal, "confirm"), sent, follow=True).text
    assert "Type 3 to confirm." in text_of(page)
    assert 'name="typed_count" value=' not in page
    assert "ticket 7" in page


def test_files_that_are_not_pictures_are_called_files(client: Client, moderator: User) -> None:
    codes = ("delete_volume", "view_volume")
    moderator.user_permissions.add(*Permission.objects.filter(codename__in=codes))
    volume, _other = Volume.objects.bulk_create([Volume(text="a.pdf"), Volume(text="b.pdf")])
    removal = freeze(Volume.objects.all(), actor=moderator, permissions=["library.delete_volume"])
    Volume.objects.filter(pk=volume.pk).update(text="c.pdf")
    assert "– 1 file replaced" in difference(client, removal)


def test_naming_the_changes_takes_the_same_queries_for_any_number(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    counts = set()
    for number in (2, 15):
        posts = make_posts(number, images=2)
        removal = drafted(posts, moderator)
        for post in posts:
            remove_pictures(post)
        sent = words(removal)
        client.get(page_of(removal))
        with CaptureQueriesContext(connection) as captured:
            assert (
                "1 picture fewer"
                in client.post(page_of(removal, "confirm"), sent, follow=True).text
            )
        counts.add(len(captured))
    assert len(counts) == 1
