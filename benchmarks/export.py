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

# Entries like those of a removal, created by the database server: inserting a million from Python
# takes longer than the measurement.
ENTRIES = """
INSERT INTO moderation_auditentry (
  storage, location, key, name, hidden_name, size, sha256, versions, object_label, object_key,
  field, parent_label, parent_key, title, owner, actor_name, reason, state, in_use_reason, detail,
  attempts, error_code, error, due_at, recorded_at, erased_at
) SELECT
  'default', 's3://bucket', 'posts/2026/11/' || md5(n::text) || '.jpg',
  'posts/2026/11/' || md5(n::text) || '.jpg', '', 48213, md5(n::text) || md5(n::text), '[]',
  'posts.PostImage', n::text, 'image', 'posts.Post', (n / 3)::text, 'Cheap pills ' || n,
  'spammer', 'mod', 'spam', 'erased', '', '', 1, '', '', now(), now(), now()
FROM generate_series(1, %s) AS n
"""


def export(_folder: Path, size: Size) -> Figures:
    """Measure seconds and peak memory of both, each run in a fresh process."""
    from django.db import connection

    from benchmarks.measure import medians

    with connection.cursor() as cursor:
        cursor.execute(ENTRIES, [size.export_entries])
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
