"""The code, the pages and the documents use standard terms instead of private words.

Each pattern names a word that once had a meaning of its own here, and what to say instead. What
uses such a word in its ordinary sense matches a pattern of ORDINARY.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SEARCHED = (
    "moderation", "posts", "project", "benchmarks", "tests", "templates", "static", "docs",
    "*.md", "*.py", "*.toml", "Makefile", ".env.example", ".ci",
)  # fmt: skip
ENDINGS = {".py", ".html", ".js", ".css", ".svg", ".md", ".toml", ".txt", ".example", ""}

# What stands before "place" in its ordinary sense.
BEFORE_PLACE = ("in", "the", "its", "their", "your", "one", "decimal")
# {pattern: the standard term}. Words are searched in identifiers, comments, docstrings and texts.
PRIVATE = {
    r"deeds?": "action, DeletionContext",
    r"fates?": "Result",
    r"doomed": "files to erase",
    r"wake[-_ ]?ups?": "queueing lock",
    r"(?:un)?cuttable": "indivisible",
    r"put[-_ ]off": "rescheduled",
    r"take[-_ ]?out|taken out": "exclude, Keep",
    r"go(?:es|ing)?[-_ ]on|gone on": "resume, continue",
    r"slices?": "batch",
    r"remarks?": "detail",
    r"sweeps?": "BatchDeleter",
    r"steers?": "manage",
    r"relatives": "details key",
    r"at[-_ ]hand": "local details",
    r"in[-_ ]hand": "current",
    r"other[-_ ]hands": "claimed elsewhere",
    r"patiently": "with retries",
    r"adopt(?:s|ed|ion)?": "reuse of a key",
    r"settle[sd]?|settling": "advance",
    r"gather(?:s|ed|ing)?": "collect",
    r"anew": "again",
    r"by now": "already",
    r"meanwhile": "in the meantime",
    r"hangs? on": "belongs to",
    r"drags? along": "pulls in",
    r"dearest": "most expensive",
    r"gives? whether": "return whether",
    r"way[-_ ]back": "change list query",
    r"meant[-_ ]by": "keys of a name",
    r"beginnings": "prefixes",
    r"reveal[-_ ]all": "unblur",
    r"placed": "adapter of a field",
    r"spoils?": "broken transaction",
    r"objections?": "RefusedObject",
    r"guarded": "savepoint",
    r"narrows": "hides rows",
    r"looked[-_ ]at": "read",
    r"kinds?": "type, format, model, field",
    r"refusals?": "error, RemovalError",
    # "in place of", "takes its place" and the like are ordinary; GPS-PLACE is data of pictures.
    rf"{''.join(f'(?<!{word} )' for word in BEFORE_PLACE)}(?<!gps-)places?": "page, storage, field",
    r"trouble": "error",
    r"kept[-_ ]because": "reason",
    r"lets? go|letting go": "clears, replaces",
    r"take[-_ ]in|taken[-_ ]in": "store, validate",
    r"examin(?:e|es|ed|ing)": "validate",
    r"proved|proving": "verify",
    r"can[-_ ]summarize": "supports",
    r"lease\.holds": "is_active",
    r"(?<!there )is no (?!longer|more|better)\w+": "is not a",
    r"\"\"\"gives?": "Return, Yield",
    r"outside the promise": "known limitations",
}
# Ordinary uses of these words: names of Python, JavaScript and libraries, and data of tests.
ORDINARY = (
    r"(?<![\w.])slice(?=[(\]])",
    r"names\.slice\(",
    r"asyncio\.gather\(",
    r"np\.argsort\(labels, kind=",
    r"document\.adoptedStyleSheets",
)


def lines() -> Iterator[tuple[str, int, str]]:
    """Yield file, number and text of each line that people read."""
    listed = subprocess.check_output(["git", "ls-files", *SEARCHED], cwd=ROOT, text=True)
    for name in listed.splitlines():
        path = ROOT / name
        is_read = path.suffix in ENDINGS and "migrations" not in path.parts and path.exists()
        if is_read and path != Path(__file__):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                yield name, number, line


def words_of(line: str) -> str:
    """Return a line with its identifiers cut into words, without what is ordinary."""
    for pattern in ORDINARY:
        line = re.sub(pattern, "", line)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", line).replace("_", " ")


@pytest.fixture(scope="module")
def texts() -> list[tuple[str, str]]:
    """Return the words of each line, and of each file's name, with where it is."""
    read = [(f"{name}:{number}", words_of(line)) for name, number, line in lines()]
    return [*read, *((name, words_of(name)) for name in {name for name, _, _ in lines()})]


def word(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w])(?:{pattern})(?![\w])", re.IGNORECASE)


@pytest.mark.parametrize("pattern", PRIVATE)
def test_no_private_word_is_left(pattern: str, texts: list[tuple[str, str]]) -> None:
    private = word(pattern)
    found = [f"{where}: {text.strip()}" for where, text in texts if private.search(text)]
    assert not found, f"say {PRIVATE[pattern]!r}:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("line", "is_private"),
    [
        ("class DoomedFile:", True),
        ("SLICE = batches.slice(3)", True),
        ("def place_of(card):", True),
        (".removal-place {", True),
        ("This is no picture.", True),
        ("There is no picture, and it takes the place of slice(3).", False),
        ("DecimalField(decimal_places=1)", False),
    ],
)
def test_private_words_are_found_and_ordinary_ones_are_not(line: str, is_private: bool) -> None:
    assert any(word(pattern).search(words_of(line)) for pattern in PRIVATE) is is_private


@pytest.mark.parametrize("pattern", ORDINARY)
def test_each_exception_is_still_needed(pattern: str) -> None:
    assert any(re.search(pattern, line) for _name, _number, line in lines())
