"""The authors of removed posts are recorded, can be disabled, and enabled again."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from moderation.models import AuditEvent, Removal
from moderation.removals.delete import delete_next_batch
from moderation.signals import objects_removed
from posts import removed_authors
from posts.author_models import DisabledAuthor, RemovedAuthor
from posts.models import Post
from posts.removed_authors import (
    accounts_to_disable,
    accounts_to_enable,
    authors_of,
    disable,
    enable,
)
from tests.helpers import confirmed, drafted

pytestmark = pytest.mark.django_db(transaction=True)


def posts_by(*names: str) -> list[Post]:
    """Make a post without a picture for each name."""
    posts = []
    for name in names:
        author, _ = User.objects.get_or_create(username=name)
        posts.append(Post.objects.create(author=author, title=f"Spam by {name}"))
    return posts


def removed(moderator: User, posts: list[Any]) -> Removal:
    removal = confirmed(drafted(posts, moderator), moderator)
    while delete_next_batch(removal.pk):
        pass
    return removal


def recorded(removal: Removal) -> dict[str, int]:
    names = dict(User.objects.values_list("pk", "username"))
    return {names[row["author"]]: row["removed"] for row in authors_of(removal)}


def active() -> set[str]:
    return set(User.objects.filter(is_active=True).values_list("username", flat=True))


class TestRecord:
    def test_each_batch_adds_the_authors_of_its_posts(self, moderator: User, settings: Any) -> None:
        settings.MODERATION_BATCH_OBJECTS = 2
        removal = removed(moderator, posts_by("a", "b", "a", "a", "c"))
        assert recorded(removal) == {"a": 3, "b": 1, "c": 1}
        assert next(iter(recorded(removal))) == "a"  # the one with the most posts

    def test_posts_that_stay_do_not_count(self, moderator: User) -> None:
        posts = posts_by("a", "b")
        removal = confirmed(drafted(posts[:1], moderator), moderator)
        assert recorded(removal) == {"a": 1}

    def test_nothing_is_recorded_if_the_batch_is_rolled_back(self, moderator: User) -> None:
        def fail(**_: Any) -> None:
            raise ValueError

        objects_removed.connect(fail, sender=Post)
        try:
            removal = confirmed(drafted(posts_by("a"), moderator), moderator)
            delete_next_batch(removal.pk)
        finally:
            objects_removed.disconnect(fail, sender=Post)
        assert Post.objects.count() == 1
        assert not RemovedAuthor.objects.exists()

    def test_removed_users_are_not_recorded(self, moderator: User) -> None:
        author = posts_by("a")[0].author
        permissions = ["auth.delete_user"]
        User.objects.filter(pk=moderator.pk).update(is_superuser=True)
        moderator.refresh_from_db()
        removal = confirmed(drafted([author], moderator, permissions), moderator)
        delete_next_batch(removal.pk)
        assert not User.objects.filter(username="a").exists()
        assert not RemovedAuthor.objects.exists()

    def test_a_user_can_be_removed_after_the_posts(self, moderator: User) -> None:
        posts = posts_by("a", "b")
        removal = removed(moderator, posts)
        disable(removal, actor=moderator)
        User.objects.get(username="a").delete()
        assert enable(removal, actor=moderator) == 1
        assert not DisabledAuthor.objects.exists()

    def test_a_batch_inserts_all_its_authors_at_once(self, moderator: User) -> None:
        draft = drafted(posts_by(*(f"author {n}" for n in range(40))), moderator)
        with CaptureQueriesContext(connection) as captured:
            confirmed(draft, moderator)
        inserts = [query["sql"] for query in captured if "posts_removedauthor" in query["sql"]]
        assert len(inserts) <= 2  # SQLite inserts 20 rows with a statement


class TestDisable:
    def test_accounts_of_the_authors_are_disabled_and_named_in_an_event(
        self, moderator: User
    ) -> None:
        removal = removed(moderator, posts_by("a", "b", "a"))
        posts_by("c")
        assert disable(removal, actor=moderator) == (2, {})
        assert active() == {"mod", "c"}
        event = AuditEvent.objects.get(type="disable")
        keys = User.objects.filter(username__in="ab").order_by("pk").values_list("pk", flat=True)
        assert event.details == {
            "accounts": 2, "names": ["a", "b"], "keys": [*map(str, keys)], "skipped": {},
        }  # fmt: skip
        assert (event.actor, event.removal) == (moderator, removal)

    def test_staff_superusers_oneself_and_inactive_accounts_are_skipped(
        self, moderator: User
    ) -> None:
        posts = posts_by("a", "staff", "other staff", "root", "gone", "mod", "deleted")
        User.objects.filter(username__endswith="staff").update(is_staff=True)
        User.objects.filter(username="root").update(is_superuser=True)
        User.objects.filter(username="gone").update(is_active=False)
        removal = removed(moderator, posts)
        User.objects.filter(username="deleted").delete()
        spared = {"mod", "staff", "other staff", "root"}
        assert [user.username for user in accounts_to_disable(removal, moderator)] == ["a"]
        skipped = {"staff": 2, "superuser": 1, "inactive": 1, "own account": 1, "deleted": 1}
        assert disable(removal, actor=moderator) == (1, skipped)
        assert AuditEvent.objects.get(type="disable").details["skipped"] == skipped
        assert active() == spared
        assert enable(removal, actor=moderator) == 1
        assert active() == {*spared, "a"}

    def test_a_second_time_changes_and_records_nothing(self, moderator: User) -> None:
        removal = removed(moderator, posts_by("a"))
        first, second = (disable(removal, actor=moderator) for _ in range(2))
        assert (first, second) == ((1, {}), (0, {"inactive": 1}))
        assert [enable(removal, actor=moderator) for _ in range(2)] == [1, 0]
        types = AuditEvent.objects.order_by("pk").values_list("type", flat=True)
        assert list(types) == ["confirm", "disable", "enable"]

    def test_each_transaction_changes_a_few_accounts_and_records_them(
        self, moderator: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(removed_authors, "ACCOUNTS_PER_TRANSACTION", 2)
        removal = removed(moderator, posts_by(*"abcde"))
        assert disable(removal, actor=moderator).accounts == 5
        events = AuditEvent.objects.filter(type="disable").order_by("pk")
        assert [event.details["names"] for event in events] == [["a", "b"], ["c", "d"], ["e"]]
        assert enable(removal, actor=moderator) == 5
        assert AuditEvent.objects.filter(type="enable").count() == 3
        assert active() == {"mod", *"abcde"}

    def test_a_later_failure_leaves_what_was_done_and_recorded(
        self, moderator: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(removed_authors, "ACCOUNTS_PER_TRANSACTION", 1)
        removal = removed(moderator, posts_by("a", "b"))
        record, calls = AuditEvent.record, []

        def fail_second(*args: Any, **kwargs: Any) -> None:
            calls.append(args)
            if len(calls) == 2:
                raise RuntimeError
            record(*args, **kwargs)

        monkeypatch.setattr(AuditEvent, "record", fail_second)
        with pytest.raises(RuntimeError):
            disable(removal, actor=moderator)
        assert active() == {"mod", "b"}
        assert DisabledAuthor.objects.count() == 1
        assert AuditEvent.objects.filter(type="disable").count() == 1

    def test_a_disabled_author_is_logged_out_at_the_next_request(self, moderator: User) -> None:
        removal = removed(moderator, posts_by("a"))
        author, browser = User.objects.get(username="a"), Client()
        browser.force_login(author)
        disable(removal, actor=moderator)
        response = browser.get("/admin/")
        assert response.status_code == 302
        assert not response.wsgi_request.user.is_authenticated


class TestEnable:
    def test_an_account_that_somebody_enabled_since_stays_as_it_is(self, moderator: User) -> None:
        removal = removed(moderator, posts_by("a", "b"))
        disable(removal, actor=moderator)
        account = User.objects.get(username="a")
        for is_active in (True, False):  # an administrator enabled and disabled it again
            account.is_active = is_active
            account.save()
        assert enable(removal, actor=moderator) == 1
        assert active() == {"mod", "b"}

    def test_saving_an_account_that_stays_disabled_changes_nothing(self, moderator: User) -> None:
        before = posts_by("a")[0].author
        removal = removed(moderator, [*Post.objects.all()])
        disable(removal, actor=moderator)
        account = User.objects.get(username="a")
        account.email = "corrected@example.com"
        account.save()
        assert before.is_active
        before.save(update_fields=["last_login"])  # does not write what it says about `is_active`
        assert enable(removal, actor=moderator) == 1

    def test_only_accounts_that_would_be_enabled_are_counted(self, moderator: User) -> None:
        removal = removed(moderator, posts_by(*"abc"))
        disable(removal, actor=moderator)
        User.objects.filter(username="a").delete()
        User.objects.filter(username="b").update(is_active=True)
        assert accounts_to_enable(removal).count() == 1
        assert enable(removal, actor=moderator) == 1
        assert accounts_to_enable(removal).count() == 0
        assert not DisabledAuthor.objects.exists()

    def test_an_account_that_was_enabled_elsewhere_is_not_counted(self, moderator: User) -> None:
        removal = removed(moderator, posts_by("a"))
        disable(removal, actor=moderator)
        User.objects.filter(username="a").update(is_active=True)
        assert enable(removal, actor=moderator) == 0
        assert not AuditEvent.objects.filter(type="enable").exists()

    def test_only_the_last_removal_that_disabled_an_account_enables_it(
        self, moderator: User
    ) -> None:
        first = removed(moderator, posts_by("a"))
        disable(first, actor=moderator)
        User.objects.filter(username="a").update(is_active=True)
        second = removed(moderator, posts_by("a"))
        disable(second, actor=moderator)
        assert enable(first, actor=moderator) == 0
        assert "a" not in active()
        assert enable(second, actor=moderator) == 1
