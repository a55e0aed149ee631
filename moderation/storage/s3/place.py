"""At which endpoint a bucket is: the part of its address that options spell in several ways."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

# boto3 reads them where a storage names no endpoint, in this order.
VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
# The names of Amazon's own buckets are unique, whatever region an endpoint is in.
AMAZON = "amazonaws.com"
LOOPBACK = {"127.0.0.1", "::1"}


def endpoint_of(storage: Any) -> str:
    """Return the host and port of an S3Storage's endpoint, in one spelling. No network."""
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
