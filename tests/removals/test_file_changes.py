"""The fingerprints of an object's files tell which files were added, removed or replaced."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from moderation.cascade.preview import fingerprint_of
from moderation.removals.draft import refreeze_changed
from moderation.removals.file_changes import FileChange, file_change
from moderation.removals.limits import MAX_NAMED
from posts.models import Post, PostImage
from tests.helpers import drafted

MakePosts = Callable[..., list[Post]]


def prints(*names: str) -> str:
    return "".join(map(fingerprint_of, names))


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("a", "a", FileChange()),
        ("ab", "ba", FileChange()),
        ("", "a", FileChange(added=1)),
        ("ab", "", FileChange(removed=2)),
        ("ab", "ac", FileChange(replaced=1)),
        ("abc", "xb", FileChange(removed=1, replaced=1)),
        ("a", "xyz", FileChange(added=2, replaced=1)),
        ("aa", "a", FileChange(removed=1)),
        ("a", "aa", FileChange(added=1)),
    ],
)
def test_changes_are_counted_in_any_order_and_with_repetitions(
    before: str, after: str, change: FileChange
) -> None:
    assert file_change(prints(*before), prints(*after)) == change


@pytest.mark.django_db(transaction=True)
def test_a_comparison_describes_only_as_many_objects_as_are_named(
    make_posts: MakePosts, moderator: User
) -> None:
    removal = drafted(make_posts(MAX_NAMED + 5, images=1), moderator)
    PostImage.objects.update(image="other.jpg")
    difference = refreeze_changed(removal)
    assert len(difference.changed) == MAX_NAMED + 5
    assert difference.file_changes == dict.fromkeys(
        difference.changed[:MAX_NAMED], FileChange(replaced=1)
    )


@pytest.mark.django_db(transaction=True)
def test_a_batch_stores_fingerprints_only_of_objects_with_pictures(
    make_posts: MakePosts, moderator: User
) -> None:
    posts = make_posts(2)
    PostImage.objects.filter(post=posts[1]).delete()
    batch = drafted(posts, moderator).batches.get()
    names = posts[0].post_images.order_by("pk").values_list("image", flat=True)
    assert batch.fingerprints == {str(posts[0].pk): prints(*names)}
