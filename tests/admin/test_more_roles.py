"""More roles, the pages on a custom site, and methods that pages do not support."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.models import AuditEntry, AuditEvent, RefusedPicture, Removal
from posts.admin import PostAdmin
from posts.author_models import DisabledAuthor, RemovedAuthor
from posts.models import Post
from tests.admin import test_roles
from tests.admin.conftest import browser_of, make_user
from tests.admin.desk import a_site, serving
from tests.admin.test_roles import CASES, ROLES, World, browser, sent_to

world = test_roles.world

# "outsider" is not staff, "inactive" was a moderator, "viewer" may view posts, "deleter" may also
# delete them but nothing below them, "exceeding" is a moderator who may exceed the ceilings,
# "manager" may only manage removals. "granted" may view posts, and the posts' admin lets them
# delete every post; "refused" is a moderator, and the posts' admin refuses every post.
MORE_ROLES = (
    "outsider", "inactive", "viewer", "deleter", "exceeding", "manager", "granted", "refused",
)  # fmt: skip

MORE = """
GET  index                                302 302 200 200 200 200 200 200
POST index                                302 302 200 200 200 200 200 200
GET  posts_post_changelist                302 302 200 200 200 403 200 200
POST posts_post_changelist                302 302 200 302 302 403 302 302
GET  posts_post_add                       302 302 403 403 403 403 403 403
POST posts_post_add                       302 302 403 403 403 403 403 403
GET  posts_post_change                    302 302 200 200 200 403 200 200
POST posts_post_change                    302 302 403 403 403 403 403 403
GET  posts_post_history                   302 302 200 200 200 403 200 200
POST posts_post_history                   302 302 200 200 200 403 200 200
GET  posts_post_delete                    302 302 403 200 200 403 200 403
POST posts_post_delete                    302 302 403 302 302 403 302 403
GET  posts_post_find                      302 302 200 200 200 403 200 200
POST posts_post_find                      302 302 200 200 200 403 200 200
GET  posts_post_remove                    302 302 403 302 302 403 302 403
POST posts_post_remove                    302 302 403 302 302 403 302 403
POST posts_post_changelist:dismiss        302 302 200 302 302 403 302 302
GET  posts_post_dismiss_reports           302 302 403 403 302 403 403 302
POST posts_post_dismiss_reports           302 302 403 403 302 403 403 302
GET  posts_post_undo_dismissal            302 302 403 403 302 403 403 302
POST posts_post_undo_dismissal            302 302 403 403 302 403 403 302
GET  posts_post_removed_authors           302 302 404 404 404 403 404 404
POST posts_post_removed_authors           302 302 404 404 404 403 404 404
GET  auth_user_changelist                 302 302 403 403 403 403 403 403
POST auth_user_changelist                 302 302 403 403 403 403 403 403
GET  auth_user_delete                     302 302 403 403 403 403 403 403
POST auth_user_delete                     302 302 403 403 403 403 403 403
GET  moderation_picture                   302 302 200 200 200 404 200 200
POST moderation_picture                   302 302 405 405 405 405 405 405
GET  moderation_removal_changelist        302 302 403 403 200 200 403 200
POST moderation_removal_changelist        302 302 403 403 200 200 403 200
GET  moderation_removal_change:draft      302 302 404 404 404 404 404 404
POST moderation_removal_change:draft      302 302 405 405 405 405 405 405
GET  moderation_removal_progress:draft    302 302 404 404 404 404 404 404
GET  moderation_removal_confirm:draft     302 302 404 404 404 404 404 404
POST moderation_removal_confirm:draft     302 302 404 404 404 404 404 404
GET  moderation_removal_save:draft       302 302 404 404 404 404 404 404
POST moderation_removal_save:draft       302 302 404 404 404 404 404 404
GET  moderation_removal_exclude:draft    302 302 404 404 404 404 404 404
POST moderation_removal_exclude:draft    302 302 404 404 404 404 404 404
GET  moderation_removal_return:draft      302 302 404 404 404 404 404 404
POST moderation_removal_return:draft      302 302 404 404 404 404 404 404
GET  moderation_removal_add:draft         302 302 404 404 404 404 404 404
POST moderation_removal_add:draft         302 302 404 404 404 404 404 404
GET  moderation_removal_review:draft      302 302 404 404 404 404 404 404
POST moderation_removal_review:draft      302 302 404 404 404 404 404 404
GET  moderation_removal_refuse:draft      302 302 404 404 404 404 404 404
POST moderation_removal_refuse:draft      302 302 404 404 404 404 404 404
GET  moderation_removal_cancel:draft      302 302 404 404 404 404 404 404
POST moderation_removal_cancel:draft      302 302 404 404 404 404 404 404
GET  moderation_removal_preferences:draft 302 302 404 404 404 404 404 404
POST moderation_removal_preferences:draft 302 302 404 404 404 404 404 404
POST moderation_removal_stop:draft        302 302 404 404 404 404 404 404
GET  moderation_removal_change            302 302 404 404 404 200 404 404
GET  moderation_removal_progress          302 302 404 404 404 200 404 404
POST moderation_removal_progress          302 302 405 405 405 405 405 405
POST moderation_removal_confirm           302 302 404 404 404 404 404 404
POST moderation_removal_save             302 302 404 404 404 404 404 404
POST moderation_removal_exclude          302 302 404 404 404 404 404 404
POST moderation_removal_return            302 302 404 404 404 404 404 404
POST moderation_removal_add               302 302 404 404 404 404 404 404
POST moderation_removal_review            302 302 404 404 404 404 404 404
POST moderation_removal_refuse            302 302 404 404 404 404 404 404
POST moderation_removal_cancel            302 302 404 404 404 404 404 404
POST moderation_removal_preferences       302 302 404 404 404 404 404 404
GET  moderation_removal_stop              302 302 404 404 404 302 404 404
POST moderation_removal_stop              302 302 404 404 404 302 404 404
GET  moderation_removal_resume             302 302 404 404 404 302 404 404
POST moderation_removal_resume             302 302 404 404 404 302 404 404
GET  moderation_removal_retry             302 302 404 404 404 302 404 404
POST moderation_removal_retry             302 302 404 404 404 302 404 404
GET  moderation_refusedpicture_changelist 302 302 403 403 200 403 403 200
POST moderation_refusedpicture_changelist 302 302 403 403 200 403 403 200
GET  moderation_refusedpicture_refuse     302 302 403 403 200 403 403 200
POST moderation_refusedpicture_refuse     302 302 403 403 200 403 403 200
GET  moderation_refusedpicture_lift       302 302 403 403 302 403 403 302
POST moderation_refusedpicture_lift       302 302 403 403 302 403 403 302
GET  moderation_refusedpicture_again      302 302 403 403 302 403 403 302
POST moderation_refusedpicture_again      302 302 403 403 302 403 403 302
GET  moderation_auditentry_changelist     302 302 403 403 200 403 403 200
POST moderation_auditentry_changelist     302 302 403 403 200 403 403 200
GET  moderation_auditentry_add            302 302 403 403 403 403 403 403
POST moderation_auditentry_add            302 302 403 403 403 403 403 403
GET  moderation_auditentry_change         302 302 403 403 302 403 403 302
POST moderation_auditentry_change         302 302 403 403 403 403 403 403
GET  moderation_auditentry_delete         302 302 403 403 403 403 403 403
POST moderation_auditentry_delete         302 302 403 403 403 403 403 403
GET  moderation_auditentry_export         302 302 403 403 403 403 403 403
POST moderation_auditentry_export         302 302 403 403 403 403 403 403
GET  moderation_auditentry_history        302 302 302 302 302 302 302 302
POST moderation_auditentry_history        302 302 302 302 302 302 302 302
GET  moderation_auditentry_suggest        302 302 403 403 200 403 403 200
POST moderation_auditentry_suggest        302 302 403 403 200 403 403 200
GET  moderation_auditevent_changelist     302 302 403 403 403 403 403 403
POST moderation_auditevent_changelist     302 302 403 403 403 403 403 403
GET  moderation_auditevent_add            302 302 403 403 403 403 403 403
POST moderation_auditevent_add            302 302 403 403 403 403 403 403
GET  moderation_auditevent_change         302 302 403 403 403 403 403 403
POST moderation_auditevent_change         302 302 403 403 403 403 403 403
GET  moderation_auditevent_history        302 302 403 403 403 403 403 403
POST moderation_auditevent_history        302 302 403 403 403 403 403 403
GET  moderation_auditevent_delete         302 302 403 403 403 403 403 403
POST moderation_auditevent_delete         302 302 403 403 403 403 403 403
"""
ROWS = [line.split() for line in MORE.split("\n") if line]
MORE_CASES = [(method, page, [int(one) for one in each]) for method, page, *each in ROWS]


@pytest.fixture
def by_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """The posts' admin decides about each post, for two of the roles."""
    posts_admin = admin.site.get_model_admin(Post)
    stock = posts_admin.has_delete_permission

    def has_delete_permission(request: Any, obj: Any = None) -> bool:
        match request.user.username:
            case "granted":
                return True
            case "refused" if obj is not None:
                return False
            case _:
                return stock(request, obj)

    monkeypatch.setattr(posts_admin, "has_delete_permission", has_delete_permission)


def browser_of_role(role: str, world: World) -> Client:
    """Return a browser in which a user with one of these roles is logged in."""
    codes: dict[str, tuple[str, ...]] = {
        "viewer": ("view_post",),
        "deleter": ("view_post", "delete_post"),
        "exceeding": ("exceed_ceilings",),
        "manager": ("manage_removal",),
        "granted": ("view_post",),
    }
    groups = ["Moderators"] if role in ("inactive", "exceeding", "refused") else []
    client = browser_of(make_user(role, *groups, codes=codes.get(role, ())))
    barred = {"outsider": {"is_staff": False}, "inactive": {"is_active": False}}
    User.objects.filter(username=role).update(**barred.get(role, {}))
    return client


def address_of(page: str, world: World, site: str = "admin") -> str:
    name = f"admin:{page.partition(':')[0]}"
    return reverse(name, args=world.arguments(page), current_app=site)


@pytest.mark.usefixtures("by_object")
@pytest.mark.parametrize(("method", "page", "expected"), MORE_CASES)
def test_each_other_role_gets_the_status_in_the_table(
    world: World,
    method: str,
    page: str,
    expected: list[int],
) -> None:
    answered = {}
    for role in MORE_ROLES:
        client = browser_of_role(role, world)
        address = address_of(page, world)
        sent = sent_to(page, world) if method == "POST" else {}
        answered[role] = getattr(client, method.lower())(address, sent).status_code
    assert answered == dict(zip(MORE_ROLES, expected, strict=True))


def test_both_tables_have_the_same_pages() -> None:
    assert [case[:2] for case in MORE_CASES] == [case[:2] for case in CASES]


@pytest.mark.parametrize(("method", "page", "expected"), CASES)
def test_a_custom_site_responds_the_same(
    world: World,
    method: str,
    page: str,
    expected: list[int],
) -> None:
    site = a_site("desk", Post, User, post=PostAdmin)
    answered = {}
    with serving(site):
        for role in ROLES:
            client = browser(role, world)
            address = address_of(page, world, "desk")
            sent = sent_to(page, world) if method == "POST" else {}
            response = getattr(client, method.lower())(address, sent)
            answered[role] = response.status_code
            assert response.headers.get("Location", "/desk/").startswith("/desk/")
    assert answered == dict(zip(ROLES, expected, strict=True))


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("role", ["anonymous", "staff", "moderator", "other", "superuser"])
def test_no_other_method_changes_or_breaks_anything(
    world: World,
    role: str,
    method: str,
) -> None:
    client = browser(role, world)
    before = state()
    for page in dict.fromkeys(page for _, page, _ in CASES):
        address = address_of(page, world)
        response, read = client.generic(method, address), client.get(address)
        allowed = {405, read.status_code} if method != "HEAD" else {read.status_code}
        assert response.status_code in allowed, (page, response.status_code)
        assert method != "HEAD" or not response.content
    assert state() == before


def state() -> list[Any]:
    """Return everything that a page could change."""
    models = (Post, Removal, AuditEntry, AuditEvent, RefusedPicture, RemovedAuthor, DisabledAuthor)
    return [list(model.objects.order_by("pk").values()) for model in models]
