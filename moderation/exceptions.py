"""The exceptions of this app. The admin turns them into messages in one place."""

from __future__ import annotations


class ModerationError(Exception):
    """An action is not allowed. The message says why and what to do. Nothing was changed."""


class TooManyRows(ModerationError):
    """A plan has more rows than one transaction may delete."""


class CannotFreeze(ModerationError):
    """The selection cannot become a draft, because its rows cannot be planned or split up."""


class DraftChanged(ModerationError):
    """The seal does not match, because the draft differs from what the page showed."""


class RemovalError(ModerationError):
    """A removal may not be created, changed, confirmed, stopped, resumed or retried."""


class UnexpectedFiles(ModerationError):
    """A deletion would have removed a file that is not in its plan. It was rolled back."""


class KeyTaken(ModerationError):
    """A row cannot reuse a storage key that a removal is erasing or has erased."""


class ExportFailed(ModerationError):
    """An export cannot be written in the chosen format. Nothing was sent."""


class DeletedElsewhere(ModerationError):
    """A row with files was deleted in a database without an audit log. It was rolled back."""


class PictureNotRefused(ModerationError):
    """A picture cannot be refused or allowed again, for example because it already is."""


class RefusedPictureChanged(PictureNotRefused):
    """Somebody refused a picture, or allowed it again, after the form for it had been shown."""
