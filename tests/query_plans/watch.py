"""What PostgreSQL would do for the queries that were really sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connection

# Every table of `posts`, so that a new one is watched as well.
CONTENT_TABLES = frozenset(
    model._meta.db_table
    for model in apps.get_app_config("posts").get_models(include_auto_created=True)
)
# Whatever grows with the site. A table of a few rows is rightly read whole.
BIG_TABLES = frozenset(
    {"auth_user", "moderation_auditentry", "moderation_removalbatch", *CONTENT_TABLES}
)
# Counting all rows reads an index, but only of what VACUUM has seen since.
COUNT_OF_ALL = re.compile(r'SELECT COUNT\(\*\) AS "__count" FROM "\w+"')
EXPLAINED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


@contextmanager
def none_is_read_whole(tables: frozenset[str] = BIG_TABLES) -> Iterator[None]:
    """Fail when a query that the block sends reads one of the tables whole, by PostgreSQL's plan.

    The tables must hold enough rows, and have been analysed, so that it makes a difference.
    """
    plans: dict[tuple[str, str], dict[str, Any]] = {}

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        query = (sql, repr(params))
        if sql.lstrip().startswith(EXPLAINED) and not many and query not in plans:
            plans[query] = _plan_of(sql, params)  # now: a temporary table is gone afterwards
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield
    assert plans, "the block sent no query"
    read = [
        f"{table}: {sql} {params}"
        for (sql, params), plan in plans.items()
        if not COUNT_OF_ALL.fullmatch(sql)
        for table in tables & {*_read_whole(plan)}
    ]
    assert not read, "\n".join(read)


def _plan_of(sql: str, params: Any) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        (found,) = cursor.fetchone()
    plans: list[dict[str, Any]] = found if isinstance(found, list) else json.loads(found)
    return dict(plans[0]["Plan"])


def _read_whole(node: dict[str, Any], *, stops_at: float = 1.0) -> Iterator[str]:
    """The tables that are read by a sequential scan, and not stopped early by a LIMIT."""
    if node["Node Type"] == "Seq Scan" and stops_at > 1 / 2:
        yield node["Relation Name"]
    children = node.get("Plans", [])
    for child in children:
        share = stops_at
        if node["Node Type"] == "Limit":
            share *= node["Total Cost"] / max(child["Total Cost"], node["Total Cost"], 1)
        elif node["Node Type"] in {"Sort", "Aggregate", "Hash", "Materialize"}:
            share = 1.0  # it takes all rows before it gives the first
        yield from _read_whole(child, stops_at=share)
