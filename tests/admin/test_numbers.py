"""Numbers in URLs and attributes are not localized."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings
from django.urls import reverse

from moderation.admin.removals import group_previews, object_list, tabs
from moderation.models import AuditEntry, AuditEvent, Removal, RemovalBatch
from moderation.removals.delete import delete_next_batch
from moderation.removals.draft import confirm
from posts.models import Post, PostImage, Report
from tests.admin.conftest import LIST, browser_of, drafted, page_of

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = 1_234_000  # the first key of each table, so that every key would be grouped
MODELS = (Post, PostImage, Report, Removal, RemovalBatch, AuditEntry, AuditEvent, User, LogEntry)
POSTS = 1_100
GROUPED = re.compile(r"\d[.,\u00a0\u202f’']\d{3}(?!\d)")
# Also the paths of drawings.
FOR_PEOPLE = {"d", "alt", "aria-label", "content", "placeholder", "title", "data-confirm"}


class Attributes(HTMLParser):
    """Collects the attributes of a page and its inline data."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, name, value) for name, value in attrs if value]

    def for_machines(self) -> Iterator[tuple[str, str, str]]:
        return (each for each in self.found if each[1] not in FOR_PEOPLE)


def begin_at(first: int) -> None:
    """Make the tables assign keys from this number on."""
    with connection.cursor() as cursor:
        for model in MODELS:
            table = model._meta.db_table
            if connection.vendor == "sqlite":
                cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
                cursor.execute("INSERT INTO sqlite_sequence VALUES (%s, %s)", [table, first])
            else:
                name = f"pg_get_serial_sequence('{table}', 'id')"
                cursor.execute(f"SELECT setval({name}, %s)", [first])


@pytest.fixture
def many(make_posts: Callable[..., list[Post]]) -> dict[str, str]:
    """The pages of a large removal, of a draft and of all lists, by name."""
    begin_at(FIRST)
    actor = User.objects.create_superuser("root")
    done = drafted(make_posts(POSTS), actor)
    assert not confirm(done, actor=actor, seal=done.seal, reason="spam", typed_count=str(POSTS))
    while delete_next_batch(done.pk):
        pass
    AuditEntry.objects.filter(pk=AuditEntry.objects.earliest("pk").pk).update(attempts=1_234)
    posts = make_posts(POSTS)
    draft = drafted(posts, actor)
    entry, event = AuditEntry.objects.latest("pk"), AuditEvent.objects.latest("pk")
    return {
        "index": reverse("admin:index"),
        "posts": LIST,
        "posts, second page": f"{LIST}?p=2",
        "posts, found": f"{LIST}?q=pills&author=spammer",
        "post": reverse("admin:posts_post_change", args=[posts[0].pk]),
        "remove one": reverse("admin:posts_post_delete", args=[posts[0].pk]),
        "draft": page_of(draft),
        "draft, page 1,050 of groups": f"{page_of(draft)}?p=1050",
        "draft, page 1,050 of pictures": f"{page_of(draft)}?show=pictures&p=1050",
        "draft, page 1,050 of objects": f"{page_of(draft)}?show=objects&p=1050",
        "removal": page_of(done),
        "removal, changing part": page_of(done, "progress"),
        "removals": reverse("admin:moderation_removal_changelist"),
        "entries": reverse("admin:moderation_auditentry_changelist"),
        "entries of a removal": reverse("admin:moderation_auditentry_changelist")
        + f"?removal={done.pk}&p=2",
        "entry": reverse("admin:moderation_auditentry_change", args=[entry.pk]),
        "export": reverse("admin:moderation_auditentry_export"),
        "events": reverse("admin:moderation_auditevent_changelist"),
        "event": reverse("admin:moderation_auditevent_change", args=[event.pk]),
    }


@override_settings(LANGUAGE_CODE="de", USE_THOUSAND_SEPARATOR=True)
def test_no_attribute_holds_a_number_as_people_write_it(
    many: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tabs, "PICTURES_PER_PAGE", 1)
    monkeypatch.setattr(object_list, "OBJECTS_PER_PAGE", 1)
    monkeypatch.setattr(group_previews, "GROUPS_PER_PAGE", 1)
    browser = browser_of(User.objects.get(username="root"))
    wrong, grouped = [], 0
    for name, address in many.items():
        response = browser.get(address)
        assert response.status_code == 200, name
        page = response.content.decode()
        grouped += len(GROUPED.findall(page))
        for tag, attribute, value in Attributes(page).for_machines():
            if GROUPED.search(unquote(value)):
                wrong.append((name, tag, attribute, value))
    assert wrong == []
    assert grouped > 10  # numbers for people are grouped


def test_the_link_to_the_entries_filters_by_the_removal(many: dict[str, str]) -> None:
    browser = browser_of(User.objects.get(username="root"))
    with override_settings(LANGUAGE_CODE="de", USE_THOUSAND_SEPARATOR=True):
        page = browser.get(many["removal"]).content.decode()
        (link,) = re.findall(r'href="([^"]*\?removal=[^"]*)"', page)
        assert link.endswith(f"?removal={Removal.objects.earliest('pk').pk}")
