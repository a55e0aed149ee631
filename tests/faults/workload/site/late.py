"""A proxy that is declared when the site runs already, as one in an admin module is."""

from __future__ import annotations

from tests.faults.workload.site.models import Document


class LateDocument(Document):
    """Documents under another name."""

    class Meta:
        proxy = True
        app_label = "workload"
