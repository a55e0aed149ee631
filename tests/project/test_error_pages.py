"""Every error has its own page with a link back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.template.loader import get_template
from django.test import Client, override_settings
from django.urls import reverse

from posts.admin.post import PostAdmin
from tests.admin.conftest import browser_of
from tests.posts.drawn import a_post
from tests.services.processes import ROOT

pytestmark = pytest.mark.django_db

PAGES = ("400", "403", "404", "405", "413", "500", "403_csrf")


@pytest.fixture
def browser() -> Client:
    """Return a superuser's browser that shows error pages instead of raising exceptions."""
    browser = browser_of(User.objects.create_superuser("root"))
    browser.raise_request_exception = False
    return browser


def is_a_page(response: Any, status: int) -> bool:
    text = response.content.decode()
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("text/html")
    assert "project/error.css" in text
    assert 'href="/admin/"' in text
    return bool(re.search(r"<h1>\s*\S", text))


def test_a_bad_request(browser: Client) -> None:
    sent = {"action": "remove_selected", "_selected_action": "zz"}
    assert is_a_page(browser.post(reverse("admin:posts_post_changelist"), sent), 400)


def test_a_missing_permission() -> None:
    staff = browser_of(User.objects.create_user("staff", is_staff=True))
    assert is_a_page(staff.get(reverse("admin:posts_post_changelist")), 403)


def test_a_missing_page(browser: Client) -> None:
    assert is_a_page(browser.get("/admin/none/"), 404)
    assert is_a_page(Client().get("/none"), 404)


def test_a_form_without_its_token() -> None:
    assert is_a_page(Client(enforce_csrf_checks=True).post("/admin/login/"), 403)


def test_a_method_that_a_page_does_not_have(browser: Client) -> None:
    address = reverse("admin:posts_post_delete", args=[a_post().pk])
    response = browser.put(address)
    assert is_a_page(response, 405)
    assert response.headers["Allow"] == "GET, HEAD, POST"


def test_too_large_a_body() -> None:
    assert is_a_page(Client().post("/admin/login/", {"username": "x" * 70_000}), 413)


def test_an_error_of_ours(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_kwargs: object) -> HttpResponse:
        raise LookupError("a mistake of ours")

    monkeypatch.setattr(PostAdmin, "get_changelist", fail)
    response = browser.get(reverse("admin:posts_post_changelist"))
    assert is_a_page(response, 500)
    assert "a mistake of ours" not in response.content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_needs_no_context_no_database_and_no_static_files_manifest(
    name: str, django_assert_num_queries: object
) -> None:
    manifest = {
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    }
    with override_settings(STORAGES=manifest), django_assert_num_queries(0):  # type: ignore[operator]
        text = get_template(f"{name}.html").render()
    assert '<html lang="en"' in text


def test_every_answer_with_a_template_is_listed_here() -> None:
    found = {path.stem for path in (ROOT / "templates").glob("[0-9]*.html")}
    assert found == {*PAGES, "429"}
