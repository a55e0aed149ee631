"""The checks of ModelAdmins find what they are for, and find nothing on the site itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite, ModelAdmin
from django.core.checks import CheckMessage, run_checks
from django.db import models
from django.test import override_settings
from django.test.utils import isolate_apps

from moderation.admin import checks
from moderation.admin.action import remove_selected
from posts.models import Post
from tests.admin.desk import Removing, a_site
from tests.testapp.models import Shelf, Volume


@pytest.fixture
def sites(monkeypatch: pytest.MonkeyPatch) -> list[AdminSite]:
    """Return the list of checked sites, which contains only those of this test."""
    own: list[AdminSite] = []
    monkeypatch.setattr(checks, "all_sites", own)
    return own


def ids(messages: list[CheckMessage]) -> list[str]:
    assert all(message.hint for message in messages)
    return [str(message.id) for message in messages]


def found(*, of: Any) -> list[str]:
    return [message.msg for message in of()]


def test_the_site_itself_passes_all_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "all_sites", [admin.site])
    assert [message for check in checks.ADMIN_CHECKS for message in check()] == []


def test_django_runs_these_checks(sites: list[AdminSite]) -> None:
    sites.append(a_site("desk", Post, pages=False))
    messages = run_checks(tags=["admin"])
    assert "moderation.E022" in [message.id for message in messages]


@pytest.mark.parametrize("how", ["mixin", "listed", "everywhere"])
def test_e022_a_site_without_pages_for_removals(sites: list[AdminSite], how: str) -> None:
    class Listing(ModelAdmin):
        actions = [remove_selected] if how == "listed" else []

    site = AdminSite("desk")
    site.register(Post, Removing if how == "mixin" else Listing)
    if how == "everywhere":
        site.add_action(remove_selected)
    sites.append(site)
    assert ids(checks.check_sites()) == ["moderation.E022"]
    plain = AdminSite("plain")
    plain.register(Post, ModelAdmin)
    sites[:] = [plain, a_site("whole", Post)]
    assert ids(checks.check_sites()) == []


class Logging:
    """A base class from another package."""

    def log_deletions(self, request: Any, queryset: Any) -> None:
        """Write to a log."""


HOOKS: dict[str, Any] = {
    "delete_queryset": lambda _self, _request, _queryset: None,
    "delete_model": lambda _self, _request, _obj: None,
    "get_deleted_objects": lambda _self, _objs, _request: None,
    "log_deletion": lambda _self, _request, _obj, _text: None,
    "log_deletions": lambda _self, _request, _queryset: None,
    "response_delete": lambda _self, _request, _name, _key: None,
    "render_delete_form": lambda _self, _request, _context: None,
    "delete_view": lambda _self, _request, _key, _extra_context=None: None,
    "delete_confirmation_template": "own.html",
    "delete_selected_confirmation_template": "own.html",
}


@pytest.mark.parametrize("hook", HOOKS)
def test_w023_a_hook_that_is_not_called(sites: list[AdminSite], hook: str) -> None:
    hooking = type("Hooking", (Removing,), {hook: HOOKS[hook]})
    sites.append(a_site("desk", Post, post=hooking))
    (message,) = checks.check_hooks()
    assert ids([message]) == ["moderation.W023"]
    assert f"Hooking.{hook} is not called when objects of posts.Post are removed" in message.msg


def test_w023_names_the_class_that_has_the_hook(sites: list[AdminSite]) -> None:
    hooking = type("Hooking", (Logging, Removing), {"delete_confirmation_template": None})
    sites.append(a_site("desk", Post, post=hooking))
    (text,) = found(of=checks.check_hooks)
    assert text.startswith("tests.admin.test_admin_checks.Logging.log_deletions")


def test_w023_leaves_alone_what_is_called(sites: list[AdminSite]) -> None:
    """Without the mixin Django deletes single objects, and calls the hooks for it."""

    class Listing(ModelAdmin):
        actions = [remove_selected]

        def delete_model(self, request: Any, obj: Any) -> None:
            """Do something."""

    class Elsewhere(ModelAdmin):
        def delete_queryset(self, request: Any, queryset: Any) -> None:
            """Do something."""

    class Permitting(Removing):
        def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
            return True

    sites.append(
        a_site("desk", Post, Volume, Shelf, post=Listing, volume=Elsewhere, shelf=Permitting)
    )
    assert found(of=checks.check_hooks) == []


class Bin(models.QuerySet):
    """Marks rows as deleted."""

    def delete(self) -> Any:
        """Mark them."""


def soft(model: type[models.Model], monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Customize the deletion of a model."""
    manager: Any = models.Manager.from_queryset(Bin)()
    if how == "model":
        monkeypatch.setattr(model, "delete", lambda _self: None)
        return
    if how == "get_queryset":  # a manager in the old style
        manager = models.Manager()
        monkeypatch.setattr(manager, "get_queryset", lambda: Bin(model))
    if how == "failing":  # one that works only inside a request
        monkeypatch.setattr(manager, "get_queryset", lambda: 1 / 0)
    manager.model = model
    attribute = "base_manager" if how == "base manager" else "default_manager"
    monkeypatch.setattr(model._meta, attribute, manager)


@pytest.mark.parametrize("how", ["model", "queryset", "get_queryset", "failing", "base manager"])
@pytest.mark.parametrize("model", [Shelf, Volume], ids=["in an admin", "reached by a cascade"])
def test_w024_a_delete_that_is_not_called(
    sites: list[AdminSite],
    monkeypatch: pytest.MonkeyPatch,
    model: type[models.Model],
    how: str,
) -> None:
    sites.append(a_site("desk", Shelf))
    assert found(of=checks.check_custom_deletes) == []
    soft(model, monkeypatch, how)
    messages = checks.check_custom_deletes()
    named = [message for message in messages if message.obj is model]
    assert ids(named) == ["moderation.W024"]
    expected = f"{model.__name__}.delete()" if how == "model" else "Bin.delete()"
    assert f"rows of {model._meta.label} for good" in named[0].msg
    assert expected in named[0].msg


def test_w024_names_registered_models_without_an_admin(
    sites: list[AdminSite], monkeypatch: pytest.MonkeyPatch
) -> None:
    soft(Volume, monkeypatch, "queryset")
    assert [message.obj for message in checks.check_custom_deletes()] == [Volume]


@isolate_apps("tests.testapp")
def test_e025_a_cascade_that_cannot_be_determined(sites: list[AdminSite]) -> None:
    class Owner(models.Model):
        class Meta:
            app_label = "library"

    class Owned(models.Model):
        owner = models.ForeignKey(Owner, on_delete=lambda *_: None)

        class Meta:
            app_label = "library"

    sites.append(a_site("desk", Owner))
    (message,) = checks.check_selectable()
    assert ids([message]) == ["moderation.E025"]
    assert (
        "Objects of library.Owner cannot be removed. library.Owned.owner: on_delete" in message.msg
    )
    assert found(of=checks.check_custom_deletes) == []


class Elsewhere:
    """A router that sends shelves to another database."""

    def db_for_write(self, model: type[models.Model], **_: object) -> str | None:
        return "other" if model is Shelf else None


@override_settings(DATABASE_ROUTERS=["tests.admin.test_admin_checks.Elsewhere"])
def test_e025_objects_in_another_database(sites: list[AdminSite]) -> None:
    sites.append(a_site("desk", Shelf))
    (text,) = found(of=checks.check_selectable)
    assert "The shelfs are in the database “other”" in text
