"""The page with the authors of a removal, on which their accounts are disabled."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from moderation.models import Removal
from posts.admin import PostAdmin
from posts.models import Post
from tests.admin.conftest import LIST, browser_of, drafted
from tests.admin.next_steps import removed, steps

pytestmark = pytest.mark.django_db
MakePosts = Callable[..., list[Post]]


class TestAuthorsPage:
    @pytest.fixture
    def removal(self, moderator: User, make_posts: MakePosts) -> Removal:
        """A removal of posts by a spammer, a member of staff, and the moderator."""
        posts = make_posts(5)
        for post, name in zip(posts, ("mod", "staff"), strict=False):
            author, _ = User.objects.get_or_create(username=name, defaults={"is_staff": True})
            Post.objects.filter(pk=post.pk).update(author=author)
        return removed(posts[:4], moderator)

    def url(self, removal: Removal) -> str:
        return f"{LIST}authors-of-removal/{removal.pk}/"

    def rows(self, client: Client, removal: Removal, **parameters: Any) -> list[list[str]]:
        text = client.get(self.url(removal), parameters).text
        body = text.partition("<tbody>")[2].partition("</tbody>")[0]
        cells = [re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for row in body.split("<tr>")[1:]]
        return [[re.sub(r"<[^>]*>", "", cell).strip() for cell in row] for row in cells]

    def test_lists_the_authors_and_what_happens_to_them(
        self, client: Client, removal: Removal
    ) -> None:
        assert self.rows(client, removal) == [
            ["spammer", "2", "1", "Will be disabled"],
            ["mod", "1", "0", "Skipped: own account"],
            ["staff", "1", "0", "Skipped: staff"],
        ]
        User.objects.filter(username="spammer").update(is_active=False)
        User.objects.filter(username="staff").update(is_superuser=True)
        User.objects.get(username="mod").user_permissions.clear()
        assert [row[3] for row in self.rows(client, removal)] == [
            "Skipped: already inactive",
            "Skipped: own account",
            "Skipped: superuser",
        ]

    def test_names_an_account_that_no_longer_exists(self, client: Client, removal: Removal) -> None:
        User.objects.filter(username="spammer").delete()
        assert self.rows(client, removal)[0] == [
            "–", "2", "0", "Skipped: deleted"]  # fmt: skip

    def test_says_how_many_were_skipped_and_counts_what_can_be_undone(
        self, client: Client, removal: Removal
    ) -> None:
        text = client.post(self.url(removal), {"action": "disable"}, follow=True).text
        skipped = "2 accounts were skipped: own account (1), staff (1)."
        assert f"1 account was disabled. {skipped}" in text
        assert "Enable 1 account again" in text
        User.objects.filter(username="spammer").update(is_active=True)
        assert "Enable 1 account again" not in client.get(self.url(removal)).text
        assert "1 account is disabled" not in steps(client, removal)

    def test_counts_only_the_remaining_posts_that_the_user_may_see(
        self, client: Client, removal: Removal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(PostAdmin, "get_queryset", lambda *_: Post.objects.none())
        assert self.rows(client, removal)[0][:3] == ["spammer", "2", "0"]

    def test_has_pages(
        self, client: Client, removal: Removal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("posts.admin.removed_authors.AUTHORS_PER_PAGE", 2)
        assert len(self.rows(client, removal)) == 2
        assert len(self.rows(client, removal, p="2")) == 1
        assert len(self.rows(client, removal, p="9" * 50)) == 1
        assert len(self.rows(client, removal, p="x")) == 2

    def test_the_name_of_an_author_is_escaped(self, client: Client, removal: Removal) -> None:
        User.objects.filter(username="spammer").update(username="<b>&x")
        text = client.get(self.url(removal)).text
        assert "&lt;b&gt;&amp;x" in text
        assert "?author=%3Cb%3E%26x" in text

    @pytest.mark.parametrize("action", ["", "delete", "DISABLE"])
    def test_an_unknown_action_changes_nothing(
        self, client: Client, removal: Removal, action: str
    ) -> None:
        assert client.post(self.url(removal), {"action": action}).status_code == 400
        assert User.objects.get(username="spammer").is_active

    def test_a_request_without_its_token_is_refused(
        self, moderator: User, removal: Removal
    ) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(moderator)
        assert client.post(self.url(removal), {"action": "disable"}).status_code == 403
        assert User.objects.get(username="spammer").is_active

    def test_needs_the_permission(self, moderator: User, removal: Removal) -> None:
        moderator.groups.clear()
        codes = ["view_post", "delete_post"]
        moderator.user_permissions.set(Permission.objects.filter(codename__in=codes))
        client = browser_of(moderator)
        for response in (
            client.get(self.url(removal)),
            client.post(self.url(removal), {"action": "disable"}),
        ):
            assert response.status_code == 403
        assert User.objects.get(username="spammer").is_active

    def test_is_only_for_confirmed_removals_of_posts(
        self, client: Client, moderator: User, removal: Removal, make_posts: MakePosts
    ) -> None:
        draft = drafted(make_posts(1), moderator)
        Removal.objects.filter(pk=removal.pk).update(model_label="auth.User")
        for each in (draft, removal):
            assert client.get(self.url(each)).status_code == 404
