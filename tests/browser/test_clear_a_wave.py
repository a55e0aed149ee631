"""A moderator clears a wave of spam in a real browser, and an auditor reads what happened."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from playwright.sync_api import Page, expect

from moderation.models import AuditEntry, Removal
from moderation.permission_groups import AUDITORS, MODERATORS
from moderation.storage import write_identity
from posts.images.intake import store_image
from posts.images.uploads import uploads
from posts.models import Post, PostImage, Report
from tests.browser import screenshots
from tests.posts.drawn import drawing
from tests.services.workers import CLOCK, DB_WORKER, worker

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# More than a page of the change list, more than the typed count's threshold.
SPAM, HAM = 130, 5
PASSWORD = "a-long-password-for-tests"
# Milliseconds. The whole way includes two processes that start, on a machine that may be slow.
PATIENCE = 120_000


@pytest.fixture
def site(transactional_db: None) -> None:
    """Accounts, a wave of reported posts with pictures, and a few good posts."""
    call_command("loaddata", settings.BASE_DIR / "fixtures" / "theme.json", verbosity=0)
    write_identity("default")
    for name, group in (("mia", MODERATORS), ("ada", AUDITORS)):
        user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
        user.groups.add(Group.objects.get(name=group))
    author = User.objects.create_user("seller")
    content = drawing("JPEG")
    for number in range(SPAM + HAM):
        spam = number < SPAM
        post = Post.objects.create(author=author, title=f"Post {number}", body="Buy")
        if spam:
            Report.objects.create(post=post, reporter=author, reason="spam")
        with uploads():
            store_image(ContentFile(content, name="p.jpg"), post=post).save()


def log_in(page: Page, name: str) -> None:
    page.goto("/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def test_from_the_log_in_to_the_exported_log(
    site: None, browser_page: Page, tmp_path: Path
) -> None:
    page = browser_page
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    gone = str(PostImage.objects.filter(post__title="Post 7").get().image.name)
    with worker(*DB_WORKER, log=tmp_path / "worker"), worker(*CLOCK, log=tmp_path / "clock"):
        removal = remove_all_reported(page)
    assert Post.objects.count() == HAM + 1  # one was kept
    assert not default_storage.exists(gone)
    assert set(AuditEntry.objects.values_list("state", flat=True)) == {"erased"}
    assert AuditEntry.objects.count() == removal.files_total
    read_the_log(page, gone, tmp_path / "log.csv")


def remove_all_reported(page: Page) -> Removal:
    """Log in, filter, select across pages, look, take one out, confirm, see it finish."""
    log_in(page, "mia")
    screenshots.save(page, "index")
    page.goto("/admin/posts/post/")
    page.goto("/admin/posts/post/?reported=yes")
    screenshots.save(page, "change_list")
    page.locator("#action-toggle").check()
    screenshots.save(page, "selected")
    page.get_by_role("button", name=f"Select all {SPAM} posts").click()
    page.locator("select[name=action]").select_option("remove_selected")
    page.get_by_role("button", name="Go", exact=True).click()
    expect(page.get_by_role("heading", name=f"Remove {SPAM} posts?")).to_be_visible()
    screenshots.save(page, "draft")
    page.get_by_role("link", name="All pictures and files").click()
    page.locator("button[name=object]").first.click()
    expect(page.get_by_role("heading", name=f"Remove {SPAM - 1} posts?")).to_be_visible()
    page.get_by_label("Spam").check()
    page.get_by_label("Note").fill("A wave")
    page.locator("[name=typed_count]").fill("7")
    page.get_by_role("button", name=f"Remove {SPAM - 1} posts").click()
    expect(page.get_by_text(f"That is not the number selected. Type {SPAM - 1}.")).to_be_visible()
    assert Post.objects.count() == SPAM + HAM
    page.get_by_label("Spam").check()
    page.locator("[name=typed_count]").fill(str(SPAM - 1))
    page.get_by_role("button", name=f"Remove {SPAM - 1} posts").click()
    expect(page.locator(".removal-progress:not([data-running])")).to_be_visible()
    screenshots.save(page, "done")
    return Removal.objects.get()


def read_the_log(page: Page, gone: str, exported: Path) -> None:
    """As an auditor: find the key, export what the filters show, and read it."""
    page.context.clear_cookies()
    log_in(page, "ada")
    page.goto("/admin/moderation/auditentry/")
    screenshots.save(page, "audit_log")
    page.locator("#searchbar").fill(gone)
    page.locator("#searchbar").press("Enter")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    page.locator("#result_list tbody tr a").first.click()
    screenshots.save(page, "audit_entry")
    page.go_back()
    page.get_by_role("link", name="Export").click()
    screenshots.save(page, "export")
    page.locator("select[name=format]").select_option(label="CSV")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    download.value.save_as(exported)
    (row,) = csv.DictReader(exported.read_text().splitlines())
    assert row["name"] == gone
    assert row["state"] == "erased"
    assert row["actor_name"] == "mia"
