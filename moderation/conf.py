"""The settings of this app, each with its default; a site gives others in its Django settings.

Call one to read it: `conf.slice_objects()`. It is read at each call, so that tests can override it.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Limit:
    """A whole number that a site may set, within a range that was thought through."""

    name: str
    default: int
    lowest: int
    highest: int

    def __call__(self) -> int:
        """Give the site's value, or the default."""
        return int(getattr(settings, self.name, self.default))


# Objects from which on the count must be typed. Below it, a look at the page is quicker and enough.
typed_count_from = Limit("MODERATION_TYPED_COUNT_FROM", 100, 1, 1_000_000)

# Objects in a slice: a transaction that takes well below a second, and one step of progress.
slice_objects = Limit("MODERATION_SLICE_OBJECTS", 500, 1, 500)

# Rows, cascade included, that one transaction deletes: memory and locks stay bounded.
slice_rows = Limit("MODERATION_SLICE_ROWS", 5_000, 1, 50_000)

# Objects that one removal takes without the further permission.
removal_ceiling = Limit("MODERATION_REMOVAL_CEILING", 100_000, 1, 100_000_000)

# Objects that one moderator removes in a day without the further permission.
daily_ceiling = Limit("MODERATION_DAILY_CEILING", 200_000, 1, 100_000_000)

# Keys in one request to storage. S3 takes 1,000 and no more; slow clones time out below that.
batch_keys = Limit("MODERATION_BATCH_KEYS", 1_000, 1, 1_000)

# Requests to storage at the same time, from one worker.
requests = Limit("MODERATION_REQUESTS", 4, 1, 64)

# Tries for a key before it is parked as failed, to be retried by hand.
max_attempts = Limit("MODERATION_MAX_ATTEMPTS", 8, 1, 100)

# Seconds after which the work of a killed worker is taken over. Longer than any batch takes: what
# is taken over while its worker lives is done twice, which harms nothing and helps nobody. The
# lowest is for tests that kill workers.
lease_seconds = Limit("MODERATION_LEASE_SECONDS", 300, 1, 86_400)

# Hours after which a draft that nobody confirmed expires: what it shows is old by then.
draft_hours = Limit("MODERATION_DRAFT_HOURS", 24, 1, 720)

# Minutes after which work that is due counts as overdue, for `purge --check`.
overdue_minutes = Limit("MODERATION_OVERDUE_MINUTES", 15, 1, 10_080)

# Files of one storage that were missing within a day when they were to be erased, for `purge
# --check`. A file is missing now and then, where an upload was killed or somebody deleted it by
# hand; twenty in a day are a folder that was moved, whose bytes are still there.
missing_alarm = Limit("MODERATION_MISSING_ALARM", 20, 1, 1_000_000)

LIMITS = (
    typed_count_from,
    slice_objects,
    slice_rows,
    removal_ceiling,
    daily_ceiling,
    batch_keys,
    requests,
    max_attempts,
    lease_seconds,
    draft_hours,
    overdue_minutes,
    missing_alarm,
)
