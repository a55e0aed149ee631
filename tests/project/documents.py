"""The documents of the repository, taken apart, and the words of the code to compare them with."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.services.processes import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/*.md"))]

# What counts as code. The tests of the documents do not: they hold wrong names on purpose.
SOURCES = ("Makefile", "pyproject.toml", ".env.example", "requirements*.txt", ".ci/*", "*.py")
FOLDERS = ("project", "posts", "moderation", "benchmarks", "tests", "templates")
ENDINGS = (".py", ".html", ".js")
NO_SOURCES = (
    "documents.py", "document_problems.py", "test_documents.py", "test_documented_commands.py",
)  # fmt: skip

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
VARIABLE = re.compile(r"([A-Z][A-Z0-9_]+)=")


@dataclass(frozen=True)
class Document:
    """A Markdown text, and the file that links in it start from."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> Document:
        return cls(path, path.read_text())

    @property
    def prose(self) -> str:
        """Return the text without its fenced blocks."""
        return FENCE.sub("", self.text)

    @property
    def spans(self) -> list[str]:
        """Return what stands between backticks in the prose."""
        return SPAN.findall(self.prose)

    def blocks(self, language: str) -> list[str]:
        return [text for name, text in FENCE.findall(self.text) if name == language]

    @property
    def lines(self) -> list[str]:
        """Return the commands of the fenced blocks as they stand, in their order."""
        lines: list[str] = []
        for language, text in FENCE.findall(self.text):
            if language == "sh":
                lines += text.splitlines()
            elif language == "ini":
                lines += re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
        return [line.strip() for line in lines if words_of(line)]

    @property
    def commands(self) -> list[list[str]]:
        """Return the words of each command, without the variables that it sets."""
        return [words_of(line) for line in self.lines]

    @property
    def anchors(self) -> set[str]:
        """Return the anchors that GitHub makes of the headings."""
        titles = (title.lower().replace("`", "") for title in HEADING.findall(self.prose))
        return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


@cache
def source_files() -> list[Path]:
    """Return the files whose words count as names of our code."""
    found = [path for pattern in SOURCES for path in ROOT.glob(pattern)]
    for folder in FOLDERS:
        found += (p for p in (ROOT / folder).rglob("*") if p.suffix in ENDINGS)
    return [path for path in found if path.is_file() and path.name not in NO_SOURCES]


@cache
def words_of_the_code() -> set[str]:
    """Return every word that stands in our code."""
    return {word for path in source_files() for word in re.findall(r"\w+", path.read_text())}


def words_of(line: str) -> list[str]:
    """Return the words of a line of shell, without the variables that it sets."""
    words = shlex.split(line, comments=True)
    while words and VARIABLE.match(words[0]):
        words = words[1:]
    return words
