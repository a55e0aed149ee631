"""The code, the pages and the documents use standard terms instead of private words.

Each pattern names a word that once had a meaning of its own here, and what to say instead. A line
that uses such a word in its ordinary sense is listed in ORDINARY.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ("moderation", "posts", "project", "benchmarks", "templates", "docs", "README.md")
ENDINGS = {".py", ".html", ".js", ".css", ".md"}

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
}
# (file, text of the line): ordinary uses of these words.
ORDINARY = {
    ("moderation/admin/removals/batch_ranges.py", ") -> Iterator[tuple[RemovalBatch, slice]]:"),
    (
        "moderation/admin/removals/batch_ranges.py",
        "yield batch, slice(max(start - batch.offset, 0), stop - batch.offset)",
    ),
    ("moderation/static/moderation/keep.js", "const before = names.slice(0, position).reverse();"),
    ("moderation/static/moderation/keep.js", "const after = names.slice(position + 1);"),
    ("moderation/images/webp.py", "profile = state.content[slice(*state.profile)]"),
    (
        "benchmarks/latency.py",
        "await asyncio.gather(*both, return_exceptions=True)  # a reset ends this connection only",
    ),
}


def lines() -> Iterator[tuple[str, int, str]]:
    """Yield file, number and text of each line that people read."""
    listed = subprocess.check_output(["git", "ls-files", *PLACES], cwd=ROOT, text=True)
    for name in listed.splitlines():
        path = ROOT / name
        if path.suffix in ENDINGS and "migrations" not in path.parts and path.exists():
            for number, line in enumerate(path.read_text().splitlines(), 1):
                yield name, number, line


def words_of(line: str) -> str:
    """Return a line with its identifiers cut into words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", line).replace("_", " ")


@pytest.mark.parametrize("pattern", PRIVATE)
def test_no_private_word_is_left(pattern: str) -> None:
    word = re.compile(rf"(?<![\w]){pattern}(?![\w])", re.IGNORECASE)
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, number, line in lines()
        if word.search(words_of(line)) and (name, line.strip()) not in ORDINARY
    ]
    assert not found, f"say {PRIVATE[pattern]!r}:\n" + "\n".join(found)


def test_each_exception_is_still_needed() -> None:
    texts = {(name, line.strip()) for name, _number, line in lines()}
    assert texts >= ORDINARY
