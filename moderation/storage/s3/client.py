"""The low-level client behind a storage, with the changes that this app makes to requests."""

from __future__ import annotations

import hashlib
import time
from base64 import b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from moderation.storage.pace import pause_after
from moderation.storage.s3.errors import S3_ERRORS, classify

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

T = TypeVar("T")

# Attempts for a request or key within one call; the purge itself retries later.
TRIES = 5
# The operations that this app retries itself, key by key, instead of botocore.
OWN_RETRIES = ("DeleteObjects", "DeleteObject", "ListObjectVersions", "ListObjectsV2")


def prepared_client(storage: Any) -> S3Client:
    """Return the thread-safe client of an S3Storage, with this app's handlers registered once."""
    client: S3Client = storage.connection.meta.client
    events = client.meta.events
    events.register(
        "before-call.s3.DeleteObjects", _add_content_md5, unique_id="moderation-content-md5"
    )
    for operation in OWN_RETRIES:
        events.register_first(
            f"needs-retry.s3.{operation}",
            _do_not_retry,  # type: ignore[arg-type] # the stubs omit the return value of handlers
            unique_id=f"moderation-own-retries-{operation}",
        )
    return client


def _add_content_md5(params: dict[str, Any], **kwargs: Any) -> None:  # noqa: ARG001 - boto's call
    """Add a header that older MinIO, Ceph and others require and boto3 has omitted since 1.36."""
    digest = hashlib.md5(params["body"], usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = b64encode(digest).decode()


def _do_not_retry(**kwargs: Any) -> bool:  # noqa: ARG001 - boto's call
    return False


def with_retries(request: Callable[[], T]) -> T:
    """Call a function that makes a request, with retries if they may help.

    Raises the last error.
    """
    for failures in range(1, TRIES):
        try:
            return request()
        except S3_ERRORS as error:
            if not classify(error).is_transient:
                raise
            time.sleep(pause_after(failures))
    return request()
