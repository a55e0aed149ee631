"""Keys that are equal only in the database: "ABC" refers to "abc" if case is ignored."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext, isolate_apps

from moderation.cascade import make_plan
from moderation.cascade.collation import referenced_values
from moderation.exceptions import CannotFreeze

pytestmark = pytest.mark.django_db(transaction=True)


class CaselessField(models.CharField):
    """A field that ignores case in comparisons, on both engines."""

    def db_type(self, connection: Any) -> str | None:
        return "citext" if connection.vendor == "postgresql" else super().db_type(connection)

    def db_parameters(self, connection: Any) -> Any:
        parameters = super().db_parameters(connection)
        return parameters | ({"collation": "NOCASE"} if connection.vendor == "sqlite" else {})


@pytest.fixture
def terms() -> Any:
    """Return terms with a case-insensitive key, citations of them, and lines of citations."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS citext")
    with isolate_apps("tests.testapp"):

        class Term(models.Model):
            word = CaselessField(max_length=30, primary_key=True)

            class Meta:
                app_label = "library"

        class SpecialTerm(Term):
            class Meta:
                app_label = "library"

        class Citation(models.Model):
            term = models.ForeignKey(Term, on_delete=models.CASCADE)

            class Meta:
                app_label = "library"

        class CitationLine(models.Model):
            citation = models.ForeignKey(Citation, on_delete=models.CASCADE)

            class Meta:
                app_label = "library"

    made = (Term, SpecialTerm, Citation, CitationLine)
    with connection.schema_editor() as editor:
        for model in made:
            editor.create_model(model)
    yield made
    with connection.schema_editor() as editor:
        for model in reversed(made):
            editor.delete_model(model)


def test_rows_are_found_whatever_their_spelling(terms: Any) -> None:
    term, special, citation, line = terms
    for word in ("ÄÖ-日本", "abc", "zzz"):
        special.objects.create(word=word)
    for word in ("ABC", "abc", "aBc", "zzz"):
        line.objects.create(citation=citation.objects.create(term_id=word))
    plan = make_plan(term, ["abc", "ÄÖ-日本"], using="default", limit=100)
    assert plan.roots == ["abc", "ÄÖ-日本"]
    assert plan.counts.rows == {
        "library.Term": 2,
        "library.SpecialTerm": 2,
        "library.Citation": 3,
        "library.CitationLine": 3,
    }


def test_a_parent_is_found_by_another_spelling_too(terms: Any) -> None:
    term, special, _note, _line = terms
    term.objects.create(word="abc")
    special(term_ptr_id="ABC").save_base(raw=True)
    key = special.objects.values_list("pk", flat=True).get()
    plan = make_plan(special, [key], using="default", limit=100)
    assert plan.counts.rows["library.Term"] == 1


def test_a_query_is_sent_only_where_spellings_differ(terms: Any) -> None:
    term, _special, citation, _line = terms
    term.objects.create(word="abc")
    for word in ("abc", "abc", "ABC"):
        citation.objects.create(term_id=word)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            make_plan(term, ["abc"], using="default", limit=100)
        return len(captured)

    differing = queries()
    citation.objects.filter(pk=citation.objects.latest("pk").pk).delete()
    assert queries() == differing - 1


def test_a_value_that_refers_to_nothing_is_named(terms: Any) -> None:
    term, _special, citation, _line = terms
    with pytest.raises(CannotFreeze, match=r"library\.Citation\.term_id: no row was found"):
        referenced_values(
            citation, "term_id", ["lost"], target=term, target_column="word", using="default"
        )
