"""Every system check has a number of its own, a hint, a test, and a row in the documents."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NamedTuple

import pytest
from django.core import checks
from django.core.checks import registry

from moderation import checks as package
from moderation.admin.checks import ADMIN_CHECKS
from moderation.apps import check_admin
from moderation.checks import site
from tests.services.processes import ROOT

MODULES = [
    import_module(f"moderation.checks.{found.name}") for found in iter_modules(package.__path__)
]
NUMBER = re.compile(r"moderation\.([EW])(\d{3})")


class Message(NamedTuple):
    """A message that the code of a check makes."""

    path: Path
    function: ast.FunctionDef
    call: ast.Call

    def argument(self, name: str) -> ast.expr | None:
        return next((each.value for each in self.call.keywords if each.arg == name), None)

    @property
    def id(self) -> str:
        return ast.literal_eval(self.argument("id") or ast.Constant(""))  # type: ignore[no-any-return]

    @property
    def is_error(self) -> bool:
        return ast.unparse(self.call.func).endswith("Error")


def messages_in(path: Path) -> Iterator[Message]:
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef):
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and is_message(call):
                    yield Message(path, function, call)


def is_message(call: ast.Call) -> bool:
    return ast.unparse(call.func) in ("Error", "Warning", "checks.Error", "checks.Warning")


FILES = [*sorted((ROOT / "moderation/checks").glob("*.py")), ROOT / "moderation/admin/checks.py"]
MESSAGES = [message for path in FILES for message in messages_in(path)]
SITE_CHECKS: list[Callable[..., Any]] = [
    *(check for module in MODULES for check in getattr(module, "MODEL_CHECKS", ())),
    *(check for module in MODULES for check in getattr(module, "DATABASE_CHECKS", ())),
    site.check_environment,
]


def label(message: Message) -> str:
    return f"{message.id} in {message.function.name}"


def test_messages_are_found() -> None:
    assert len(MESSAGES) > 25


@pytest.mark.parametrize("message", MESSAGES, ids=label)
def test_number_and_class_of_a_message_agree(message: Message) -> None:
    found = NUMBER.fullmatch(message.id)
    assert found, f"{message.function.name}: give the message an id like moderation.E030"
    assert found[1] == ("E" if message.is_error else "W")


@pytest.mark.parametrize("message", MESSAGES, ids=label)
def test_message_says_what_to_do(message: Message) -> None:
    hint = message.argument("hint")
    assert hint is not None, f"{label(message)} needs a hint"
    text = "".join(each.value for each in ast.walk(hint) if is_text(each))  # type: ignore[attr-defined]
    assert len(text) > 10 or not text


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.mark.parametrize("message", MESSAGES, ids=label)
def test_docstring_of_a_check_begins_with_its_numbers(message: Message) -> None:
    documented = (ast.get_docstring(message.function) or "").partition(":")[0]
    assert message.id.removeprefix("moderation.") in documented.split(", ")


def test_each_number_belongs_to_one_function() -> None:
    functions = {(message.id, message.function.name) for message in MESSAGES}
    assert [n for n, count in Counter(number for number, _ in functions).items() if count > 1] == []


def test_numbers_have_no_gaps_and_none_is_both_an_error_and_a_warning() -> None:
    numbers = sorted({int(message.id[-3:]) for message in MESSAGES})
    assert numbers == list(range(1, len(numbers) + 1)), "use the next free number"
    assert len({message.id for message in MESSAGES}) == len(numbers)


@pytest.mark.parametrize("message", MESSAGES, ids=label)
def test_each_number_is_expected_by_a_test(message: Message) -> None:
    short = message.id.removeprefix("moderation.")
    mentioned = re.compile(rf"\b{short}\b|_{short.lower()}_|{message.function.name}\(")
    tests = [path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]
    assert any(mentioned.search(path.read_text()) for path in tests), f"test what {short} finds"


def test_each_function_that_makes_messages_is_a_listed_check() -> None:
    """A check that nobody added to a tuple at the end of its module would never run."""
    listed = {check.__name__ for check in (*SITE_CHECKS, *ADMIN_CHECKS)}
    assert {message.function.name for message in MESSAGES} == listed


def test_the_listed_checks_are_the_registered_ones() -> None:
    registered = registry.registry.get_checks(include_deployment_checks=True)
    ours = [each for each in registered if each.__module__.startswith("moderation.")]
    assert Counter(ours) == Counter([*SITE_CHECKS, check_admin])


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_checks_that_need_a_database_do_nothing_without_one(module: Any) -> None:
    """`manage.py check` passes no database; pytest refuses access to one here."""
    for check in getattr(module, "DATABASE_CHECKS", ()):
        assert check() == []
        assert check(databases=[]) == []
        assert checks.Tags.database in check.tags
