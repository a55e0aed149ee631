"""Our pages handle every URL: with status 400, no match, or the list again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.lifecycle.refused_pictures import refuse
from moderation.models import AuditEntry
from posts.models import Post, PostImage
from tests.admin.conftest import browser_of, drafted

pytestmark = pytest.mark.django_db

# Parameters that any change list reads, and lookups that none offers.
NAMES = [
    "q", "p", "o", "_to_field", "_popup", "_facets", "pk", "id__in", "nonsense", "nonsense__in", "",
]  # fmt: skip
OWN_NAMES = {
    "posts_post": [
        "author", "reported", "shares", "pictures", "picture", "like", "created_at__within",
        "created_at__gte", "created_at__lt", "created_at__year",
        "created_at__month", "created_at__day", "body__regex", "author__password__startswith",
        "others_draft", "same_as_removal", "open_draft",
    ],
    "auth_user": [
        "is_staff__exact", "is_superuser__exact", "is_active__exact", "groups__id__exact",
        "groups__isnull", "username__regex",
    ],
    "moderation_removal": [
        "state__exact", "reason__exact", "confirmed_at__gte", "confirmed_at__lt",
        "confirmed_at__isnull", "created_at__gte", "created_at__year", "note__regex",
    ],
    "moderation_auditentry": [
        "state__exact", "reason__exact", "from", "to", "actor", "removal", "storage", "found",
        "recorded_at__year", "key__regex",
    ],
    "moderation_refusedpicture": ["state", "note__regex", "refused_until__gte"],
    "moderation_auditevent": ["type__exact", "from", "to", "actor", "removal", "details__regex"],
}  # fmt: skip
VALUES = [
    "", "0", "-1", str(2**63), str(-(2**63)), "9" * 5000, "1e400", "a\0b", "😀" * 300, "'\"%_\\",
    "^(([^z])+)+$", "0001-01-01", "9999-12-31", "2026-02-30", "10000-01-01", "1", "9999",
    "1," + str(2**63), "-1.2.3", "٣", "²", " ".join(["w"] * 1100), '"' * 50,
]  # fmt: skip
KEYS = [
    "-1", str(2**63 - 1), str(2**63), str(-(2**63)), str(-(2**63) - 1), "9" * 5000, "abc", "_00",
    "%00", "😀", "nan", "٣",
]  # fmt: skip


@pytest.fixture
def root(db: None, make_posts: Any) -> Client:
    """Return a superuser's browser, on a site with a few rows of every model."""
    user = User.objects.create_superuser("root")
    removal = drafted(make_posts(2), user)
    removal.delete()
    refuse({"a" * 64: ""}, actor=user, note="spam", last_day=None)
    return browser_of(user)


def statuses(client: Client, addresses: Iterator[str]) -> dict[str, int]:
    """Return the status of each URL; an exception fails the test, with the URL in its notes."""
    found = {}
    for address in addresses:
        try:
            found[address] = client.get(address).status_code
        except Exception as error:
            error.add_note(address[:300])
            raise
    return found


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Los_Angeles"])
@pytest.mark.parametrize("name", OWN_NAMES)
@pytest.mark.filterwarnings("ignore:DateTimeField .* received a naive datetime")
def test_no_parameter_of_a_list_breaks_it(
    root: Client, name: str, zone: str, settings: Any
) -> None:
    settings.TIME_ZONE = zone
    names = [*NAMES, *OWN_NAMES[name]]
    if zone != "Europe/Berlin":  # what depends on the zone
        names = [each for each in OWN_NAMES[name] if each in ("from", "to") or "__" in each]
    path = reverse(f"admin:{name}_changelist")
    urls = (f"{path}?{urlencode({n: v})}" for n, v in product(names, VALUES))
    found = statuses(root, urls)
    assert {status for status in found.values() if status not in (200, 302, 400)} == set()
    regex = [status for address, status in found.items() if "regex=" in address]
    assert set(regex) <= {400}


def keyed_addresses() -> Iterator[str]:
    for key in KEYS:
        yield f"/admin/posts/post/{key}/remove/"
        for page in ("change", "delete"):
            for app in (
                "posts/post",
                "auth/user",
                "moderation/auditentry",
                "moderation/auditevent",
            ):
                for query in ("", "?_to_field=", "?_to_field=nonsense"):
                    yield f"/admin/{app}/{key}/{page}/{query}"
        for page in ("change", "progress", "stop", "save", "confirm", "exclude", "return", "add"):
            yield f"/admin/moderation/removal/{key}/{page}/"
        yield f"/admin/posts/post/authors-of-removal/{key}/"
        for label, field in product(("posts.postimage", "x", "posts.post"), ("image", "%00", "pk")):
            yield f"/admin/moderation/removal/picture/{label}/{key}/{field}/"
            yield f"/admin/moderation/refusedpicture/refuse/{label}/{key}/"
        for page in ("lift", "again"):
            yield f"/admin/moderation/refusedpicture/{key}/{page}/"
        yield f"/admin/moderation/auditentry/suggest/removal/?term={key}"
        yield f"/admin/moderation/auditentry/suggest/actor/?term={key}"


def test_no_key_in_an_address_breaks_a_page(root: Client) -> None:
    found = statuses(root, keyed_addresses())
    assert {status for status in found.values() if status >= 500 and status != 502} == set()


def test_an_empty_to_field_names_no_column(root: Client) -> None:
    post = Post.objects.latest("pk")
    for page in ("change", "delete"):
        assert root.get(f"/admin/posts/post/{post.pk}/{page}/?_to_field=").status_code == 200


@pytest.mark.parametrize("key", [*KEYS, "a\0b"])
def test_no_selected_key_breaks_an_action(root: Client, key: str) -> None:
    chosen = {"action": "remove_selected", "_selected_action": key, "index": "0"}
    for path in ("/admin/posts/post/", "/admin/auth/user/"):
        assert root.post(path, chosen).status_code in (200, 302, 400)


def test_a_search_takes_ten_words_and_says_so(root: Client) -> None:
    for path in ("/admin/posts/post/", "/admin/auth/user/", "/admin/moderation/removal/"):
        ten, eleven = (root.get(path, {"q": " ".join(["p"] * n)}) for n in (10, 11))
        said = "A search may have at most 10 words."
        assert said not in ten.content.decode()
        assert said in eleven.content.decode()
        assert eleven.context["cl"].result_count == 0


def test_many_authors_that_match_many_words(root: Client) -> None:
    User.objects.bulk_create(User(username=f"abcdefghij{n}") for n in range(990))
    Post.objects.update(author=User.objects.get(username="abcdefghij7"))
    found = root.get("/admin/posts/post/", {"q": " ".join("abcdefghij")})
    assert found.context["cl"].result_count == 2


def test_draft_posts_survive_any_form(root: Client, make_posts: Any) -> None:
    user = User.objects.get(username="root")
    removal = drafted(make_posts(1), user)
    for value in [*VALUES, *KEYS, "1:" + "9" * 5000, "9" * 5000 + ":1", "0:\0"]:
        for action, name in product(
            ("save", "exclude", "return", "add", "refuse", "confirm"),
            (
                "object",
                "owner_of",
                "add_all",
                "add_ticked",
                "add",
                "last",
                "all",
                "seal",
                "reason",
                "note",
                "typed_count",
                "refuse",
                "refused-note",
                "refused-last_day",
            ),
        ):
            sent = {"seal": removal.seal, name: value}
            response = root.post(f"/admin/moderation/removal/{removal.pk}/{action}/", sent)
            assert response.status_code in (200, 302, 400)
        assert (
            root.get(
                f"/admin/moderation/removal/{removal.pk}/change/", {"p": value, "show": value}
            ).status_code
            == 200
        )
    removal.refresh_from_db()
    assert removal.state == "draft"
    assert not AuditEntry.objects.exists()
    assert PostImage.objects.count() == 3
