"""The audit log as CSV, against django-import-export's own export."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import peak_mb, say, stopwatch
from benchmarks.sizes import Size

Figures = dict[str, float]

# Entries like those of a removal.
ENTRY = {
    "storage": "'default'",
    "location": "'s3://bucket'",
    "key": "'posts/2026/11/' || md5(n::text) || '.jpg'",
    "name": "'posts/2026/11/' || md5(n::text) || '.jpg'",
    "size": "48213",
    "sha256": "md5(n::text) || md5(n::text)",
    "object_label": "'posts.PostImage'",
    "object_key": "n::text",
    "field": "'image'",
    "parent_label": "'posts.Post'",
    "parent_key": "(n / 3)::text",
    "title": "'Cheap pills ' || n",
    "owner": "'spammer'",
    "actor_name": "'mod'",
    "reason": "'spam'",
    "state": "'erased'",
    "attempts": "1",
    "due_at": "now()",
    "recorded_at": "now()",
    "erased_at": "now()",
}


def export(_folder: Path, size: Size) -> Figures:
    """Measure seconds and peak memory of both, each run in a fresh process."""
    from django.db import connection

    from benchmarks.generated import insert_select
    from benchmarks.measure import medians
    from moderation.models import AuditEntry

    with connection.cursor() as cursor:
        rows = f"generate_series(1, {size.export_entries}) n"
        cursor.execute(insert_select(AuditEntry, ENTRY, rows))
        cursor.execute("VACUUM ANALYZE")
    connection.close()
    peaks: Figures = {}

    def run(name: str) -> Callable[[], float]:
        def measure() -> float:
            command = [sys.executable, "-m", "benchmarks.export", name]
            done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - this program
            result = json.loads(done.stdout)
            peaks[name] = max(peaks.get(name, 0), result["peak_mb"])
            say(f"    {result['bytes']} bytes, {result['peak_mb']:.0f} MB")
            return float(result["seconds"])

        return measure

    seconds = medians({name: run(name) for name in EXPORTS}, rounds=size.rounds)
    return {
        "ours_seconds": seconds["ours"],
        "stock_seconds": seconds["stock"],
        "speedup": seconds["stock"] / seconds["ours"],
        "ours_peak_mb": peaks["ours"],
        "stock_peak_mb": peaks["stock"],
        "memory_ratio": peaks["ours"] / peaks["stock"],
    }


def _ours() -> int:
    """Write the file that the export page sends; return its size in bytes."""
    from moderation.export.formats import CSV
    from moderation.models import AuditEntry

    with tempfile.TemporaryFile() as file:
        for _rows in CSV().write(AuditEntry.objects.all(), file):
            pass
        return file.tell()


def _stock() -> int:
    """Create the file that django-import-export's own page sends; return its size in bytes."""
    from import_export.formats.base_formats import CSV

    from moderation.export.resource import AuditEntryResource

    return len(CSV().export_data(AuditEntryResource().export()).encode())


EXPORTS: dict[str, Callable[[], int]] = {"ours": _ours, "stock": _stock}


if __name__ == "__main__":
    import django

    django.setup()
    with stopwatch() as watch:
        written = EXPORTS[sys.argv[1]]()
    result = {"seconds": watch.seconds, "peak_mb": peak_mb(), "bytes": written}
    print(json.dumps(result))  # noqa: T201 - read by the parent process
