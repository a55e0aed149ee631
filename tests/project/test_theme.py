"""The site's look: its theme, the environment's name, and what the first page offers."""

from __future__ import annotations

from pathlib import Path

import pytest
from admin_interface.cache import del_cached_active_theme
from admin_interface.models import Theme
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models import FileField
from django.test import Client, override_settings
from django.urls import reverse
from playwright.sync_api import Page

from moderation.permission_groups import AUDITORS
from tests.admin.audit.conftest import entry_of, person, removal_of

PASSWORD = "a-password-for-tests"
THEME = Path(settings.BASE_DIR) / "fixtures" / "theme.json"


@pytest.fixture
def theme(db: None) -> Theme:
    del_cached_active_theme()
    Theme.objects.create(name="Somebody's", active=True)
    call_command("loaddata", THEME, verbosity=0)
    return Theme.objects.get(active=True)


def test_theme_of_the_fixture_is_the_active_one(theme: Theme) -> None:
    assert theme.name == "Clearing"


def test_fixture_names_each_field_of_the_theme(theme: Theme) -> None:
    """A field that a new version adds would otherwise get a default that nobody has checked."""
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
