"""Names that mean the same key as a plain one, such as "a//b", "./a/b" and "a/../a/b"."""

from __future__ import annotations

import re

# Names as uploads have them are their own keys. To have the path worked out takes 23 microseconds a
# name; a bulk deletion has 600,000.
PLAIN_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*", re.ASCII)


def spelled(name: str) -> tuple[str, ...]:
    """Return the ways in which a whole site may spell its names by habit."""
    return (f"./{name}", f"/{name}", name.replace("/", "//"), name.replace("/", "\\"))


def odd_beginnings(directory: str) -> tuple[str, ...]:
    """Return how names begin that lead through a directory ("a/b/", or "") and are not plain.

    Each is a range of an index: to find what ends as a key does would read the whole table. A name
    that turns back from a directory which no key of the claim is in ("x/../a") has no such range.
    """
    parent = directory.removesuffix("/")
    return (f"{directory}/", f"{directory}./", f"{directory}../", f"{directory}.\\",
            f"{directory}..\\", f"{parent}\\")  # fmt: skip
