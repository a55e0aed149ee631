"""A ModelAdmin of any model has a large list after inheriting from the mixin."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Lower
from django.test import Client
from django.test.utils import CaptureQueriesContext

from moderation.admin.large_lists import LargeListMixin, RelatedCount, pagination
from tests.admin.conftest import browser_of
from tests.admin.desk import a_site, serving
from tests.testapp.models import Exhibit, Shelf, Visit, Volume

pytestmark = pytest.mark.django_db

VOLUMES = RelatedCount(Volume, "shelf")
LIST = "/desk/library/shelf/"
GUIDE = Path(__file__).resolve().parents[3] / "docs" / "integrators.md"


class ShelfAdmin(LargeListMixin, admin.ModelAdmin):
    list_display = ("name", "upper", "volumes")
    list_display_links = ("upper",)
    list_editable = ("name",)
    list_per_page = 2
    search_fields = ("name",)
    page_annotations = {"volume_total": VOLUMES}

    @admin.display(ordering=Lower("name"))
    def upper(self, shelf: Shelf) -> str:
        return shelf.name.upper()

    @admin.display(ordering=VOLUMES)
    def volumes(self, shelf: Any) -> int:
        return int(shelf.volume_total)


class SortedShelfAdmin(ShelfAdmin):
    ordering = (Lower("name"),)


class VisitAdmin(LargeListMixin, admin.ModelAdmin):
    date_hierarchy = "day"
    autocomplete_fields = ("exhibit",)


class ExhibitAdmin(LargeListMixin, admin.ModelAdmin):
    search_fields = ("key",)


@pytest.fixture
def root() -> Iterator[Client]:
    site = a_site("desk", Shelf, Visit, Exhibit, shelf=ShelfAdmin, visit=VisitAdmin,
                  exhibit=ExhibitAdmin)  # fmt: skip
    with serving(site):
        yield browser_of(User.objects.create_superuser("root"))


def fill_shelves() -> None:
    """Make shelves b, C, a, D and e with 0, 2, 1, 0 and 2 volumes, and a volume without a shelf."""
    for name, volumes in (("b", 0), ("C", 2), ("a", 1), ("D", 0), ("e", 2)):
        shelf = Shelf.objects.create(name=name)
        Volume.objects.bulk_create(Volume(shelf=shelf) for _ in range(volumes))
    Volume.objects.create()


def names(client: Client, order: str = "") -> str:
    """Return the names on all three pages."""
    parameters = {"o": order} if order else {}
    pages = [client.get(LIST, {**parameters, "p": str(page)}) for page in (1, 2, 3)]
    return "".join(shelf.name for page in pages for shelf in page.context["cl"].result_list)


@pytest.mark.parametrize(
    ("order", "expected"),
    [("3.2", "bDaCe"), ("-3.2", "CeabD"), ("3.-2", "DbaeC"), ("2", "abCDe"), ("-2", "eDCba")],
)
def test_pages_hold_all_rows_in_the_chosen_order(root: Client, order: str, expected: str) -> None:
    fill_shelves()
    assert names(root, order) == expected


def test_pages_hold_all_rows_in_the_order_of_an_expression() -> None:
    fill_shelves()
    with serving(a_site("desk", Shelf, shelf=SortedShelfAdmin)):
        assert names(browser_of(User.objects.create_superuser("root"))) == "abCDe"


def test_a_row_shows_the_number_of_its_related_rows(root: Client) -> None:
    fill_shelves()
    page = root.get(LIST, {"o": "2"}).text
    assert re.findall(r'field-volumes">(\d)', page) == ["1", "0"]


def test_rows_can_be_edited_in_the_list(root: Client) -> None:
    shelf = Shelf.objects.create(name="before")
    form = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": str(shelf.pk),
            "form-0-name": "after", "_save": "Save"}  # fmt: skip
    assert root.post(LIST, form).status_code == 302
    shelf.refresh_from_db()
    assert shelf.name == "after"


def test_the_page_says_when_more_rows_match_than_are_counted(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagination, "COUNTED_ROWS", 3)
    Shelf.objects.bulk_create(Shelf(name=f"shelf {number}") for number in range(5))
    assert "5 shelfs" in root.get(LIST).text
    page = root.get(LIST, {"q": "shelf"}).text
    for text in ("more than 3 shelfs", "more than 3 results", "Select all shelfs found"):
        assert text in page


def test_a_page_needs_the_same_number_of_queries_for_few_and_for_many_rows(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ShelfAdmin, "list_per_page", 100)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            root.get(LIST, {"q": ""})
        return len(captured)

    fill_shelves()
    queries()
    few = queries()
    for _ in range(5):
        fill_shelves()
    assert queries() == few


@pytest.mark.parametrize(
    ("cap", "shown", "evaluations"),
    [
        (10_000, {"p": "1"}, 1),
        (10_000, {"p": "3"}, 1),
        (10_000, {"all": ""}, 1),
        (3, {"p": "1"}, 2),
    ],
)
def test_rows_of_a_page_are_read_by_key_without_the_filters(
    cap: int,
    shown: dict[str, str],
    evaluations: int,
    root: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pagination, "COUNTED_ROWS", cap)
    Shelf.objects.bulk_create(Shelf(name=f"shelf {number}") for number in range(7))
    with CaptureQueriesContext(connection) as captured:
        root.get(LIST, {"q": "shelf", **shown})
    assert sum(" LIKE " in query["sql"] for query in captured) == evaluations


@pytest.mark.parametrize("cap", [1, 10_000])
def test_the_date_hierarchy_offers_the_days_of_a_date_field(
    root: Client, monkeypatch: pytest.MonkeyPatch, cap: int
) -> None:
    monkeypatch.setattr(pagination, "COUNTED_ROWS", cap)
    exhibit = Exhibit.objects.create()
    for day in (date(2024, 3, 1), date(2024, 3, 2), date(2025, 1, 31), None):
        Visit.objects.create(exhibit=exhibit, day=day)
    page = root.get("/desk/library/visit/").text
    assert re.findall(r'"\?day__year=(\d+)"', page) == ["2024", "2025"]
    page = root.get("/desk/library/visit/", {"day__year": "2024"}).text
    assert re.findall(r">(\w+ \d+)</a>", page.split("toplinks")[1]) == ["March 2024"]


@pytest.mark.filterwarnings("ignore:Pagination may yield inconsistent results")
def test_an_autocomplete_field_finds_rows_of_a_model_without_an_order(root: Client) -> None:
    Exhibit.objects.create(key="one")
    found = root.get(
        "/desk/autocomplete/",
        {"app_label": "library", "model_name": "visit", "field_name": "exhibit", "term": "on"},
    )
    assert len(found.json()["results"]) == 1


def test_the_documented_example_works(monkeypatch: pytest.MonkeyPatch) -> None:
    section = GUIDE.read_text().split("\n## Lists of millions of rows\n")[1]
    example = section.split("```python\n")[1].split("```")[0]
    for name, ours in {"Product": "Shelf", "Photo": "Volume", '"product"': '"shelf"'}.items():
        example = example.replace(name, ours)
    monkeypatch.setitem(sys.modules, "shop.models", sys.modules[Shelf.__module__])
    fill_shelves()
    try:
        exec(example, {})  # noqa: S102
        client = browser_of(User.objects.create_superuser("root"))
        with serving(admin.site):
            page = client.get("/admin/library/shelf/?o=-2").text
    finally:
        admin.site.unregister(Shelf)
    assert re.findall(r'field-photos">(\d)', page) == ["2", "2", "1", "0", "0"]
