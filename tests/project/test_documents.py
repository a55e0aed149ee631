"""What the documents say about commands, files, names and links is true."""

from __future__ import annotations

import inspect
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib import admin
from django.core.management import call_command
from django.test import override_settings

from benchmarks.catalogue import BENCHMARKS
from moderation import conf
from moderation.admin import checks
from moderation.models.states import FOUND_AGAIN, WAS_MISSING, Reason
from moderation.registration import register
from moderation.storage.base import ERASED_EARLIER
from tests.project import document_problems as problems
from tests.project.document_problems import CHECKS, parser_of
from tests.project.documents import DOCUMENTS, LINK, Document, source_files
from tests.services.processes import ROOT

Check = Callable[[Document], Iterator[str]]

# Commands that change nothing and take a moment: they are run as the documents have them.
READ_ONLY = (
    "purge --check",
    "purge --dry-run",
    "check --database default",
    "check --database default --deploy",
)
COMMANDS = {
    words[index + 1] for path in DOCUMENTS for words in Document.read(path).commands
    if "manage.py" in words for index in [words.index("manage.py")]
}  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_document_agrees_with_the_code(path: Path, check: Check) -> None:
    assert list(check(Document.read(path))) == []


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (problems.block_problems, "```\nls\n```"),
        (problems.command_problems, "```sh\npython manage.py purge --chekc\n```"),
        (problems.command_problems, "```sh\npython manage.py export_audit\n```"),
        (problems.command_problems, "```sh\nDEBUG=true python manage.py purgee\n```"),
        (problems.command_problems, "   ```sh\n   make tset\n   ```"),
        (problems.command_problems, "```sh\nrm -r var\n```"),
        (problems.command_problems, "```sh\n.venv/bin/pytest tests/nowhere\n```"),
        (problems.command_problems, "```sh\npython -m benchmarks.gone FOLDER\n```"),
        (problems.command_problems, "```sh\npip install -c gone.txt\n```"),
        (problems.command_problems, "```sh\npip install Django==1.0\n```"),
        (problems.command_problems, "```ini\nExecStart=/a/python manage.py db_wroker\n```"),
        (problems.command_problems, "```ini\nExecStart=gunicorn --confg a project.wsgi\n```"),
        (problems.command_problems, "Run `manage.py purge --loopp`."),
        (problems.command_problems, "Run `purge --loopp`."),
        (problems.command_problems, "Run `make tset`."),
        (problems.command_problems, "Run `gunicorn --config python:project.gone project.wsgi`."),
        (problems.variable_problems, "```sh\nSIZZE=full make bench\n```"),
        (problems.variable_problems, "Set `TRUST_PROXIES=true`."),
        (problems.name_problems, "See `moderation.registry.register`."),
        (problems.name_problems, "See `moderation.gone.module`."),
        (problems.name_problems, "The permission `moderation.manage_removals`."),
        (problems.name_problems, "Set `MODERATION_BATCHES_OBJECTS`."),
        (problems.name_problems, "Call `collect_file()` of a `QueuingLock`."),
        (problems.path_problems, "See `moderation/insertion.py`."),
        (problems.path_problems, "See `moderatoin/conf.py`."),
        (problems.path_problems, "See `decision.md`."),
        (problems.link_problems, "[a](docs/gone.md)"),
        (problems.link_problems, "[a](docs/operators.md#gone)"),
        (problems.link_problems, "# A\n\n[a](#b)"),
        (problems.python_problems, "```python\nfrom moderation.registry import register\n```"),
        (
            problems.python_problems,
            "```python\nfrom moderation.registration import register\nregister(A, titel='a')\n```",
        ),
    ],
)
def test_what_is_wrong_is_found(check: Check, text: str) -> None:
    assert list(check(Document(ROOT / "README.md", text)))


def test_every_document_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop()
        reached.add(path)
        targets = LINK.findall(Document.read(path).prose)
        linked = {(path.parent / target.partition("#")[0]).resolve() for target in targets}
        waiting += [each for each in linked if each.suffix == ".md" and each not in reached]
    assert set(DOCUMENTS) <= reached


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_documented_command_has_a_help_text(command: str) -> None:
    assert parser_of(command).format_help()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("line", READ_ONLY)
def test_documented_command_runs(
    line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Admin sites of other tests stay in Django's list until Python collects them.
    monkeypatch.setattr(admin.sites, "all_sites", [admin.site])
    monkeypatch.setattr(checks, "all_sites", [admin.site])
    written = [words for path in DOCUMENTS for words in Document.read(path).commands]
    assert any(" ".join(words).endswith(f"manage.py {line}") for words in written)
    # The browser tests set DJANGO_ALLOW_ASYNC_UNSAFE, which they need until the end of the run.
    silenced = [*settings.SILENCED_SYSTEM_CHECKS, "async.E001"]
    with override_settings(SILENCED_SYSTEM_CHECKS=silenced):
        call_command(*line.split())
    capsys.readouterr()


def test_make_help_lists_the_targets() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("run", "test", "bench", "faults", "lint", "format"):
        assert f"make {target} " in done.stdout


def first_column(path: str, heading: str) -> list[str]:
    """Return the first cells of the table behind a heading."""
    behind = Document.read(ROOT / path).text.split(f"\n## {heading}\n", 1)[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \|", behind, re.MULTILINE)
    return [row for row in rows if row.strip("-")][1:]


def test_every_system_check_is_in_the_table() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "moderation").rglob("*.py"))
    numbers = set(re.findall(r'id="moderation\.([EW]\d+)"', code))
    listed = first_column("docs/integrators.md", "System checks")
    assert sorted(listed, key=lambda number: number[1:]) == listed
    assert set(listed) == numbers


def test_every_setting_is_in_the_table_with_its_default() -> None:
    text, settings = (ROOT / "docs" / "integrators.md").read_text(), (*conf.LIMITS, *conf.CHOICES)
    for each in settings:
        assert f"| `{each.name}` | {each.default} |" in text
    listed = {name.strip("`") for name in first_column("docs/integrators.md", "Settings")}
    assert listed == {each.name for each in settings} | {"MODERATION_UNREGISTERED"}


def test_every_option_of_a_registration_is_in_the_table() -> None:
    parameters = set(inspect.signature(register).parameters)
    listed = first_column("docs/integrators.md", "Register your models")
    assert {name.strip("`") for name in listed} == parameters - {"model"}


def test_the_layers_are_in_the_table() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = contracts["contracts"][0]["layers"]
    listed = first_column("docs/contributors.md", "The packages of moderation")
    found = [{name.removeprefix("moderation.") for name in re.findall(r"`(.+?)`", row)}
             for row in listed]  # fmt: skip
    assert found == [set(layer.split(" | ")) for layer in layers]


def test_every_benchmark_is_named() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text()
    assert [name for name in BENCHMARKS if f"`{name}`" not in text] == []


def test_the_details_of_an_erased_file_are_quoted_as_they_are_stored() -> None:
    text = (ROOT / "docs" / "auditors.md").read_text()
    (row,) = re.findall(r"^\| detail \| (.+) \|$", text, re.MULTILINE)
    assert re.findall(r"`(.+?)`", row) == [WAS_MISSING, ERASED_EARLIER, FOUND_AGAIN]
    assert '"' not in row


def test_the_reasons_are_named_to_moderators() -> None:
    prose = Document.read(ROOT / "docs" / "moderators.md").prose
    (named,) = re.findall(r"Choose a \*\*Reason\*\*: (.+?)\.", " ".join(prose.split()))
    assert re.split(", | or ", named) == [str(label).lower() for label in Reason.labels]


@pytest.mark.parametrize("name", ["moderators.md", "auditors.md"])
def test_words_in_bold_are_on_the_pages(name: str) -> None:
    shown = {text.lower() for path in source_files() for text in texts_of(path)}
    shown.add("remove selected posts")  # with the name of the model filled in
    labels = re.findall(r"\*\*(.+?)\*\*", Document.read(ROOT / "docs" / name).prose)
    assert labels
    assert [label for label in labels if label.lower() not in shown] == []


def texts_of(path: Path) -> list[str]:
    """Return the texts in a file that a page may show."""
    if "tests" in path.parts:
        return []
    return re.findall(r'(?:translate |\b_\(|lazy\()"([^"]+)"', path.read_text())
