"""What in a document does not agree with the code: each check yields a line for each problem."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import CommandError, get_commands, load_command_class
from django.core.management.base import BaseCommand, CommandParser
from gunicorn.config import Config  # type: ignore[import-untyped] # it has no types

from tests.project.documents import (
    FENCE,
    LINK,
    VARIABLE,
    Document,
    source_files,
    words_of_the_code,
)
from tests.services.processes import ROOT

LANGUAGES = {"sh", "python", "ini", "nginx", "caddy"}
DOTTED = re.compile(r"(?:moderation|posts|project|tests|benchmarks)(?:\.\w+)+")
FILE = re.compile(r"[\w.-]+(?:/[\w.*-]+)*/?")
FILE_ENDING = re.compile(r"\.(py|md|toml|html|gz)$")
NAME = re.compile(r"\w*[a-z]_\w+|[A-Z][A-Z0-9]*_[A-Z0-9_]+|[A-Z][a-z]+[A-Z]\w+")

# Programs of others, whose options are their own.
FOREIGN_PROGRAMS = {"pg_dump", "pg_restore", "sqlite3", "cp", "python3"}
# Settings of Caddy, the file in which an app of Django has its ModelAdmins, and a file of the
# folder that a benchmark is given.
FOREIGN_NAMES = {"read_body", "read_header", "admin.py", "posts.jsonl.gz"}
# What only running the site makes.
MADE = ("var", ".venv")
# Commands of apps that are installed with a setting only.
OPTIONAL_COMMANDS = {"rqworker": "django_rq"}


def block_problems(document: Document) -> Iterator[str]:
    """Yield the languages of fenced blocks that nothing here checks."""
    for language, _text in FENCE.findall(document.text):
        if language not in LANGUAGES:
            yield f"a block in {language or 'no language'}"


def command_problems(document: Document) -> Iterator[str]:
    """Yield what is wrong with the lines of shell, and with commands in the prose."""
    for words in document.commands:
        yield from _program_problems(words)
    for span in document.spans:
        words = span.removeprefix("manage.py ").split()
        if span.startswith("make "):
            yield from _make_problems(words[1:])
        elif span.startswith("gunicorn "):
            yield from _gunicorn_problems(words[1:])
        elif span.startswith("manage.py ") or (words[0] in get_commands() and words[1:]):
            yield from _option_problems(words)


def variable_problems(document: Document) -> Iterator[str]:
    """Yield the variables that are set somewhere and that no code reads."""
    shell = "\n".join(document.blocks("sh") + document.blocks("ini"))
    for name in {*VARIABLE.findall(shell), *VARIABLE.findall("\n".join(document.spans))}:
        if name not in words_of_the_code():
            yield f"{name} is not read anywhere"


def name_problems(document: Document) -> Iterator[str]:
    """Yield names of our code that do not exist: dotted ones, and single words."""
    for span in document.spans:
        name = span.removesuffix("()").partition("(")[0]
        if DOTTED.fullmatch(name) and not FILE_ENDING.search(name):
            if not _exists(name):
                yield f"{name} does not exist"
        elif NAME.fullmatch(name) and name not in words_of_the_code() | FOREIGN_NAMES:
            yield f"{name} is in no source file"


def path_problems(document: Document) -> Iterator[str]:
    """Yield the files and folders that do not exist."""
    for span in filter(FILE.fullmatch, document.spans):
        first, slash, _rest = span.partition("/")
        if first in MADE or span in FOREIGN_NAMES or not first.strip("."):
            continue
        is_path = slash and (ROOT / first).exists()
        if not is_path and not FILE_ENDING.search(span):
            continue
        if not slash and span in {path.name for path in source_files()}:
            continue  # "admin.py" is any file of that name
        if not list(ROOT.glob(span.rstrip("/"))):
            yield f"{span} does not exist"


def link_problems(document: Document) -> Iterator[str]:
    """Yield the links into the repository that lead nowhere."""
    for target in LINK.findall(document.prose):
        if target.startswith(("http://", "https://")):
            continue
        name, _hash, anchor = target.partition("#")
        path = (document.path.parent / name).resolve() if name else document.path
        if not path.exists():
            yield f"{target}: no such file"
        elif anchor and anchor not in (Document.read(path) if name else document).anchors:
            yield f"{target}: no such heading"


def python_problems(document: Document) -> Iterator[str]:
    """Yield what is wrong with imports from moderation and with the arguments of its functions."""
    for block in document.blocks("python"):
        tree = ast.parse(block)
        imported: dict[str, Any] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("moderation"):
                module = importlib.import_module(str(node.module))
                for alias in node.names:
                    if not hasattr(module, alias.name):
                        yield f"{node.module} has no {alias.name}"
                    else:
                        imported[alias.name] = getattr(module, alias.name)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield from _argument_problems(imported.get(node.func.id), node)


CHECKS = (
    block_problems, command_problems, variable_problems, name_problems, path_problems,
    link_problems, python_problems,
)  # fmt: skip


def parser_of(command: str) -> CommandParser:
    """Return the parser of a command of manage.py. Raises CommandError for an unknown one."""
    app = get_commands().get(command) or OPTIONAL_COMMANDS.get(command)
    if app is None:
        raise CommandError(f"manage.py has no command {command}")
    made = app if isinstance(app, BaseCommand) else load_command_class(app, command)
    return made.create_parser("manage.py", command)


def _program_problems(words: list[str]) -> Iterator[str]:
    program = Path(words[0]).name
    if "manage.py" in words:
        yield from _manage_problems(words[words.index("manage.py") + 1 :])
    elif program == "make":
        yield from _make_problems(words[1:])
    elif program == "gunicorn":
        yield from _gunicorn_problems(words[1:])
    elif program == "pytest":
        paths = [word for word in words[1:] if not word.startswith("-")]
        yield from (f"{path} does not exist" for path in paths if not (ROOT / path).exists())
    elif "pip" in words:
        yield from _pip_problems(words)
    elif words[:2] == ["python", "-m"]:
        if not importlib.util.find_spec(words[2]):
            yield f"{words[2]} is not a module"
    elif program not in FOREIGN_PROGRAMS:
        yield f"{program}: nothing here knows this program"


def _manage_problems(words: list[str]) -> Iterator[str]:
    """Parse a whole command, with its arguments."""
    try:
        parser_of(words[0]).parse_args(words[1:])
    except CommandError as error:
        yield f"{' '.join(words)}: {error}"


def _option_problems(words: list[str]) -> Iterator[str]:
    """Look for the options alone: the prose leaves out what a command requires."""
    try:
        parser = parser_of(words[0])
    except CommandError as error:
        yield str(error)
        return
    for word in words[1:]:
        option = word.partition("=")[0]
        if option.startswith("--") and option not in parser._option_string_actions:
            yield f"{words[0]} has no option {option}"


def _make_problems(words: list[str]) -> Iterator[str]:
    makefile = (ROOT / "Makefile").read_text()
    for target in (word for word in words if "=" not in word):
        if not re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE):
            yield f"make has no target {target}"


def _gunicorn_problems(words: list[str]) -> Iterator[str]:
    try:
        found, unknown = Config().parser().parse_known_args(words)
    except SystemExit:
        yield f"gunicorn does not take {' '.join(words)}"
        return
    yield from (f"gunicorn has no option {word}" for word in unknown)
    modules = [name.removeprefix("python:") for name in (found.config, *found.args) if name]
    for module in modules:
        if not _exists(module):
            yield f"{module} does not exist"


def _pip_problems(words: list[str]) -> Iterator[str]:
    requirements = "\n".join(path.read_text() for path in ROOT.glob("requirements*.txt"))
    for word in words:
        if word.endswith(".txt") and not (ROOT / word).exists():
            yield f"{word} does not exist"
        if "==" in word and word not in requirements:
            yield f"{word} is not the version that the requirements pin"


def _argument_problems(function: Any, call: ast.Call) -> Iterator[str]:
    if function is None:
        return
    known = inspect.signature(function).parameters
    for keyword in call.keywords:
        if keyword.arg not in known:
            yield f"{function.__name__} has no argument {keyword.arg}"


def _exists(name: str) -> bool:
    """Return whether a dotted name is a module, something in one, a permission or a check."""
    label, _dot, rest = name.partition(".")
    if apps.is_installed(label) and rest in _codes(label):
        return True
    parts = name.split(".")
    found: Any = None
    for end, part in enumerate(parts, start=1):
        if hasattr(found, part):
            found = getattr(found, part)
        elif found is None or inspect.ismodule(found):
            try:
                found = importlib.import_module(".".join(parts[:end]))
            except ModuleNotFoundError:
                return False
        else:
            return False
    return True


def _codes(label: str) -> set[str]:
    """Return the codes of an app's own permissions, and the numbers of its system checks."""
    models = apps.get_app_config(label).get_models()
    permissions = {code for model in models for code, _name in model._meta.permissions}
    code = "\n".join(path.read_text() for path in (ROOT / label).rglob("*.py"))
    return permissions | set(re.findall(rf'id="{label}\.([EW]\d+)"', code))
