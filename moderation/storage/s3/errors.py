"""The errors of S3 and its clones, classified by what to do about them."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError

from moderation.storage.base import LEASE_EXPIRED, LEASE_EXPIRED_MESSAGE

# Everything that botocore raises for a request; anything else is a bug in this app.
S3_ERRORS = (ClientError, BotoCoreError, ResponseParserError)

THROTTLED_CODES = {"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "429"}
TRANSIENT_CODES = {
    "InternalError",
    "ServiceUnavailable",
    "RequestTimeout",
    "RequestTimeoutException",
    "OperationAborted",
    "IncompleteBody",
    "BadDigest",
    "XAmzContentSHA256Mismatch",
    "NoAnswer",
    "NotS3",
}
# Exceptions of botocore, in addition to its ConnectionErrors.
TRANSIENT_EXCEPTIONS = {
    "ConnectionClosedError",
    "ReadTimeoutError",
    "HTTPClientError",
    "IncompleteReadError",
    "ResponseStreamingError",
}
# The server does not support DeleteObjects, whatever the keys.
NO_BATCH_CODES = {"NotImplemented", "MethodNotAllowed", "MissingContentMD5", "405", "501"}
# The request holds keys that XML cannot represent, or the server expects different XML.
UNREADABLE_CODES = {"MalformedXML", "MalformedPOSTRequest"}
# Errors about the bucket or the credentials: requests for other keys would fail as well.
FATAL_CODES = {
    "NoSuchBucket",
    "InvalidBucketName",
    "PermanentRedirect",
    "AllAccessDisabled",
    "AccountProblem",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "RequestTimeTooSkewed",
}


class ErrorCategory(enum.Enum):
    """What to do about an error."""

    THROTTLED = enum.auto()  # the server asks for fewer requests: retry later, fewer at a time
    TRANSIENT = enum.auto()  # retry; halve a batch that fails again
    UNREACHABLE = enum.auto()  # retry; halving a batch would not help
    NO_BATCH = enum.auto()  # delete the keys one by one, now and for the rest of the run
    UNREADABLE = enum.auto()  # delete the keys of this batch one by one
    FATAL = enum.auto()  # give up all keys
    KEY = enum.auto()  # one key may be the cause: halve the batch until it is isolated


@dataclass(frozen=True, slots=True)
class StorageError:
    """The reason why a request or a key failed, with the storage's own message."""

    code: str
    message: str
    category: ErrorCategory

    @classmethod
    def invalid_name(cls, message: str) -> StorageError:
        """Return the error for a name that has no key. No request is sent for it."""
        return cls("InvalidName", message, ErrorCategory.KEY)

    @property
    def concerns_key(self) -> bool:
        """Return whether the error is about the key, if the request contained only that key."""
        category = ErrorCategory
        elsewhere = self.category in (category.THROTTLED, category.UNREACHABLE, category.FATAL)
        return not elsewhere and self != NO_ANSWER

    @property
    def is_transient(self) -> bool:
        """Return whether a retry may help."""
        category = ErrorCategory
        return self.category in (category.THROTTLED, category.TRANSIENT, category.UNREACHABLE)


LEASE_ERROR = StorageError(LEASE_EXPIRED, LEASE_EXPIRED_MESSAGE, ErrorCategory.FATAL)
NO_ANSWER = StorageError(
    "NoAnswer", "The reply does not account for this key.", ErrorCategory.TRANSIENT
)
UNLISTABLE = StorageError(
    "UnlistableKey",
    "The storage's listings cannot represent the characters of this key, so its versions cannot "
    "be found.",
    ErrorCategory.KEY,
)
NOT_S3 = StorageError(
    "NotS3", "The reply to a deletion is not one that S3 sends.", ErrorCategory.TRANSIENT
)


def classify(exception: Exception) -> StorageError:
    """Classify an exception of botocore, which is one of `S3_ERRORS`."""
    if isinstance(exception, ClientError):
        error = exception.response.get("Error", {})
        status = exception.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code, message = error.get("Code") or str(status), error.get("Message") or str(exception)
        return classify_code(code, message, status)
    return StorageError(type(exception).__name__, str(exception), _category_of_exception(exception))


def classify_code(code: str, message: str, status: int = 0) -> StorageError:
    """Classify an S3 error code of a whole request (with its HTTP status) or of a single key."""
    return StorageError(code, message, _category_of_code(code, status))


def _category_of_code(code: str, status: int) -> ErrorCategory:
    for category, codes in (
        (ErrorCategory.THROTTLED, THROTTLED_CODES),
        (ErrorCategory.NO_BATCH, NO_BATCH_CODES),
        (ErrorCategory.UNREADABLE, UNREADABLE_CODES),
        (ErrorCategory.FATAL, FATAL_CODES),
        (ErrorCategory.TRANSIENT, TRANSIENT_CODES),
    ):
        if code in codes:
            return category
    is_server_error = status >= 500  # noqa: PLR2004 - defined by HTTP
    return ErrorCategory.TRANSIENT if is_server_error else ErrorCategory.KEY


def _category_of_exception(exception: Exception) -> ErrorCategory:
    unreachable = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError, SSLError)
    if isinstance(exception, unreachable):
        return ErrorCategory.UNREACHABLE
    if isinstance(exception, ResponseParserError):
        return ErrorCategory.UNREADABLE
    # Resets, time-outs and truncated replies; not all of them are ConnectionErrors of botocore.
    name = type(exception).__name__
    if isinstance(exception, BotoConnectionError) or name in TRANSIENT_EXCEPTIONS:
        return ErrorCategory.TRANSIENT
    if isinstance(exception, (NoCredentialsError, PartialCredentialsError)):
        return ErrorCategory.FATAL
    return ErrorCategory.KEY
