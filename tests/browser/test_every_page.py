"""Every page is accessible in both colour schemes and on a phone, and works without scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from admin_interface.cache import del_cached_active_theme
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from moderation.models import AuditEntry, Removal, RemovalBatch
from posts.models import Post
from tests.admin import test_roles
from tests.admin.pages import names_of_pages
from tests.admin.test_roles import World
from tests.browser.accessibility import problems_of
from tests.browser.conftest import log_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

world = test_roles.world
# Pages with more than one appearance, and pages that no name leads to.
VIEWS = ("?show=objects", "?show=without-pictures", "?show=kept", "?p=9")
FAILED = "/admin/moderation/auditentry/?state__exact=failed"
# What Django's own widgets break on the form of a post, each with the rule.
OF_DJANGO = {
    "aria-input-field-name": "the select of an autocomplete field",
    "empty-table-header": "the table of an inline",
    "label": "the two inputs of a date and time",
    "label-title-only": "the fields of an inline",
}
FORM = "/admin/posts/post/"
ERRORS = ("/admin/none/", "/admin/moderation/removal/0/change/")


@pytest.fixture
def theme(transactional_db: None) -> None:
    del_cached_active_theme()
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)


def addresses(world: World) -> Iterator[str]:
    """Yield the pages that a superuser reads."""
    for page in names_of_pages():
        yield reverse(f"admin:{page}", args=world.arguments(page))
    yield from (FAILED, *ERRORS)


def draft_addresses(world: World) -> Iterator[str]:
    """Yield the pages that only the author of the draft reads."""
    draft = reverse("admin:moderation_removal_change", args=[world.draft.pk])
    yield from (draft + view for view in ("", *VIEWS))


def problems(page: Page, address: str) -> list[str]:
    """Return what is wrong with the page at an address."""
    page.goto(address)
    ignored = OF_DJANGO if address.startswith(FORM) else ()
    return [f"{address}: {each}" for each in problems_of(page, ignored)]


@pytest.mark.usefixtures("theme")
@pytest.mark.parametrize(("colours", "width"), [("light", 1280), ("dark", 390)])
def test_pages_have_no_violation_of_accessibility(
    colours: str, width: int, world: World, browser_page: Page, live_server: LiveServer
) -> None:
    browser_page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
    browser_page.set_viewport_size({"width": width, "height": 900})
    found = problems(browser_page, "/admin/login/")
    AuditEntry.objects.filter(removal=world.running).update(state="failed", error="Access Denied")
    RemovalBatch.objects.create(removal=world.running, number=7, state="failed", error="why")
    log_in(browser_page.context, User.objects.create_superuser("root"), live_server)
    for address in addresses(world):
        found += problems(browser_page, address)
    for state in ("deleting", "stopped", "purging"):
        Removal.objects.filter(pk=world.running.pk).update(state=state, stop_reason="Stopped.")
        address = reverse("admin:moderation_removal_change", args=[world.running.pk])
        found += problems(browser_page, address)
    log_in(browser_page.context, world.moderator, live_server)
    for address in draft_addresses(world):
        found += problems(browser_page, address)
    assert "\n".join(found) == ""


@pytest.fixture
def plain_page(moderator_page_without_scripts: Page) -> Page:
    return moderator_page_without_scripts


def test_removal_needs_no_script(
    theme: None, plain_page: Page, make_posts: Callable[..., list[Post]]
) -> None:
    make_posts(3)
    page = plain_page
    page.goto("/admin/posts/post/")
    for box in page.locator("input.action-select").all():
        box.check()
    page.locator("select[name=action]").select_option("remove_selected")
    page.get_by_role("button", name="Go", exact=True).click()
    expect(page.get_by_role("heading", name="Remove 3 posts?")).to_be_visible()
    page.get_by_role("link", name="All pictures and files").click()
    page.locator("button[name=object]").first.click()
    expect(page.get_by_role("heading", name="Remove 2 posts?")).to_be_visible()
    page.get_by_label("Spam").check()
    page.get_by_role("button", name="Remove 2 posts").click()
    expect(page.locator(".removal-state").first).to_be_visible()
    assert Post.objects.count() == 1
    page.reload()
    title = f"Removal #{Removal.objects.get().pk}: 2 posts"
    expect(page.get_by_role("heading", name=title)).to_be_visible()


def test_filters_of_the_audit_log_need_no_script(
    theme: None, world: World, plain_page: Page
) -> None:
    plain_page.goto("/admin/moderation/auditentry/")
    plain_page.locator("[name=removal]").fill(str(world.running.pk))
    plain_page.locator("[name=removal]").press("Enter")
    expect(plain_page.locator("#result_list tbody tr")).to_have_count(
        AuditEntry.objects.filter(removal=world.running).count()
    )
    assert f"removal={world.running.pk}" in plain_page.url
