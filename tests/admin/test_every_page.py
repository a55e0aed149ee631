"""Every page has what pages of the admin have, and no request by GET changes anything.

The pages are those that the resolver knows, so a new page is tested from its first day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from moderation.admin.removals.removal_admin import ACTIONS as REMOVAL_ACTIONS
from moderation.admin.removals.removal_admin import DRAFT_ACTIONS
from moderation.models import AuditEntry, AuditEvent, RefusedPicture, Removal, RemovalBatch
from posts.author_models import DisabledAuthor, RemovedAuthor
from posts.models import Post
from tests.admin import test_roles
from tests.admin.conftest import browser_of, drafted, page_of
from tests.admin.pages import (
    ACTIONS,
    NO_PAGES,
    PARTS,
    POST_ACTIONS,
    REFUSED,
    Elements,
    names_of_pages,
    problems_of,
)
from tests.admin.test_roles import World, pages_to_list
from tests.services.processes import ROOT

cache = pytest.importorskip("admin_interface.cache", reason="the site runs on Django 5.2")
pytestmark = pytest.mark.django_db

world = test_roles.world
PAGES = names_of_pages()
# Pages with more than one appearance: what is added to the address.
VIEWS = {
    "moderation_removal_change:draft": [
        "",
        "?show=pictures",
        "?show=objects",
        "?show=without-pictures",
        "?show=kept",
        "?p=9",
    ]
}


@pytest.fixture(autouse=True)
def theme(db: None) -> None:
    """Show the pages as the site does."""
    cache.del_cached_active_theme()
    call_command("loaddata", ROOT / "fixtures" / "theme.json", verbosity=0)


@pytest.fixture
def root(db: None) -> Client:
    return browser_of(User.objects.create_superuser("root"))


def address(page: str, world: World) -> str:
    return reverse(f"admin:{page.partition(':')[0]}", args=world.arguments(page))


def listed(problems: Iterable[str]) -> str:
    return "\n".join(problems)


@pytest.mark.parametrize("page", PAGES)
def test_page_is_complete_and_all_its_links_lead_somewhere(
    page: str, world: World, root: Client
) -> None:
    response = root.get(address(page, world))
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert listed(problems_of(response.text)) == ""


@pytest.mark.parametrize("view", VIEWS["moderation_removal_change:draft"])
def test_each_view_of_a_draft_is_complete(view: str, world: World, client: Client) -> None:
    url = address("moderation_removal_change:draft", world) + view
    assert listed(problems_of(client.get(url).text)) == ""


@pytest.mark.parametrize("state", ["deleting", "stopped", "purging", "done", "cancelled"])
def test_page_of_a_removal_is_complete_in_each_state(
    state: str, world: World, root: Client
) -> None:
    Removal.objects.filter(pk=world.running.pk).update(state=state, stop_reason="Stopped by mod.")
    RemovalBatch.objects.create(removal=world.running, number=7, state="failed", error="why")
    AuditEntry.objects.filter(removal=world.running).update(
        state="failed", error="Access Denied", error_code="AccessDenied"
    )
    page = root.get(page_of(world.running)).text
    assert listed(problems_of(page)) == ""
    assert ("Stopped by mod." in page) is (state == "stopped")


@pytest.mark.parametrize("page", PAGES)
def test_no_cache_keeps_a_page(page: str, world: World, root: Client) -> None:
    """Pages show personal data: no proxy may keep one, and the back button requests it again."""
    headers = root.get(address(page, world)).headers
    directives = set(headers["Cache-Control"].replace(" ", "").split(","))
    assert directives >= {"private", "no-cache", "no-store"}
    assert "Cookie" in headers["Vary"]
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "script-src 'self'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("page", PAGES)
def test_title_and_last_breadcrumb_say_where_one_is(page: str, world: World, root: Client) -> None:
    text = root.get(address(page, world)).text
    elements = Elements(text)
    (heading,) = (each.strip() for each in elements.texts["h1"])
    assert heading.split("|")[0].strip()[:10] in "".join(elements.texts["title"])
    crumbs = text.partition("breadcrumbs")[2]
    assert 'href="/admin/"' in crumbs.partition("</div>")[0] + crumbs.partition("</nav>")[0]


@pytest.mark.parametrize("page", PAGES)
def test_missing_object_leads_back_to_pages_that_exist(
    page: str, world: World, root: Client
) -> None:
    arguments = world.arguments(page)
    if not arguments:
        return
    missing = reverse(f"admin:{page.partition(':')[0]}", args=[*arguments[:-1], 2_000_000_000])
    response = root.get(missing, follow=True)
    assert response.status_code in (200, 404)
    assert 'href="/admin/"' in response.text
    if response.status_code == 200:
        assert "doesn’t exist" in response.text


@pytest.mark.parametrize("page", PAGES)
def test_a_forbidden_page_links_back_to_the_site(page: str, world: World) -> None:
    staff = browser_of(User.objects.create_user("nobody", is_staff=True))
    response = staff.get(address(page, world), follow=True)
    assert response.status_code in (200, 403, 404)
    assert 'href="/admin/"' in response.text


@pytest.mark.parametrize("page", sorted(pages_to_list()))
def test_no_page_changes_anything_by_get(page: str, world: World, root: Client) -> None:
    before = state()
    for query in ("", "?action=remove_selected", "?seal=x&reason=spam&format=0&post=yes"):
        for client in (root, browser_of(world.moderator)):
            client.get(address(page, world) + query)
    assert state() == before


def state() -> list[Any]:
    """Return everything that a page could change."""
    content = (Post, RefusedPicture, RemovedAuthor, DisabledAuthor)
    models = (*content, Removal, RemovalBatch, AuditEntry, AuditEvent)
    return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.mark.parametrize("action", sorted(DRAFT_ACTIONS | REMOVAL_ACTIONS))
def test_action_by_get_leads_to_the_page_of_the_removal(
    action: str, client: Client, moderator: User, make_posts: Callable[..., list[Post]]
) -> None:
    """The log-in page redirects by GET to whatever was requested before."""
    removal = drafted(make_posts(1), moderator)
    if action in REMOVAL_ACTIONS:
        Removal.objects.filter(pk=removal.pk).update(state="stopped")
    response = client.get(page_of(removal, action))
    assert response.status_code == 302
    assert response.headers["Location"] == page_of(removal)


@pytest.mark.parametrize("action", sorted(DRAFT_ACTIONS | REMOVAL_ACTIONS))
def test_action_without_its_token_is_refused(
    action: str, moderator: User, make_posts: Callable[..., list[Post]]
) -> None:
    removal = drafted(make_posts(1), moderator)
    client = Client(enforce_csrf_checks=True)
    client.force_login(moderator)
    before = state()
    response = client.post(page_of(removal, action), {"seal": removal.seal, "reason": "spam"})
    assert response.status_code == 403
    assert state() == before


def test_every_page_is_in_exactly_one_group() -> None:
    groups = [set(PAGES), PARTS, NO_PAGES, ACTIONS, POST_ACTIONS, REFUSED]
    assert set.union(*groups) == pages_to_list(), "say in tests/admin/pages.py what the page is"
    assert sum(map(len, groups)) == len(pages_to_list())
    named = {f"moderation_removal_{action}" for action in DRAFT_ACTIONS | REMOVAL_ACTIONS}
    assert named == ACTIONS


def test_a_part_of_a_page_is_not_a_page_itself(world: World, client: Client) -> None:
    part = client.get(page_of(world.running, "progress")).text
    elements = Elements(part)
    assert elements.texts["h1"] == []
    assert elements.attributes("html") == []
    assert elements.attributes("script") == []


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ("<h1>a</h1><h1>b</h1>", "2 headings of the first level"),
        ("<h1> </h1>", "1 headings of the first level"),
        ('<a href="/admin/nowhere/">', "/admin/nowhere/ is not a page"),
        ('<a href="#gone">', "#gone is not on the page"),
        ('<a href="javascript:go()">', "javascript:go() needs a script"),
        ('<link href="/static/gone.css">', "/static/gone.css does not exist"),
        ('<p onclick="go()">', "<p onclick=…> stands in the page"),
        ('<p style="color: red">', "<p style=…> stands in the page"),
        ("<script>go()</script>", "a script in the page: go()"),
        ('<form method="post"></form>', "1 forms by POST, 0 tokens"),
        ('<img src="/admin/">', "a picture without alt"),
        ('<p id="a"></p><p id="a"></p>', "the id a stands on 2 elements"),
        ("{{ name }}", "a piece of a template"),
        ("%(name)s", "a piece of a template"),
    ],
)
def test_what_is_wrong_is_found(html: str, problem: str) -> None:
    assert problem in listed(problems_of(html))
