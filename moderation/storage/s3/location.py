"""The endpoint of a bucket, which options can name in several ways."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

# boto3 reads these, in this order, if a storage has no endpoint.
VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
# The names of Amazon's own buckets are unique across regions.
AMAZON = "amazonaws.com"
LOOPBACK = {"127.0.0.1", "::1"}


def endpoint_of(storage: Any) -> str:
    """Return the normalised host and port of an S3Storage's endpoint. No network."""
    given = storage.endpoint_url or next(filter(None, map(os.environ.get, VARIABLES)), None)
    if not given:
        return AMAZON
    url = urlsplit(given if "//" in given else f"//{given}")
    host = (url.hostname or "").rstrip(".")
    if host.removesuffix(".cn").endswith(f".{AMAZON}"):
        return AMAZON
    standard = 80 if url.scheme == "http" else 443
    return (
        f"{'localhost' if host in LOOPBACK else host}:{url.port or standard}{url.path.rstrip('/')}"
    )
