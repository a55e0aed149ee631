"""The settings of this app with their defaults, which a site overrides in its Django settings.

Call a setting to read it: `conf.batch_objects()`. It is read at each call, so that tests can
override it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.conf import settings

Value = TypeVar("Value", bool, str)


@dataclass(frozen=True, slots=True)
class Limit:
    """An integer that a site may set, within a safe range."""

    name: str
    default: int
    lowest: int
    highest: int

    def __call__(self) -> int:
        """Return the site's value, or the default."""
        return int(getattr(settings, self.name, self.default))

    def accepts(self, value: object) -> bool:
        """Return whether a site may set the value."""
        return type(value) is int and self.lowest <= value <= self.highest

    @property
    def expected(self) -> str:
        """Return what a value must be."""
        return f"a whole number from {self.lowest} to {self.highest}"


@dataclass(frozen=True, slots=True)
class Choice(Generic[Value]):
    """One of a few values, which a site may set."""

    name: str
    default: Value
    values: tuple[Value, ...]

    def __call__(self) -> Value:
        """Return the site's value, or the default."""
        value: Value = getattr(settings, self.name, self.default)
        return value

    def accepts(self, value: object) -> bool:
        """Return whether a site may set the value. 1 is not True."""
        return any(type(value) is type(each) and value == each for each in self.values)

    @property
    def expected(self) -> str:
        """Return what a value must be."""
        return " or ".join(map(repr, self.values))


# To confirm a removal of at least this many objects, the moderator must type their number.
typed_count_from = Limit("MODERATION_TYPED_COUNT_FROM", 100, 1, 1_000_000)

# Objects in a batch. Its transaction takes well under a second, and progress advances by batches.
batch_objects = Limit("MODERATION_BATCH_OBJECTS", 500, 1, 500)

# Rows that one transaction deletes, including those of the cascade. Limits memory and locks.
batch_rows = Limit("MODERATION_BATCH_ROWS", 5_000, 1, 50_000)

# Objects that one removal may delete without the permission to exceed the ceilings.
removal_ceiling = Limit("MODERATION_REMOVAL_CEILING", 100_000, 1, 100_000_000)

# Objects that one moderator may remove in 24 hours without that permission.
daily_ceiling = Limit("MODERATION_DAILY_CEILING", 200_000, 1, 100_000_000)

# Keys in one request to storage, and in one claim of the purge. S3 accepts at most 1,000; slow
# clones time out even with fewer.
request_keys = Limit("MODERATION_REQUEST_KEYS", 1_000, 1, 1_000)

# Requests to storage at the same time, from one worker.
requests = Limit("MODERATION_REQUESTS", 4, 1, 64)

# Attempts before a key, or a batch with database errors, fails and waits until someone retries it.
max_attempts = Limit("MODERATION_MAX_ATTEMPTS", 8, 1, 100)

# Seconds of a worker's lease, after which another worker takes over its keys. It should be longer
# than the work on any claim; otherwise work is done twice, which is harmless but useless. The
# minimum is low for tests that kill workers.
lease_seconds = Limit("MODERATION_LEASE_SECONDS", 300, 1, 86_400)

# Hours after which an unconfirmed draft expires, because its preview is outdated.
draft_hours = Limit("MODERATION_DRAFT_HOURS", 24, 1, 720)

# Drafts that one moderator may have open. Each stores the keys of its whole selection.
open_drafts = Limit("MODERATION_OPEN_DRAFTS", 10, 1, 1_000)

# Minutes after which work that is due counts as overdue, for `purge --check`.
overdue_minutes = Limit("MODERATION_OVERDUE_MINUTES", 15, 1, 10_080)

# If at least this many files of one storage are missing in a day, `purge --check` raises an alarm.
# A single file may be missing because an upload was killed or someone deleted it by hand. Twenty in
# a day suggest that a folder was moved and that the files still exist in it.
missing_alarm = Limit("MODERATION_MISSING_ALARM", 20, 1, 1_000_000)

# Minutes between two checks of a file that is in use. It is purged only after two checks in a row
# found it unused, because a database that is being restored gets its rows back in the meantime. A
# file that has been in use for a day is checked once a day.
recheck_minutes = Limit("MODERATION_RECHECK_MINUTES", 60, 1, 10_080)

# What moderators see before they set their own preferences. Blurred and grey pictures are easier to
# bear, and a click shows a picture as it is.
blur_pictures = Choice("MODERATION_BLUR_PICTURES", default=True, values=(True, False))
grey_pictures = Choice("MODERATION_GREY_PICTURES", default=True, values=(True, False))
picture_size = Choice("MODERATION_PICTURE_SIZE", "medium", ("small", "medium", "large"))

# Whether single letters are shortcuts on the page of a draft. Users of speech input need to switch
# them off.
letter_keys = Choice("MODERATION_LETTER_KEYS", default=True, values=(True, False))

LIMITS = (
    typed_count_from,
    batch_objects,
    batch_rows,
    removal_ceiling,
    daily_ceiling,
    request_keys,
    requests,
    max_attempts,
    lease_seconds,
    draft_hours,
    open_drafts,
    overdue_minutes,
    missing_alarm,
    recheck_minutes,
)
CHOICES: tuple[Choice[bool] | Choice[str], ...] = (
    blur_pictures,
    grey_pictures,
    picture_size,
    letter_keys,
)
