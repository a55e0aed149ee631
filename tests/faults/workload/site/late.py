"""A proxy that is declared when the site is already running, like one in an admin module."""

from __future__ import annotations

from tests.faults.workload.site.models import Document


class LateDocument(Document):
    """Documents under another name."""

    class Meta:
        proxy = True
        app_label = "workload"
