"""What this app refuses, and why. The admin turns each into a message, in one place."""

from __future__ import annotations


class ModerationError(Exception):
    """A deed was refused; its text tells a person why and what to do. Nothing was changed."""


class TooManyRows(ModerationError):
    """A plan grew past the rows that one transaction may hold."""


class CannotFreeze(ModerationError):
    """What a deletion would take cannot be told beforehand, or cannot be cut into batches."""


class DraftChanged(ModerationError):
    """The seal does not fit: the draft is not, or no longer, what the page showed."""


class RemovalError(ModerationError):
    """The removal may not be confirmed, stopped, gone on with or retried, for the reason given."""


class UnexpectedFiles(ModerationError):
    """The deletion was about to take a file that the plan does not hold. It was rolled back."""


class KeyTaken(ModerationError):
    """A row was to adopt a storage key that a removal is taking or has taken."""


class ExportFailed(ModerationError):
    """An export cannot be written in the chosen format. Nothing has been sent."""


class DeletedElsewhere(ModerationError):
    """A row with files was deleted in a database without an audit log. It was rolled back."""
