"""The one low-level client behind a storage, and how the requests of this app differ."""

from __future__ import annotations

import hashlib
import random
import time
from base64 import b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from moderation.storage.s3.errors import S3_ERRORS, trouble_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

T = TypeVar("T")

# Tries of one request or key within one call; the purge itself tries again later.
TRIES = 5
# Seconds. Full jitter: each pause is drawn between nothing and the doubled last one.
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 3.0
# The operations whose retries are counted here, key by key, and not by botocore as well.
OWN_RETRIES = ("DeleteObjects", "DeleteObject", "ListObjectVersions", "ListObjectsV2")


def prepared_client(storage: Any) -> S3Client:
    """Return the thread-safe client of an S3Storage, with our handlers registered once."""
    client: S3Client = storage.connection.meta.client
    events = client.meta.events
    events.register(
        "before-call.s3.DeleteObjects", _add_content_md5, unique_id="moderation-content-md5"
    )
    for operation in OWN_RETRIES:
        events.register_first(
            f"needs-retry.s3.{operation}",
            _never,  # type: ignore[arg-type] # the stubs forget that this event is answered
            unique_id=f"moderation-own-retries-{operation}",
        )
    return client


def _add_content_md5(params: dict[str, Any], **kwargs: Any) -> None:  # noqa: ARG001 - boto's call
    """Older MinIO, Ceph and others want it; boto3 sends none since 1.36."""
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = b64encode(digest).decode()


def _never(**kwargs: Any) -> bool:  # noqa: ARG001 - boto's call
    return False


def pause(tries: int) -> float:
    """Seconds to wait after so many failures."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1))
    return random.uniform(0, longest)  # noqa: S311 - spreads requests, guards nothing


def patiently(request: Callable[[], T]) -> T:
    """Make a request, with retries if they may help. Raises the last error."""
    for tries in range(1, TRIES):
        try:
            return request()
        except S3_ERRORS as error:
            if not trouble_of(error).may_pass:
                raise
            time.sleep(pause(tries))
    return request()
