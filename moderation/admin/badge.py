"""The badge of a removal: its state and the number of its failures."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from moderation.jobs.failures import Failed
from moderation.models import Removal
from moderation.templatetags.moderation_numbers import grouped


def badge(removal: Removal, failed: Failed) -> SafeString:
    """Return the state and the numbers of failures as a badge, which is red if anything failed."""
    parts = [str(removal.get_state_display())]
    if total := failed.batches + failed.entries:
        parts.append(_("%(n)s failed") % {"n": grouped(total)})
    if failed.found_again:
        parts.append(_("%(n)s found again") % {"n": grouped(failed.found_again)})
    classes = f"{removal.state} removal-state-bad" if failed else removal.state
    html = '<span class="removal-state removal-state-{}">{}</span>'
    return format_html(html, classes, ", ".join(parts))
