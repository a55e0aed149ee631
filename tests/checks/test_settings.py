"""Checks of the settings: each limit has a range, and a misspelt name is reported."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from moderation import conf
from moderation.checks.settings import check_limits, check_names
from moderation.conf import LIMITS, Limit
from tests.services.processes import ROOT

pytestmark = pytest.mark.django_db  # other checks, which run too, read the tables
WRONG = ["500", "abc", 1.5, None, True, [], -1]


def test_the_settings_of_this_site_are_right() -> None:
    assert check_limits() == []
    assert check_names() == []


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_e029_each_limit_outside_its_range(limit: Limit, settings: Settings) -> None:
    for value in (limit.lowest - 1, limit.highest + 1):
        setattr(settings, limit.name, value)
        (message,) = check_limits()
        assert message.id == "moderation.E029"
        assert message.msg == f"{limit.name} is {value}."
        assert f"from {limit.lowest} to {limit.highest}" in str(message.hint)


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_each_limit_may_be_its_lowest_and_its_highest_value(
    limit: Limit, settings: Settings
) -> None:
    for value in (limit.lowest, limit.highest):
        setattr(settings, limit.name, value)
        assert check_limits() == []
        assert limit() == value


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_e029_a_value_that_is_not_a_whole_number(value: object, settings: Settings) -> None:
    settings.MODERATION_BATCH_OBJECTS = value
    (message,) = [each for each in run_checks() if each.id == "moderation.E029"]
    assert message.msg == f"MODERATION_BATCH_OBJECTS is {value!r}."


def test_e029_names_every_limit_that_is_wrong(settings: Settings) -> None:
    for limit in LIMITS:
        setattr(settings, limit.name, 0)
    assert [message.msg.split()[0] for message in check_limits()] == [
        limit.name for limit in LIMITS
    ]


def test_w030_a_setting_that_does_not_exist(settings: Settings) -> None:
    settings.MODERATION_BATCH_SIZE = 5
    (message,) = [each for each in run_checks() if each.id == "moderation.W030"]
    assert message.msg == "MODERATION_BATCH_SIZE is not a setting of moderation."
    assert message.hint


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ([], []),
        (("posts.Post",), []),
        ({"posts.Post"}, []),
        (["posts.Post", "posts.Gone"], ["'posts.Gone'"]),
        (["posts.post"], ["'posts.post'"]),
        (["posts"], ["'posts'"]),
        ([None], ["None"]),
        ("posts.Post", ["'posts.Post'"]),  # would be read as a list of letters
    ],
    ids=repr,
)
def test_w030_an_unregistered_model_that_does_not_exist(
    value: object, named: list[str], settings: Settings
) -> None:
    settings.MODERATION_UNREGISTERED = value
    messages = check_names()
    assert [message.msg for message in messages] == [
        f"MODERATION_UNREGISTERED names {name}, which is not a model." for name in named
    ]
    assert all(message.id == "moderation.W030" for message in messages)


def test_every_limit_is_listed() -> None:
    defined = [value for value in vars(conf).values() if isinstance(value, Limit)]
    assert list(LIMITS) == defined, "add the limit to LIMITS, which checks and settings read"


def test_every_limit_is_used_and_read_only_where_it_is_used() -> None:
    """A limit that is called at the top of a module would be read once, before tests change it."""
    sources = [path for path in (ROOT / "moderation").rglob("*.py") if path.name != "conf.py"]
    text = "\n".join(path.read_text() for path in sources)
    names = [name for name, value in vars(conf).items() if isinstance(value, Limit)]
    assert [name for name in names if f"conf.{name}()" not in text] == []
    assert [path for path in sources if calls_at_import(path)] == []


def calls_at_import(path: Path) -> bool:
    """Return whether a module calls a limit outside its functions."""
    module = ast.parse(path.read_text())
    outside = [node for node in module.body if not isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return any(
        isinstance(node, ast.Call) and ast.unparse(node.func).startswith("conf.")
        for statement in outside
        for node in ast.walk(statement)
    )


def test_each_limit_has_its_reason_and_unit_above_it() -> None:
    lines = (ROOT / "moderation" / "conf.py").read_text().splitlines()
    defined = [number for number, line in enumerate(lines) if " = Limit(" in line]
    assert len(defined) == len(LIMITS)
    assert [lines[number] for number in defined if not lines[number - 1].startswith("# ")] == []
