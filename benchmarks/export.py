"""The audit log as CSV, against the export that django-import-export has by itself."""

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

# Entries as a removal writes them, made by the server itself: a million through Python takes
# longer than everything that is measured.
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


def export(_place: Path, size: Size) -> Figures:
    """Seconds and peak memory of each, a fresh process a run."""
    from django.db import connection

    from benchmarks.measure import medians

    with connection.cursor() as cursor:
        cursor.execute(ENTRIES, [size.export_entries])
        cursor.execute("VACUUM ANALYZE")
    connection.close()
    peaks: Figures = {}

    def run(name: str) -> Callable[[], float]:
        def seconds() -> float:
            command = [sys.executable, "-m", "benchmarks.export", name]
            ended = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ours
            told = json.loads(ended.stdout)
            peaks[name] = max(peaks.get(name, 0), told["peak_mb"])
            say(f"    {told['bytes']} bytes, {told['peak_mb']:.0f} MB")
            return float(told["seconds"])

        return seconds

    taken = medians({name: run(name) for name in EXPORTS}, rounds=size.rounds)
    return {
        "ours_seconds": taken["ours"],
        "stock_seconds": taken["stock"],
        "times_quicker": taken["stock"] / taken["ours"],
        "ours_peak_mb": peaks["ours"],
        "stock_peak_mb": peaks["stock"],
        "of_memory": peaks["ours"] / peaks["stock"],
    }


def _ours() -> int:
    """Write what the export page sends; return the number of bytes."""
    from moderation.export.formats import CSV
    from moderation.models import AuditEntry

    with tempfile.TemporaryFile() as file:
        for _rows in CSV().write(AuditEntry.objects.all(), file):
            pass
        return file.tell()


def _stock() -> int:
    """What django-import-export's own page sends, with the same columns; return its bytes."""
    from import_export.formats.base_formats import CSV

    from moderation.export.resource import AuditEntryResource

    return len(CSV().export_data(AuditEntryResource().export()).encode())


EXPORTS: dict[str, Callable[[], int]] = {"ours": _ours, "stock": _stock}


if __name__ == "__main__":
    import django

    django.setup()
    with stopwatch() as watch:
        written = EXPORTS[sys.argv[1]]()
    told = {"seconds": watch.seconds, "peak_mb": peak_mb(), "bytes": written}
    print(json.dumps(told))  # noqa: T201 - its answer
