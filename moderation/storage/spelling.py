"""Odd spellings of names, which lead to the same key as a plain name: "a//b", "a/../a/b"."""

from __future__ import annotations

import re

# Names that are their own keys, as those of uploads usually are: they need not be normalised, which
# takes 23 microseconds a name, and a bulk deletion has 600,000 names.
PLAIN_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*", re.ASCII)


def odd_spellings(name: str) -> tuple[str, ...]:
    """Return the odd spellings of a name that a site may use throughout."""
    return (f"./{name}", f"/{name}", name.replace("/", "//"), name.replace("/", "\\"))


def odd_prefixes(directory: str) -> tuple[str, ...]:
    """Return the prefixes of oddly spelled names in a directory ("a/b/", or "").

    Each is a range of an index; a suffix search would read the whole table. A name with ".." after
    a directory that contains no key of the claim ("x/../a") has no such prefix.
    """
    parent = directory.removesuffix("/")
    return (f"{directory}/", f"{directory}./", f"{directory}../", f"{directory}.\\",
            f"{directory}..\\", f"{parent}\\")  # fmt: skip
