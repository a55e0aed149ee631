"""Checks of what a site has to provide."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from django.apps import apps
from django.conf import global_settings
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.test import Client, override_settings
from pytest_django import Settings

from moderation.checks import site
from moderation.checks.site import (
    check_environment,
    check_identities,
    check_installed,
    check_numpy,
    check_tasks,
)
from moderation.storage import write_identity
from posts.models import Post
from tests.helpers import drafted
from tests.services.queue import IMMEDIATE, PACKAGE

MakePosts = Callable[..., list[Post]]
DUMMY = f"{PACKAGE}.backends.dummy.DummyBackend"
# The value in a site that does not set it: from Django 6 on, Django's default.
UNSET = getattr(global_settings, "TASKS", None)


def ids(found: list[object]) -> list[str | None]:
    return [message.id for message in found]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ({"default": {"BACKEND": IMMEDIATE}}, ["moderation.E017"]),
        (UNSET, ["moderation.E017"]),
        ({"default": {"BACKEND": DUMMY}}, []),
        ({"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}, []),
    ],
)
def test_a_backend_that_runs_tasks_immediately_is_refused(
    tasks: dict[str, object] | None, expected: list[str]
) -> None:
    with override_settings(TASKS=tasks):
        if tasks is None:  # as in a site that does not set it
            from django.conf import settings

            del settings.TASKS
        assert ids(list(check_tasks())) == expected


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_installed() == []
    monkeypatch.setattr(site, "find_spec", lambda _name: None)
    monkeypatch.setattr(apps, "is_installed", lambda name: name != "import_export")
    assert ids(list(check_installed())) == ["moderation.E018", "moderation.E019"]


def test_a_registration_that_names_a_hash_needs_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_numpy() == []
    monkeypatch.setitem(sys.modules, "numpy", None)
    (message,) = check_numpy()
    assert message.id == "moderation.W033"
    assert "posts.PostImage" in message.msg


@pytest.mark.django_db(transaction=True)
def test_an_unmarked_storage_is_named_by_the_check_and_on_the_draft(
    moderator: User, make_posts: MakePosts, client: Client
) -> None:
    names = [str(message.msg) for message in check_identities(databases=["default"])]
    assert any("'default'" in name for name in names)
    assert check_identities() == []
    client.force_login(moderator)
    address = f"/admin/moderation/removal/{drafted(make_posts(1), moderator).pk}/change/"
    assert "mark_storage" in client.get(address).content.decode()
    write_identity("default")
    write_identity("attachments")
    assert check_identities(databases=["default"]) == []
    assert "mark_storage" not in client.get(address).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "  "])
def test_e021_a_site_without_a_name(name: str) -> None:
    with override_settings(ENVIRONMENT=name):
        (message,) = [each for each in run_checks() if each.id == "moderation.E021"]
        assert message.hint
    with override_settings(ENVIRONMENT=name, DEBUG=True):
        assert check_environment() == []


def test_e021_a_site_without_the_setting(settings: Settings) -> None:
    del settings.ENVIRONMENT
    assert [message.id for message in check_environment()] == ["moderation.E021"]


def test_the_site_itself_has_a_name() -> None:
    assert check_environment() == []
