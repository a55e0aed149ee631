"""A change list takes the parameters that its page offers, and no others."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import BadRequest
from django.test import Client, RequestFactory
from django.urls import reverse

from moderation.admin.query_parameters import (
    MAX_WORDS,
    CheckedParameters,
    check_nul,
    has_too_many_words,
    is_used_by_filters,
)
from moderation.models import AuditEntry, AuditEvent, Removal
from posts.admin.picture_filter import NAMES, PictureFilter
from posts.models import Post
from tests.admin.test_hostile_urls import OWN_NAMES

pytestmark = pytest.mark.django_db


class Typed(admin.SimpleListFilter):
    """A filter with a parameter of its own."""

    title, parameter_name = "own", "own"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [("a", "a")]

    def queryset(self, request: Any, queryset: Any) -> Any:
        return queryset


class Offering(CheckedParameters):
    """A list with a filter of every type."""

    list_filter = (
        "is_staff", ("username", admin.AllValuesFieldListFilter), "groups", Typed, "groups__name",
    )  # fmt: skip
    date_hierarchy = "date_joined"


OFFERED = [
    "is_staff", "is_staff__exact", "is_staff__isnull", "username", "username__exact",
    "username__isempty", "groups", "groups__id__exact", "groups__isnull", "groups__pk__exact",
    "groups__name", "groups__name__exact", "date_joined__year", "date_joined__month",
    "date_joined__day", "date_joined__gte", "date_joined__lt", "own", "q", "p", "nonsense",
]  # fmt: skip
NOT_OFFERED = [
    "password", "password__startswith", "is_staff__regex", "is_staff__in", "username__icontains",
    "username__regex", "groups__name__regex", "groups__permissions", "groups__id__in",
    "groups__permissions__codename__exact", "date_joined", "date_joined__hour",
    "date_joined__year__gte", "date_joined__regex", "pk", "pk__in", "id__in",
    "last_login__gte", "user_permissions",
]  # fmt: skip


@pytest.fixture
def offering() -> Offering:
    return Offering(User, admin.AdminSite())


def is_allowed(model_admin: Offering, lookup: str) -> bool:
    return is_used_by_filters(model_admin, lookup, RequestFactory().get("/"))


@pytest.mark.parametrize("lookup", OFFERED)
def test_lookup_that_the_page_offers_is_allowed(lookup: str, offering: Offering) -> None:
    assert is_allowed(offering, lookup)


@pytest.mark.parametrize("lookup", NOT_OFFERED)
def test_other_lookups_on_columns_are_refused(lookup: str, offering: Offering) -> None:
    assert not is_allowed(offering, lookup)


@pytest.mark.parametrize(
    ("search", "too_many"),
    [
        ("", False),
        ("one", False),
        (" ".join(["w"] * MAX_WORDS), False),
        (" ".join(["w"] * (MAX_WORDS + 1)), True),
        ('"' + " ".join(["w"] * 50) + '"', False),
        ("'" + " ".join(["w"] * 50) + "'", False),
        ("  spaces \t do  not   count  ", False),
        ("a " * 5_000, True),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_words_of_a_search_are_counted(search: str, too_many: bool) -> None:
    assert has_too_many_words(search) is too_many


@pytest.mark.parametrize(
    ("query", "is_refused"),
    [
        ({"created_at__year": "2026"}, False),
        ({"created_at__year": "2"}, False),
        ({"created_at__year": "9998"}, False),
        ({"created_at__year": "1"}, True),
        ({"created_at__year": "9999"}, True),
        ({"created_at__year": "10000"}, True),
        ({"created_at__year": "-1"}, True),
        ({"created_at__year": "x"}, True),
        ({"created_at__year": ""}, True),
        ({"created_at__month": "13"}, False),
        ({"created_at__month": "x"}, True),
        ({"created_at__day": "31"}, False),
        ({"created_at__day": "99999"}, True),
        ({"created_at__gte": "2026-11-01"}, False),
        ({"created_at__gte": "0001-01-01"}, True),
        ({"created_at__lt": "9999-12-31"}, True),
        ({"created_at__lt": "10000-01-01"}, True),
        ({"created_at__lt": "tomorrow"}, False),
        ({"title__year": "1"}, False),
        ({"nonsense__year": "1"}, False),
        ({"created_at__hour": "1"}, False),
        ({"created_at__year": ["2026", "1"]}, True),
    ],
    ids=str,
)
def test_date_at_either_end_of_the_calendar_is_a_bad_request(
    query: dict[str, Any], is_refused: bool
) -> None:
    posts = CheckedParameters(Post, admin.AdminSite())
    request = RequestFactory().get("/", query)
    if is_refused:
        with pytest.raises(BadRequest):
            posts._check_dates(request)
    else:
        posts._check_dates(request)


@pytest.mark.parametrize(
    ("query", "is_refused"),
    [({"q": "a"}, False), ({"q": "a\0"}, True), ({"a\0": ""}, True), ({"q": ["a", "\0"]}, True)],
)
def test_nul_is_a_bad_request(query: dict[str, Any], is_refused: bool) -> None:
    request = RequestFactory().get("/", query)
    if is_refused:
        with pytest.raises(BadRequest):
            check_nul(request)
    else:
        check_nul(request)


@pytest.mark.parametrize("model", [Post, User, Removal, AuditEntry, AuditEvent])
def test_every_filter_of_a_list_is_tried_with_hostile_values(model: Any) -> None:
    """`test_hostile_urls` sends them; a new filter has to be named there."""
    model_admin = admin.site.get_model_admin(model)
    tried = {name.split("__")[0] for name in OWN_NAMES[model._meta.label_lower.replace(".", "_")]}
    for spec in model_admin.list_filter:
        item: Any = spec[0] if isinstance(spec, tuple) else spec
        if isinstance(item, str):
            names = [item]
        elif item is PictureFilter:
            names = [*NAMES]
        else:
            names = [field.name for field in getattr(item, "fields", ())] or [item.parameter_name]
        assert {name.split("__")[0] for name in names} <= tried, "add it to OWN_NAMES"


@pytest.mark.parametrize("model", [Post, User, Removal, AuditEntry, AuditEvent])
def test_every_list_of_ours_checks_its_parameters(model: Any) -> None:
    assert isinstance(admin.site.get_model_admin(model), CheckedParameters)


INITIAL = [
    {"author": "yes"}, {"author": "\0"}, {"author": "9" * 22}, {"author": "-1"}, {"author": ""},
    {"created_at": "x"}, {"created_at": "2026-11-01 10:00"}, {"title": "a\0b"}, {"nonsense": "1"},
]  # fmt: skip


@pytest.mark.parametrize("initial", INITIAL, ids=str)
def test_add_page_ignores_initial_values_that_its_fields_refuse(
    initial: dict[str, str], admin_client: Client
) -> None:
    page = admin_client.get(reverse("admin:posts_post_add"), initial)
    assert page.status_code == 200


def test_add_page_takes_initial_values_that_its_fields_accept(
    admin_client: Client, admin_user: User
) -> None:
    page = admin_client.get(
        reverse("admin:posts_post_add"),
        {"author": str(admin_user.pk), "title": "A title", "created_at": "2026-11-01 10:00+00:00"},
    )
    form = page.context["adminform"].form
    assert form.initial["author"] == admin_user.pk
    assert form.initial["title"] == "A title"
    assert form.initial["created_at"].day == 1
