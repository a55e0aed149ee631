"""Every command of moderation and posts is described, careful with what it destroys, and polite.

The commands are those that Django finds, so a new command is tested from its first day.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.core.management.base import BaseCommand

from moderation.models import AuditEntry, AuditEvent, StorageIdentity
from posts.models import Post
from tests.project.documents import DOCUMENTS
from tests.services.processes import ROOT

COMMANDS = sorted(name for name, app in get_commands().items() if app in ("moderation", "posts"))

# Commands that write or delete more than one row or file, and why they need no --dry-run.
DRY_RUN = {"purge", "hash_images", "import_posts", "restore_fixtures"}
NO_DRY_RUN = {
    "export_audit": "writes one new file, and never over another",
    "find_orphans": "deletes nothing",
    "mark_storage": "a second run changes nothing; --replace says what to make sure of first",
}
# Commands that take long show a bar; the others say why they need none.
NO_BAR = {
    "find_orphans": "prints a line for each file",
    "mark_storage": "writes one file for each storage",
}
# Arguments that are refused, and what the message says. Each command has at least one.
REFUSED: list[tuple[str, list[str], str]] = [
    ("export_audit", [], "the following arguments are required: FILE"),
    ("export_audit", ["{folder}"], "already exists. Choose another name, or delete it first."),
    ("export_audit", ["{folder}/no/log.csv"], "No such file or directory"),
    ("export_audit", ["{new}", "--format", "pdf"], "invalid choice: 'pdf'"),
    ("export_audit", ["{new}", "--state", "gone"], "invalid choice: 'gone'"),
    ("export_audit", ["{new}", "--removal", "x"], "invalid int value: 'x'"),
    ("export_audit", ["{new}", "--from", "x"], "x is not a date. Write it as YYYY-MM-DD."),
    ("export_audit", ["{new}", "--to", "2026-02-30"], "2026-02-30 is not a date. Write it as"),
    ("find_orphans", ["nowhere"], "nowhere is not in STORAGES. Choose one of attachments, default"),
    ("find_orphans", ["--prefix", "no/such"], "no/such does not exist."),
    ("find_orphans", ["--prefix", "../.."], "The folder ../.. is outside the storage."),
    ("find_orphans", ["--prefix", "a.txt"], "a.txt is not a folder."),
    *(
        ("find_orphans", [f"--older-than={hours}"], f"{hours} is not a number of hours from 0 to")
        for hours in ("x", "-1", "nan", "inf", "1e12", "")
    ),
    ("hash_images", ["posts.PostImage"], "unrecognized arguments: posts.PostImage"),
    ("import_posts", ["{new}", "--images", "{folder}"], "there is no such file."),
    ("import_posts", ["{file}", "--images", "{new}"], "there is no such folder."),
    ("import_posts", ["{file}"], "the following arguments are required: --images"),
    ("mark_storage", ["nowhere"], "nowhere is not in STORAGES. Choose one of attachments, default"),
    ("mark_storage", ["default", "nowhere"], "nowhere is not in STORAGES."),
    ("purge", ["--loop", "--check"], "not allowed with argument"),
    ("purge", ["--dry-run", "--retry-failed"], "not allowed with argument"),
    ("purge", ["now"], "unrecognized arguments: now"),
    ("restore_fixtures", ["../demo"], "'../demo' is not a valid name of a fixture, such as demo."),
    ("restore_fixtures", ["none", "--environment={environment}"],
     "There is no fixtures/none.json."),
    ("restore_fixtures", ["demo", "--environment=other"], "This environment is not other"),
]  # fmt: skip
# Commands that change nothing, run as they are.
READ_ONLY = [
    ["purge", "--check"],
    ["purge", "--dry-run"],
    ["hash_images", "--dry-run"],
    ["find_orphans", "--older-than=0"],
]


def made(name: str) -> BaseCommand:
    return load_command_class(get_commands()[name], name)


def source_of(name: str) -> ast.Module:
    return ast.parse(Path(inspect.getfile(type(made(name)))).read_text())


def own_actions(name: str) -> Iterator[argparse.Action]:
    """Yield the options and arguments that Django does not give to every command."""
    of_all = {action.dest for action in BaseCommand().create_parser("manage.py", "x")._actions}
    parser = made(name).create_parser("manage.py", name)
    yield from (action for action in parser._actions if action.dest not in of_all)


ACTIONS = [
    pytest.param(name, action, id=f"{name}-{action.dest}")
    for name in COMMANDS for action in own_actions(name)
]  # fmt: skip


def test_commands_are_found() -> None:
    assert {"purge", "export_audit", "import_posts"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_the_command_does_in_sentences(name: str) -> None:
    text = made(name).help
    assert len(text.split()) > 15, f"{name}: say in `help` what it reads, changes and leaves alone"
    assert text.endswith(".")
    assert text[0].isupper()
    assert made(name).create_parser("manage.py", name).format_help()


@pytest.mark.parametrize(("name", "action"), ACTIONS)
def test_each_option_has_a_help_text(name: str, action: argparse.Action) -> None:
    assert action.help, f"{name}: give {action.dest} a help text"
    assert action.help[0].islower() or action.help.split()[0].isupper() or "xlsx" in action.help
    long = [option for option in action.option_strings if option.startswith("--")]
    assert long or not action.option_strings, "an option has a long name"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_in_a_guide(name: str) -> None:
    guides = [path for path in DOCUMENTS if path.parent.name == "docs"]
    assert any(f"manage.py {name}" in path.read_text() for path in guides), (
        f"say in docs/operators.md when to run {name}"
    )


@pytest.mark.parametrize(("name", "action"), ACTIONS)
def test_each_option_is_in_a_guide_or_says_all_in_its_help(
    name: str, action: argparse.Action
) -> None:
    option = next(iter(action.option_strings), "")
    text = "\n".join(path.read_text() for path in DOCUMENTS)
    assert not option or option in text or len((action.help or "").split()) >= 3


@pytest.mark.parametrize("name", COMMANDS)
def test_command_that_destroys_has_a_dry_run(name: str) -> None:
    assert (name in DRY_RUN) is not (name in NO_DRY_RUN), f"{name}: add --dry-run, or say why not"
    options = {option for action in own_actions(name) for option in action.option_strings}
    assert ("--dry-run" in options) is (name in DRY_RUN)


@pytest.mark.parametrize("name", COMMANDS)
def test_long_command_shows_a_bar_on_a_terminal_only(name: str) -> None:
    calls = [node for node in ast.walk(source_of(name)) if isinstance(node, ast.Call)]
    bars = [call for call in calls if ast.unparse(call.func) == "tqdm"]
    assert bool(bars) is (name not in NO_BAR), f"{name}: show a bar with tqdm, or say why not"
    for bar in bars:
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in bar.keywords}
        assert given.get("disable") == "None", "disable=None: no bar in a log file"
        assert "unit" in given


@pytest.mark.parametrize("name", COMMANDS)
def test_command_writes_to_its_own_streams(name: str) -> None:
    """`call_command(stdout=…)` and --no-color work only with `self.stdout` and `self.stderr`."""
    calls = [node for node in ast.walk(source_of(name)) if isinstance(node, ast.Call)]
    names = {ast.unparse(call.func) for call in calls}
    assert not names & {"print", "sys.exit", "exit", "sys.stdout.write", "sys.stderr.write"}


def test_each_command_has_a_case_of_arguments_that_are_refused() -> None:
    assert {name for name, _arguments, _message in REFUSED} == set(COMMANDS)


@pytest.fixture
def paths(tmp_path: Path, fresh_storage: Path) -> dict[str, str]:
    """Paths for the arguments: an empty folder, an empty file, and one that does not exist."""
    (tmp_path / "empty").write_text("")
    (tmp_path / "folder").mkdir()
    fresh_storage.mkdir(exist_ok=True)
    (fresh_storage / "a.txt").write_text("a")
    return {
        "folder": str(tmp_path / "folder"),
        "file": str(tmp_path / "empty"),
        "new": str(tmp_path / "new"),
        "environment": settings.ENVIRONMENT,
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("name", "arguments", "message"), REFUSED)
def test_wrong_arguments_are_refused_and_change_nothing(
    name: str, arguments: list[str], message: str, paths: dict[str, str]
) -> None:
    given = [argument.format(**paths) for argument in arguments]
    with pytest.raises(CommandError) as refused:
        call_command(name, *given, stdout=StringIO(), stderr=StringIO())
    assert message in str(refused.value)
    assert refused.value.returncode == 1
    assert not Path(paths["new"]).exists()
    assert not AuditEvent.objects.exclude(type="mark").exists()
    assert not Post.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("line", READ_ONLY, ids=" ".join)
def test_command_without_colours_writes_none_and_changes_nothing(
    line: list[str], capfd: pytest.CaptureFixture[str], fresh_storage: Path
) -> None:
    fresh_storage.mkdir(exist_ok=True)
    out = StringIO()
    call_command(*line, "--no-color", stdout=out)
    written = out.getvalue() + "".join(capfd.readouterr())
    assert out.getvalue().endswith("\n")
    assert "\x1b" not in written
    assert "\r" not in written, "a bar outside a terminal"
    assert [model.objects.count() for model in (AuditEntry, AuditEvent, StorageIdentity, Post)] == [
        0, 0, 0, 0,
    ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_mark_storage_that_fails_at_the_second_storage_keeps_the_first() -> None:
    with pytest.raises(CommandError):
        call_command("mark_storage", "default", "nowhere", stdout=StringIO())
    assert [known.alias for known in StorageIdentity.objects.all()] == ["default"]
    assert AuditEvent.objects.get().details["storage"] == "default"


def test_only_errors_have_an_exit_code_of_their_own() -> None:
    """A monitor tells 0 from 1; docs/operators.md says when `purge --check` exits with 1."""
    codes = {
        ast.unparse(keyword.value)
        for name in COMMANDS
        for call in ast.walk(source_of(name))
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg == "returncode"
    }
    assert codes == {"1"}
    guide = (ROOT / "docs" / "operators.md").read_text()
    assert re.search(r"purge --check\n```\n\n[^\n]* exits with 1", guide)


@pytest.mark.parametrize("name", COMMANDS)
def test_errors_end_in_a_command_error_and_not_in_a_traceback(name: str) -> None:
    """Whatever a command catches, it raises as CommandError with the reason as its cause."""
    for handler in ast.walk(source_of(name)):
        if isinstance(handler, ast.ExceptHandler):
            raised = [node for node in ast.walk(handler) if isinstance(node, ast.Raise)]
            for each in raised:
                is_again = each.exc is None
                cause = ast.unparse(each.cause) if each.cause else ""
                assert is_again or cause == handler.name, ast.unparse(each)


@pytest.mark.parametrize("name", COMMANDS)
def test_system_checks_run_before_each_command(name: str) -> None:
    """A site with an error must not delete anything."""
    assert made(name).requires_system_checks == "__all__"
