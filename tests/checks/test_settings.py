"""Checks of the settings: each limit has a range, and a misspelt name is reported."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from moderation import conf
from moderation.checks.settings import check_names, check_values
from moderation.conf import CHOICES, LIMITS, Choice, Limit
from tests.services.processes import ROOT

pytestmark = pytest.mark.django_db  # other checks, which run too, read the tables
WRONG = ["500", "abc", 1.5, None, True, [], -1]


def test_the_settings_of_this_site_are_right() -> None:
    assert check_values() == []
    assert check_names() == []


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_e029_each_limit_outside_its_range(limit: Limit, settings: Settings) -> None:
    for value in (limit.lowest - 1, limit.highest + 1):
        setattr(settings, limit.name, value)
        (message,) = check_values()
        assert message.id == "moderation.E029"
        assert message.msg == f"{limit.name} is {value}."
        assert f"from {limit.lowest} to {limit.highest}" in str(message.hint)


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_each_limit_may_be_its_lowest_and_its_highest_value(
    limit: Limit, settings: Settings
) -> None:
    for value in (limit.lowest, limit.highest):
        setattr(settings, limit.name, value)
        assert check_values() == []
        assert limit() == value


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_e029_a_value_that_is_not_a_whole_number(value: object, settings: Settings) -> None:
    settings.MODERATION_BATCH_OBJECTS = value
    (message,) = [each for each in run_checks() if each.id == "moderation.E029"]
    assert message.msg == f"MODERATION_BATCH_OBJECTS is {value!r}."


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.name)
def test_each_choice_may_be_each_of_its_values(
    choice: Choice[bool] | Choice[str], settings: Settings
) -> None:
    for value in choice.values:
        setattr(settings, choice.name, value)
        assert check_values() == []
        assert choice() == value


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.name)
@pytest.mark.parametrize("value", ["true", "huge", 1, 0, None, [True]], ids=repr)
def test_e029_a_value_that_is_none_of_those_of_a_choice(
    choice: Choice[bool] | Choice[str], value: object, settings: Settings
) -> None:
    setattr(settings, choice.name, value)
    (message,) = check_values()
    assert message.msg == f"{choice.name} is {value!r}."
    assert all(repr(each) in str(message.hint) for each in choice.values)


def test_e029_names_every_setting_that_is_wrong(settings: Settings) -> None:
    every = [each.name for each in (*LIMITS, *CHOICES)]
    for name in every:
        setattr(settings, name, 0)
    assert [message.msg.split()[0] for message in check_values()] == every


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


def test_every_limit_and_choice_is_listed() -> None:
    """Checks and settings read the lists."""
    defined = [value for value in vars(conf).values() if isinstance(value, Limit)]
    assert list(LIMITS) == defined, "add the limit to LIMITS"
    choices = [value for value in vars(conf).values() if isinstance(value, Choice)]
    assert list(CHOICES) == choices, "add the choice to CHOICES"


def test_every_setting_is_used_and_read_only_where_it_is_used() -> None:
    """One that is called at the top of a module would be read once, before tests change it."""
    sources = [path for path in (ROOT / "moderation").rglob("*.py") if path.name != "conf.py"]
    text = "\n".join(path.read_text() for path in sources)
    names = [name for name, value in vars(conf).items() if isinstance(value, Limit | Choice)]
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
