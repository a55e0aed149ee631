"""Who may what: every page and method of posts and moderation, for every role, as one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import get_resolver, reverse

from moderation.admin.action import RemoveSelectedMixin
from moderation.lifecycle.refused_pictures import refuse
from moderation.models import AuditEntry, AuditEvent, RefusedPicture, Removal
from moderation.removals.draft import confirm
from moderation.removals.keep import exclude
from posts.models import Post, PostImage
from tests.admin.conftest import browser_of, drafted, make_user
from tests.posts.drawn import drawing

ROLES = ("anonymous", "staff", "moderator", "other", "auditor", "superuser")

# method, page, then what each role is answered, in the order of ROLES. "moderator" made the
# removals, "other" is a moderator too; "staff" has no permission. 302 for an anonymous visitor is
# the way to the log-in page, and after a POST the way on.
TABLE = """
GET  index                                302 200 200 200 200 200
POST index                                302 200 200 200 200 200
GET  posts_post_changelist                302 403 200 200 403 200
POST posts_post_changelist                302 403 302 302 403 302
GET  posts_post_add                       302 403 403 403 403 200
POST posts_post_add                       302 403 403 403 403 200
GET  posts_post_change                    302 403 200 200 403 200
POST posts_post_change                    302 403 403 403 403 200
GET  posts_post_history                   302 403 200 200 403 200
POST posts_post_history                   302 403 200 200 403 200
GET  posts_post_delete                    302 403 200 200 403 200
POST posts_post_delete                    302 403 302 302 403 302
GET  posts_post_find                      302 403 200 200 403 200
POST posts_post_find                      302 403 200 200 403 200
GET  posts_post_remove                    302 403 302 302 403 302
POST posts_post_remove                    302 403 302 302 403 302
POST posts_post_changelist:dismiss        302 403 302 302 403 302
GET  posts_post_dismiss_reports           302 403 302 302 403 302
POST posts_post_dismiss_reports           302 403 302 302 403 302
GET  posts_post_undo_dismissal            302 403 302 302 403 302
POST posts_post_undo_dismissal            302 403 302 302 403 302
GET  posts_post_removed_authors           302 404 200 404 403 200
POST posts_post_removed_authors           302 404 302 404 403 302
GET  auth_user_changelist                 302 403 403 403 403 200
POST auth_user_changelist                 302 403 403 403 403 302
GET  auth_user_delete                     302 403 403 403 403 200
POST auth_user_delete                     302 403 403 403 403 302
GET  moderation_picture                   302 404 200 200 404 200
POST moderation_picture                   302 405 405 405 405 405
GET  moderation_removal_changelist        302 403 200 200 200 200
POST moderation_removal_changelist        302 403 200 200 200 200
GET  moderation_removal_change:draft      302 404 200 404 404 404
POST moderation_removal_change:draft      302 405 405 405 405 405
GET  moderation_removal_progress:draft    302 404 404 404 404 404
GET  moderation_removal_confirm:draft     302 404 302 404 404 404
POST moderation_removal_confirm:draft     302 404 302 404 404 404
GET  moderation_removal_save:draft        302 404 302 404 404 404
POST moderation_removal_save:draft        302 404 302 404 404 404
GET  moderation_removal_exclude:draft    302 404 302 404 404 404
POST moderation_removal_exclude:draft    302 404 302 404 404 404
GET  moderation_removal_return:draft      302 404 302 404 404 404
POST moderation_removal_return:draft      302 404 302 404 404 404
GET  moderation_removal_add:draft         302 404 302 404 404 404
POST moderation_removal_add:draft         302 404 302 404 404 404
GET  moderation_removal_review:draft      302 404 302 404 404 404
POST moderation_removal_review:draft      302 404 302 404 404 404
GET  moderation_removal_refuse:draft      302 404 302 404 404 404
POST moderation_removal_refuse:draft      302 404 302 404 404 404
GET  moderation_removal_cancel:draft      302 404 302 404 404 404
POST moderation_removal_cancel:draft      302 404 302 404 404 404
GET  moderation_removal_preferences:draft 302 404 302 404 404 404
POST moderation_removal_preferences:draft 302 404 302 404 404 404
POST moderation_removal_stop:draft        302 404 302 404 404 404
GET  moderation_removal_change            302 404 200 404 200 200
GET  moderation_removal_progress          302 404 200 404 200 200
POST moderation_removal_progress          302 405 405 405 405 405
POST moderation_removal_confirm           302 404 302 404 404 404
POST moderation_removal_save              302 404 302 404 404 404
POST moderation_removal_exclude          302 404 302 404 404 404
POST moderation_removal_return            302 404 302 404 404 404
POST moderation_removal_add               302 404 302 404 404 404
POST moderation_removal_review            302 404 302 404 404 404
POST moderation_removal_refuse            302 404 302 404 404 404
POST moderation_removal_cancel            302 404 302 404 404 404
POST moderation_removal_preferences       302 404 302 404 404 404
GET  moderation_removal_stop              302 404 302 404 302 302
POST moderation_removal_stop              302 404 302 404 403 302
GET  moderation_removal_resume             302 404 302 404 302 302
POST moderation_removal_resume             302 404 302 404 403 302
GET  moderation_removal_retry             302 404 302 404 302 302
POST moderation_removal_retry             302 404 302 404 403 302
GET  moderation_refusedpicture_changelist 302 403 200 200 200 200
POST moderation_refusedpicture_changelist 302 403 200 200 200 200
GET  moderation_refusedpicture_refuse     302 403 200 200 403 200
POST moderation_refusedpicture_refuse     302 403 200 200 403 200
GET  moderation_refusedpicture_lift       302 403 302 302 403 302
POST moderation_refusedpicture_lift       302 403 302 302 403 302
GET  moderation_refusedpicture_again      302 403 302 302 403 302
POST moderation_refusedpicture_again      302 403 302 302 403 302
GET  moderation_auditentry_changelist     302 403 200 200 200 200
POST moderation_auditentry_changelist     302 403 200 200 200 200
GET  moderation_auditentry_add            302 403 403 403 403 403
POST moderation_auditentry_add            302 403 403 403 403 403
GET  moderation_auditentry_change         302 403 200 302 200 200
POST moderation_auditentry_change         302 403 403 403 403 403
GET  moderation_auditentry_delete         302 403 403 403 403 403
POST moderation_auditentry_delete         302 403 403 403 403 403
GET  moderation_auditentry_export         302 403 403 403 200 200
POST moderation_auditentry_export         302 403 403 403 200 200
GET  moderation_auditentry_history        302 302 200 302 200 200
POST moderation_auditentry_history        302 302 200 302 200 200
GET  moderation_auditentry_suggest        302 403 200 200 200 200
POST moderation_auditentry_suggest        302 403 200 200 200 200
GET  moderation_auditevent_changelist     302 403 403 403 200 200
POST moderation_auditevent_changelist     302 403 403 403 200 200
GET  moderation_auditevent_add            302 403 403 403 403 403
POST moderation_auditevent_add            302 403 403 403 403 403
GET  moderation_auditevent_change         302 403 403 403 200 200
POST moderation_auditevent_change         302 403 403 403 403 403
GET  moderation_auditevent_history        302 403 403 403 200 200
POST moderation_auditevent_history        302 403 403 403 200 200
GET  moderation_auditevent_delete         302 403 403 403 403 403
POST moderation_auditevent_delete         302 403 403 403 403 403
"""
ROWS = [line.split() for line in TABLE.split("\n") if line]
CASES = [(method, page, [int(one) for one in each]) for method, page, *each in ROWS]


@dataclass
class World:
    """What the pages are about."""

    post: Post
    draft: Removal
    running: Removal
    moderator: User

    def arguments(self, page: str) -> list[object]:
        """What a page's address names."""
        words = page.partition(":")[0].split("_")
        of_removal = words[1:2] == ["removal"] and words[2] != "changelist"
        if of_removal or page == "posts_post_removed_authors":
            return [self.draft.pk if page.endswith(":draft") else self.running.pk]
        if page.startswith(("posts_post_dismiss", "posts_post_undo")):
            return [self.post.pk if page.endswith("reports") else UUID(int=self.post.pk)]
        if page in ("moderation_picture", "moderation_refusedpicture_refuse"):
            field = ["image"] if page == "moderation_picture" else []
            return ["posts.postimage", PostImage.objects.latest("pk").pk, *field]
        if words[-1] == "suggest":
            return ["removal"]
        if words[-1] not in ("change", "delete", "history", "remove", "lift", "again"):
            return []
        keys: dict[str, Callable[[], object]] = {
            "post": lambda: self.post.pk,
            "user": lambda: self.post.author_id,
            "refusedpicture": lambda: RefusedPicture.objects.latest("pk").pk,
            "auditentry": lambda: AuditEntry.objects.latest("pk").pk,
            "auditevent": lambda: AuditEvent.objects.latest("pk").pk,
        }
        return [keys[words[1]]()]


@pytest.fixture
def world(moderator: User, make_posts: Callable[..., list[Post]]) -> World:
    """A post, a draft with a kept post, a removal with one deleted batch, a refused picture.

    The newest picture has a file.
    """
    running = drafted(make_posts(1), moderator)
    assert not confirm(running, actor=moderator, seal=running.seal, reason="spam")
    posts = make_posts(4)
    draft = drafted(posts[:3], moderator)
    kept = [(draft.batches.get().number, [str(posts[1].pk)])]
    exclude(draft, seal=draft.seal, keys_by_batch=kept)
    picture = PostImage.objects.latest("pk")
    default_storage.save(str(picture.image), ContentFile(drawing()))
    refuse({picture.sha256: ""}, actor=moderator, note="a wave of spam", last_day=None)
    return World(posts[3], draft, running, moderator)


def browser(role: str, world: World) -> Client:
    """Return a client in which a user with a role is logged in."""
    match role:
        case "anonymous":
            return Client()
        case "moderator":
            return browser_of(world.moderator)
        case "superuser":
            return browser_of(User.objects.create_superuser("root"))
        case _:
            groups = {"staff": (), "other": ("Moderators",), "auditor": ("Auditors",)}[role]
            return browser_of(make_user(role, *groups))


def sent_to(page: str, world: World) -> dict[str, str]:
    """Return what a browser sends to a page."""
    selected = {
        "posts_post_changelist": world.post.pk,
        "auth_user_changelist": world.post.author_id,
    }
    if page == "posts_post_changelist:dismiss":
        action = "dismiss_reports_of_selected"
        return {"action": action, "_selected_action": str(world.post.pk)}
    if page in selected:
        return {"action": "remove_selected", "_selected_action": str(selected[page])}
    if page == "posts_post_remove":
        return {"posts": "author"}
    if page == "posts_post_removed_authors":
        return {"action": "disable"}
    return {"seal": world.draft.seal, "reason": "spam", "object": "1024:0"}


@pytest.mark.parametrize(("method", "page", "expected"), CASES)
def test_each_role_gets_the_status_in_the_table(
    world: World, method: str, page: str, expected: list[int]
) -> None:
    address = reverse(f"admin:{page.partition(':')[0]}", args=world.arguments(page))
    sent = sent_to(page, world)
    answered = {}
    for role in ROLES:
        client = browser(role, world)
        response = client.post(address, sent) if method == "POST" else client.get(address)
        answered[role] = response.status_code
        if role == "anonymous":
            assert response["Location"].startswith("/admin/login/")
    assert answered == dict(zip(ROLES, expected, strict=True))


def test_every_page_of_posts_and_moderation_is_in_the_table_with_get_and_post() -> None:
    listed = {(method, page.partition(":")[0]) for method, page, *_ in ROWS}
    expected = {(method, page) for page in pages_to_list() for method in ("GET", "POST")}
    assert expected <= listed, "add a row for the page and the method, here and to MORE"


def pages_to_list() -> set[str]:
    """Return the names of our own pages, and of the pages of others that offer the action."""
    names = {name for name in admin_urls() if name.startswith(("posts_", "moderation_"))}
    for model, model_admin in site._registry.items():
        if isinstance(model_admin, RemoveSelectedMixin):
            prefix = f"{model._meta.app_label}_{model._meta.model_name}"
            names |= {f"{prefix}_changelist", f"{prefix}_delete"}
    return names


def admin_urls() -> set[str]:
    reverse_dict = get_resolver().namespace_dict["admin"][1].reverse_dict
    return {name for name in reverse_dict if isinstance(name, str)}
