"""Request pages in a separate process: `python -m benchmarks.page_growth FIRST_PATH LAST_PATH`.

Prints by how much the last page raises the peak memory of the process, in MB.
"""

from __future__ import annotations

import sys

import django

from benchmarks.measure import peak_mb


def growth_mb(first: str, last: str) -> float:
    """Request two pages, and return the difference of the peaks after each."""
    from benchmarks.http_client import AdminClient

    client = AdminClient()
    client.get(first)  # imports modules and compiles templates, which any page needs
    before = peak_mb()
    client.get(last)
    return peak_mb() - before


if __name__ == "__main__":
    django.setup()
    print(growth_mb(*sys.argv[1:]))  # noqa: T201 - read by the parent process
