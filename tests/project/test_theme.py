"""The site's look: its theme, the environment's name, and what accessibility asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
from admin_interface.cache import del_cached_active_theme
from admin_interface.models import Theme
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models import FileField
from django.test import Client, override_settings
from django.urls import reverse
from playwright.sync_api import Page

from moderation.models import AuditEvent
from moderation.permission_groups import AUDITORS
from tests.admin.audit.conftest import entry_of, person, removal_of

PASSWORD = "a-password-for-tests"
THEME = Path(settings.BASE_DIR) / "fixtures" / "theme.json"
# What the tests of accessibility look at; a page of another part is looked at by its own tests.
PAGES = (
    "index", "posts_post_changelist", "auth_user_changelist", "auth_user_add",
    "moderation_auditentry_changelist", "moderation_auditentry_export",
    "moderation_auditevent_changelist",
)  # fmt: skip


@pytest.fixture
def theme(db: None) -> Theme:
    del_cached_active_theme()
    Theme.objects.create(name="Somebody's", active=True)
    call_command("loaddata", THEME, verbosity=0)
    return Theme.objects.get(active=True)


def test_theme_of_the_fixture_is_the_active_one(theme: Theme) -> None:
    assert theme.name == "Clearing"


def test_fixture_names_each_field_of_the_theme(theme: Theme) -> None:
    """A field that a new version adds would otherwise get a default nobody looked at."""
    text = THEME.read_text()
    fields = [f for f in Theme._meta.concrete_fields if not isinstance(f, FileField)]
    assert [f.name for f in fields if not f.primary_key and f'"{f.name}"' not in text] == []


@pytest.fixture
def auditor(db: None) -> User:
    return person("auditor", group=AUDITORS)


@override_settings(ENVIRONMENT="production")
def test_each_page_names_the_environment(admin_client: Client) -> None:
    login, index = Client().get(reverse("admin:login")), admin_client.get(reverse("admin:index"))
    for page in (login, index):
        assert '<span class="environment environment-production">production</span>' in page.text


def test_pages_can_be_zoomed(admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:index")).text
    assert 'name="viewport"' in page
    assert "user-scalable=no" not in page
    assert "maximum-scale" not in page


def test_first_page_offers_only_what_one_may_see(
    client: Client, moderator: User, auditor: User
) -> None:
    offers = {"moderator": "reported=yes", "auditor": "state__exact=failed"}
    client.force_login(moderator)
    assert offers["moderator"] in client.get(reverse("admin:index")).text
    client.force_login(auditor)
    page = client.get(reverse("admin:index")).text
    assert offers["auditor"] in page
    assert offers["moderator"] not in page


@pytest.mark.browser
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_pages_have_no_violation_of_accessibility(
    colours: str, browser_page: Page, transactional_db: None
) -> None:
    del_cached_active_theme()
    call_command("loaddata", THEME, verbosity=0)
    user = User.objects.create_superuser("root", password=PASSWORD)
    entry = entry_of(removal_of(user), "posts/a.jpg", state="failed", error="Access Denied")
    browser_page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
    browser_page.goto("/admin/login/")
    assert violations(browser_page) == []
    browser_page.fill("#id_username", "root")
    browser_page.fill("#id_password", PASSWORD)
    browser_page.click("[type=submit]")
    event = AuditEvent.objects.get()
    addresses = [reverse(f"admin:{name}") for name in PAGES]
    addresses.append(reverse("admin:moderation_auditentry_change", args=[entry.pk]))
    addresses.append(reverse("admin:moderation_auditevent_change", args=[event.pk]))
    addresses.append(reverse("admin:moderation_auditentry_changelist") + "?state__exact=failed")
    for address in addresses:
        browser_page.goto(address)
        assert violations(browser_page) == [], address


def violations(page: Page) -> list[str]:
    """Say which rules the page breaks, and where first."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['target']}" for each in found]


@pytest.mark.browser
def test_filter_suggests_removals_while_one_types(
    browser_page: Page, transactional_db: None
) -> None:
    user = User.objects.create_superuser("root", password=PASSWORD)
    removal = removal_of(user, note="watches")
    entry_of(removal, "posts/of-the-removal.jpg")
    entry_of(None, "posts/of-nobody.jpg")
    browser_page.goto("/admin/login/")
    browser_page.fill("#id_username", "root")
    browser_page.fill("#id_password", PASSWORD)
    browser_page.click("[type=submit]")
    browser_page.goto(reverse("admin:moderation_auditentry_changelist"))
    browser_page.fill("#filter-removal", "watch")
    option = browser_page.locator("#suggested-removal option")
    option.wait_for(state="attached")
    value = option.get_attribute("value")
    assert value == str(removal.pk)
    browser_page.fill("#filter-removal", value)
    browser_page.press("#filter-removal", "Enter")
    browser_page.wait_for_url(f"**removal={removal.pk}*")
    assert "posts/of-nobody.jpg" not in browser_page.inner_text("#result_list")
    assert "posts/of-the-removal.jpg" in browser_page.inner_text("#result_list")
