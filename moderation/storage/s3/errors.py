"""What S3 and its clones answer, sorted by what is to be done about it."""

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

from moderation.storage.base import LEASE_IS_OVER, LEASE_OVER

# Everything that botocore raises for a request; anything else is a mistake of ours.
S3_ERRORS = (ClientError, BotoCoreError, ResponseParserError)

SLOW_CODES = {"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "429"}
PASSING_CODES = {
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
# Of botocore, beside its ConnectionErrors.
PASSING_EXCEPTIONS = {
    "ConnectionClosedError",
    "ReadTimeoutError",
    "HTTPClientError",
    "IncompleteReadError",
    "ResponseStreamingError",
}
# The server has no DeleteObjects at all, whatever the keys.
NO_BATCH_CODES = {"NotImplemented", "MethodNotAllowed", "MissingContentMD5", "405", "501"}
# The request holds keys that XML cannot carry, or the server speaks another XML.
UNREAD_CODES = {"MalformedXML", "MalformedPOSTRequest"}
# These speak of the bucket or of us: no other choice of keys would be answered otherwise.
WHOLE_CODES = {
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


class Kind(enum.Enum):
    """What can be done about a trouble."""

    SLOW = enum.auto()  # the server asks for fewer requests: try later, and fewer at once
    PASSING = enum.auto()  # try again; a batch that keeps at it is halved
    UNREACHABLE = enum.auto()  # try again; halving would help nothing
    NO_BATCH = enum.auto()  # delete the keys singly, here and from now on
    UNREAD = enum.auto()  # delete the keys of this batch singly
    WHOLE = enum.auto()  # give all keys up
    KEY = enum.auto()  # one key may be the cause: halve the batch until it stands alone


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a request or a key failed, in the storage's own words."""

    code: str
    message: str
    kind: Kind

    @classmethod
    def of_name(cls, message: str) -> Trouble:
        """Return the trouble of a name that names no key; the storage was not asked."""
        return cls("InvalidName", message, Kind.KEY)

    @property
    def speaks_of_key(self) -> bool:
        """Return whether it is about the key, if the request contained only that key."""
        speaks_of_others = self.kind in (Kind.SLOW, Kind.UNREACHABLE, Kind.WHOLE)
        return not speaks_of_others and self != NO_ANSWER

    @property
    def may_pass(self) -> bool:
        """Return whether trying again may help."""
        return self.kind in (Kind.SLOW, Kind.PASSING, Kind.UNREACHABLE)


OVER = Trouble(LEASE_OVER, LEASE_IS_OVER, Kind.WHOLE)
NO_ANSWER = Trouble("NoAnswer", "The reply does not account for this key.", Kind.PASSING)
UNLISTABLE = Trouble(
    "UnlistableKey",
    "The storage's listings cannot represent the characters of this key, so its versions cannot "
    "be found.",
    Kind.KEY,
)
NOT_S3 = Trouble("NotS3", "The reply to a deletion is none that S3 gives.", Kind.PASSING)


def trouble_of(error: Exception) -> Trouble:
    """Sort an exception of botocore; `error` is one of `S3_ERRORS`."""
    if isinstance(error, ClientError):
        told = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return coded(told.get("Code") or str(status), told.get("Message") or str(error), status)
    return Trouble(type(error).__name__, str(error), _kind_of_exception(error))


def coded(code: str, message: str, status: int = 0) -> Trouble:
    """Sort an error code of S3, of a whole request (with its HTTP status) or of a single key."""
    return Trouble(code, message, _kind_of_code(code, status))


def _kind_of_code(code: str, status: int) -> Kind:
    for kind, codes in (
        (Kind.SLOW, SLOW_CODES),
        (Kind.NO_BATCH, NO_BATCH_CODES),
        (Kind.UNREAD, UNREAD_CODES),
        (Kind.WHOLE, WHOLE_CODES),
        (Kind.PASSING, PASSING_CODES),
    ):
        if code in codes:
            return kind
    return Kind.PASSING if status >= 500 else Kind.KEY  # noqa: PLR2004 - HTTP's server errors


def _kind_of_exception(error: Exception) -> Kind:
    unreachable = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError, SSLError)
    if isinstance(error, unreachable):
        return Kind.UNREACHABLE
    if isinstance(error, ResponseParserError):
        return Kind.UNREAD
    # Resets, time-outs, replies cut short; some of them are no ConnectionError of botocore.
    if isinstance(error, BotoConnectionError) or type(error).__name__ in PASSING_EXCEPTIONS:
        return Kind.PASSING
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return Kind.WHOLE
    return Kind.KEY
