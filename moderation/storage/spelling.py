"""Odd spellings of names, which mean the same key as a plain one: "a//b", "a/../a/b"."""

from __future__ import annotations

import re

# The usual names of uploads are their own keys. Normalising a path takes 23 microseconds, and a
# bulk deletion has 600,000 names.
PLAIN_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*", re.ASCII)


def spelled(name: str) -> tuple[str, ...]:
    """Return the odd spellings of a name that a site may use throughout."""
    return (f"./{name}", f"/{name}", name.replace("/", "//"), name.replace("/", "\\"))


def odd_beginnings(directory: str) -> tuple[str, ...]:
    """Return the prefixes of odd names that lead through a directory ("a/b/", or "").

    Each is a range of an index; a suffix search would read the whole table. A name that turns back
    from a directory that contains no key of the claim ("x/../a") has no such prefix.
    """
    parent = directory.removesuffix("/")
    return (f"{directory}/", f"{directory}./", f"{directory}../", f"{directory}.\\",
            f"{directory}..\\", f"{parent}\\")  # fmt: skip
