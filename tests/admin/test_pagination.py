"""The pages of a capped list are those of Django's list, up to the cap."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.paginator import EmptyPage, PageNotAnInteger, Paginator
from django.db import connection
from django.test.utils import CaptureQueriesContext

from moderation.admin.large_lists import pagination
from moderation.admin.large_lists.pagination import LargeListPaginator

pytestmark = pytest.mark.django_db

CAP = 12


@pytest.fixture(autouse=True)
def cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "COUNTED_ROWS", CAP)


def users(number: int) -> None:
    User.objects.bulk_create(
        User(username=f"user-{n:02}", is_staff=bool(n % 2)) for n in range(number)
    )


def rows(*, filtered: bool) -> Any:
    found = User.objects.order_by("-username")
    return found.filter(username__startswith="user") if filtered else found


@pytest.mark.parametrize("filtered", [True, False])
@pytest.mark.parametrize("number", [0, 1, 4, 5, 6, CAP - 1, CAP])
def test_pages_are_those_of_django_up_to_the_cap(number: int, filtered: bool) -> None:
    users(number)
    ours, djangos = (
        LargeListPaginator(rows(filtered=filtered), 5),
        Paginator(rows(filtered=filtered), 5),
    )
    assert (ours.count, ours.num_pages) == (djangos.count, djangos.num_pages)
    assert not ours.is_capped
    for page in djangos.page_range:
        assert list(ours.page(page)) == list(djangos.page(page))


@pytest.mark.parametrize("number", [CAP + 1, CAP + 30])
def test_filtered_rows_beyond_the_cap_have_no_page(number: int) -> None:
    users(number)
    ours = LargeListPaginator(rows(filtered=True), 5)
    assert (ours.count, ours.num_pages, ours.is_capped) == (CAP, 3, True)
    shown = [user for page in ours.page_range for user in ours.page(page)]
    assert shown == list(rows(filtered=True)[:CAP])
    with pytest.raises(EmptyPage):
        ours.page(4)


@pytest.mark.parametrize("number", [CAP + 1, CAP + 30])
def test_list_without_filters_has_all_pages(number: int) -> None:
    users(number)
    ours = LargeListPaginator(rows(filtered=False), 5)
    assert (ours.count, ours.is_capped) == (number, False)
    shown = [user for page in ours.page_range for user in ours.page(page)]
    assert shown == list(rows(filtered=False))


@pytest.mark.parametrize("page", [0, -1, 99])
def test_page_that_does_not_exist_is_empty(page: int) -> None:
    users(3)
    with pytest.raises(EmptyPage):
        LargeListPaginator(rows(filtered=True), 5).page(page)
    with pytest.raises(PageNotAnInteger):
        LargeListPaginator(rows(filtered=True), 5).page("x")


@pytest.mark.parametrize(
    ("number", "filtered", "few"),
    [(3, True, True), (CAP, True, True), (CAP + 1, True, False), (3, False, False)],
)
def test_only_few_filtered_rows_are_ordered_by_their_keys(
    number: int, filtered: bool, few: bool
) -> None:
    users(number)
    paginator = LargeListPaginator(rows(filtered=filtered), 5)
    assert (paginator.keys_if_few is not None) is few
    if few:
        assert paginator.keys_if_few == [user.pk for user in rows(filtered=True)]


@pytest.mark.parametrize("filtered", [True, False])
def test_number_of_queries_does_not_depend_on_the_page(filtered: bool) -> None:
    users(CAP + 5)

    def queries(page: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            list(LargeListPaginator(rows(filtered=filtered), 5).page(page))
        return len(captured)

    assert queries(1) == queries(3) <= 4


def test_combined_conditions_are_kept_on_each_page() -> None:
    users(10)
    staff = rows(filtered=True).filter(is_staff=True)
    shown = [user for page in (1, 2) for user in LargeListPaginator(staff, 3).page(page)]
    assert [user.username for user in shown] == [f"user-{n:02}" for n in (9, 7, 5, 3, 1)]
