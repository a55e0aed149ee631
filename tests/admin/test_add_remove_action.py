"""`add_remove_action` adds the action to the ModelAdmin of another app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.test import Client

from moderation.admin import add_remove_action, checks, sites
from moderation.admin.action import RemoveSelectedMixin
from moderation.models import AuditEntry, AuditEvent, Removal
from posts.models import Post
from tests.admin.conftest import browser_of, words
from tests.admin.desk import Removing, a_site, serving

MakePosts = Callable[..., list[Post]]


@pytest.fixture
def desk() -> AdminSite:
    """Return a custom site without the pages for removals, which shows users as Django does."""
    return a_site("desk", User, pages=False, user=UserAdmin)


@pytest.fixture
def root(db: None) -> Client:
    return browser_of(User.objects.create_superuser("root"))


@pytest.fixture
def default_site() -> Any:
    """Return the default site; what it shows is restored afterwards."""
    registry = dict(admin.site._registry)
    yield admin.site
    admin.site._registry.clear()
    admin.site._registry.update(registry)


def test_objects_of_another_app_are_removed_on_a_custom_site(
    root: Client, make_posts: MakePosts, desk: AdminSite
) -> None:
    author = make_posts(2)[0].author
    add_remove_action(desk, User)
    with serving(desk):
        content = root.get("/desk/auth/user/").content.decode()
        assert 'value="remove_selected"' in content
        assert "delete_selected" not in content
        root.post(
            "/desk/auth/user/", {"action": "remove_selected", "_selected_action": [author.pk]}
        )
        removal = Removal.objects.get()
        page = f"/desk/moderation/removal/{removal.pk}/"
        assert root.get(f"{page}change/").status_code == 200
        assert root.post(f"{page}confirm/", words(removal))["Location"] == f"{page}change/"
    assert not User.objects.filter(pk=author.pk).exists()
    assert not Post.objects.exists()


def test_the_other_app_s_admin_keeps_all_else(desk: AdminSite) -> None:
    add_remove_action(desk, User)
    users = desk.get_model_admin(User)
    assert isinstance(users, UserAdmin)
    assert type(users).__name__ == "UserAdmin"
    assert users.list_display == UserAdmin(User, desk).list_display
    assert users.admin_site is desk


def test_the_site_gets_the_pages_for_removals(desk: AdminSite) -> None:
    add_remove_action(desk, User)
    assert all(desk.is_registered(model) for model in (Removal, AuditEntry, AuditEvent))


def test_a_second_call_changes_nothing(desk: AdminSite) -> None:
    add_remove_action(desk, User)
    before = dict(desk._registry)
    add_remove_action(desk, User)
    assert desk._registry == before


def test_an_admin_that_has_the_mixin_stays() -> None:
    site = a_site("desk", Post)
    add_remove_action(site, Post)
    assert type(site.get_model_admin(Post)) is Removing


def test_it_works_on_the_default_site(default_site: AdminSite) -> None:
    add_remove_action(default_site, Group)
    assert isinstance(default_site.get_model_admin(Group), RemoveSelectedMixin)


def test_the_admin_of_a_later_app_is_imported_first(
    desk: AdminSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = []

    def import_module(name: str) -> None:
        imported.append(name)
        desk.register(Group, ModelAdmin)

    monkeypatch.setattr(sites, "import_module", import_module)
    add_remove_action(desk, Group)
    assert imported == ["django.contrib.auth.admin"]
    assert isinstance(desk.get_model_admin(Group), RemoveSelectedMixin)


def test_a_model_that_the_site_does_not_show_is_refused(desk: AdminSite) -> None:
    with pytest.raises(NotRegistered, match="Group"):
        add_remove_action(desk, Group)


@pytest.mark.parametrize("hook", ["delete_model", "delete_queryset", "delete_view"])
def test_w023_names_a_hook_of_the_other_app(monkeypatch: pytest.MonkeyPatch, hook: str) -> None:
    foreign = type("Foreign", (ModelAdmin,), {hook: lambda *_: None})
    site = a_site("desk", Post, post=foreign)
    add_remove_action(site, Post)
    monkeypatch.setattr(checks, "all_sites", [site])
    (message,) = checks.check_hooks()
    assert message.id == "moderation.W023"
    assert f"Foreign.{hook} is not called" in message.msg
