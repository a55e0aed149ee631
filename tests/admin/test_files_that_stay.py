"""Before it is confirmed, a draft names the rows outside it whose files stay."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import Client

from moderation.admin.removals import files_that_stay as page_module
from moderation.models import AuditEntry, Removal
from moderation.purge.run import purge_due_files
from moderation.removals import files_that_stay
from posts.admin.post import PostAdmin
from posts.models import Post, PostImage
from tests.admin.conftest import drafted
from tests.admin.drafts import html, keep, number_of_queries, text_of
from tests.helpers import confirmed

MakePosts = Callable[..., list[Post]]
MakePairs = Callable[[int], tuple[list[Post], list[Post]]]
pytestmark = pytest.mark.django_db


def share(source: Post, *users: Post) -> None:
    """Let the pictures of other posts use the file and the thumbnail of the first post's."""
    names = source.post_images.values("image", "thumbnail").get()
    PostImage.objects.filter(post__in=users).update(**names)


@pytest.fixture
def make_pairs(make_posts: MakePosts) -> MakePairs:
    """Make posts to select, and as many others that share their pictures."""

    def make(number: int) -> tuple[list[Post], list[Post]]:
        selected, others = make_posts(number, images=1), make_posts(number, images=1)
        for n, (post, other) in enumerate(zip(selected, others, strict=True)):
            other.title = f"Good advice {n}"
            other.save()
            share(post, other)
        return selected, others

    return make


def shown(client: Client, removal: Removal) -> str:
    removal.refresh_from_db()
    return text_of(html(client, removal))


def test_a_file_that_a_post_outside_the_draft_uses_is_counted_and_the_post_is_linked(
    client: Client, moderator: User, make_pairs: MakePairs
) -> None:
    selected, (other, *_others) = make_pairs(1)
    page = html(client, drafted(selected, moderator))
    assert f"2 files stay, because other rows use them: post {other.title}" in text_of(page)
    assert f'<a href="/admin/posts/post/{other.pk}/change/" target="_blank"' in page


@pytest.mark.django_db(transaction=True)
def test_what_the_page_says_is_what_the_purge_does(
    client: Client, moderator: User, make_pairs: MakePairs
) -> None:
    selected, _others = make_pairs(1)
    removal = drafted(selected, moderator)
    assert "2 files stay" in shown(client, removal)
    confirmed(removal, moderator)
    while purge_due_files():
        pass
    assert AuditEntry.objects.filter(removal=removal, state="in_use").count() == 2


def test_a_file_that_only_selected_posts_share_does_not_stay(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    selected = make_posts(3, images=1)
    share(selected[0], selected[1])
    removal = drafted(selected, moderator)
    assert "stay, because" not in shown(client, removal)
    keep(client, removal, selected[1])
    assert f"2 files stay, because other rows use them: post {selected[1].title}" in shown(
        client, removal
    )


def test_one_file_that_stays_is_in_the_singular(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    selected, other = make_posts(2, images=1), make_posts(1, images=1)[0]
    PostImage.objects.filter(post=other).update(image=selected[0].post_images.get().image)
    text = shown(client, drafted(selected, moderator))
    assert f"1 file stays, because another row uses it: post {other.title}" in text


def test_many_rows_are_named_up_to_a_limit(
    client: Client, moderator: User, make_pairs: MakePairs
) -> None:
    selected, others = make_pairs(25)
    text = shown(client, drafted(selected, moderator))
    assert "50 files stay, because other rows use them:" in text
    assert sum(f"post {other.title} (opens" in text for other in others) == 20
    assert "and 5 other rows" in text


@pytest.fixture
def as_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat each draft as one that is too large to search for all its files."""
    monkeypatch.setattr(page_module, "can_search_all", lambda _removal: False)


@pytest.mark.usefixtures("as_large")
@pytest.mark.parametrize("query", ["?show=objects", "?show=pictures", "?show=groups"])
def test_a_large_draft_is_searched_for_the_files_of_the_posts_that_the_page_lists(
    query: str, client: Client, moderator: User, make_pairs: MakePairs
) -> None:
    selected, (other, *_others) = make_pairs(1)
    text = text_of(html(client, drafted(selected, moderator), query))
    assert "only the files of the posts on this page are checked." in text
    said = f"2 files of these posts stay, because other rows use them: post {other.title}"
    assert said in text


@pytest.mark.usefixtures("as_large")
def test_in_a_large_draft_files_that_posts_of_other_pages_share_do_not_stay(
    client: Client, moderator: User, make_posts: MakePosts
) -> None:
    selected = make_posts(101, images=1)  # one more than a page of the list
    share(selected[0], selected[100])
    removal = drafted(selected, moderator)
    assert "stay, because" not in text_of(html(client, removal, "?show=objects"))
    keep(client, removal, selected[100])
    page = text_of(html(client, removal, "?show=objects"))
    assert "2 files of these posts stay, because other rows use them" in page
    assert "Such files are not counted here." in text_of(html(client, removal, "?show=kept"))


@pytest.mark.usefixtures("as_large")
def test_a_large_draft_that_sql_cannot_search_says_so(
    client: Client, moderator: User, make_pairs: MakePairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_that_stay, "branches_of", lambda _model: None)
    text = shown(client, drafted(make_pairs(1)[0], moderator))
    assert "Files stay in storage if other rows use them too." in text
    assert "Such files are not counted here." in text


def test_the_search_takes_the_same_queries_for_any_number_of_files(
    client: Client, moderator: User, make_pairs: MakePairs
) -> None:
    counts = set()
    for number in (3, 30):
        selected, _others = make_pairs(number)
        removal = drafted(selected, moderator)
        counts.add(number_of_queries(client, removal))
    assert len(counts) == 1


def test_posts_that_the_moderator_may_not_see_are_not_named(
    client: Client, moderator: User, make_pairs: MakePairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    selected, (other, *_others) = make_pairs(1)
    removal = drafted(selected, moderator)

    def get_queryset(_admin: PostAdmin, _request: HttpRequest) -> object:
        return Post.objects.exclude(pk=other.pk)

    monkeypatch.setattr(PostAdmin, "get_queryset", get_queryset)
    text = shown(client, removal)
    assert f"2 files stay, because other rows use them: post {other.pk}" in text
    assert other.title not in text
