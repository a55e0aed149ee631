"""Where uploaded files are kept: Django's STORAGES entry for the disk or for S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

AddressingStyle = Literal["auto", "path", "virtual"]
ADDRESSING_STYLES: tuple[AddressingStyle, ...] = ("auto", "path", "virtual")

# The Cache-Control of pictures: shared caches must not store them, and browsers revalidate before
# each use. So a removed picture is no longer shown, whatever a cache's own rules are.
PICTURE_CACHE_CONTROL = "private, no-cache"
CONNECTIONS = 20  # botocore's own pool has 10; purging and serving share one client
CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 60  # slow clones of S3 need that long for a batch of 1,000 deletions
ATTEMPTS = 3  # per request; what still fails is tried again by the purge


def disk(*, root: Path, url: str) -> dict[str, Any]:
    """Keep the files in a folder."""
    return {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(root), "base_url": url},
    }


def s3(
    *,
    bucket: str,
    endpoint: str = "",
    region: str = "",
    access_key: str = "",
    secret_key: str = "",
    location: str = "",
    addressing_style: AddressingStyle = "auto",
) -> dict[str, Any]:
    """Keep the files in a bucket, private, under `location`; empty values are the SDK's to find."""
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": bucket,
            "endpoint_url": endpoint or None,
            "region_name": region or None,
            "access_key": access_key or None,
            "secret_key": secret_key or None,
            "location": location,
            "default_acl": None,
            "object_parameters": {"CacheControl": PICTURE_CACHE_CONTROL},
            "file_overwrite": False,  # or two rows would come to own one key
            "querystring_auth": True,
            "client_config": _client_config(addressing_style),
        },
    }


def _client_config(addressing_style: AddressingStyle) -> Any:
    """Return botocore's settings: S3Storage drops its own for a style once it is given these."""
    from botocore.config import Config  # slow to import, and a site on disk has no need of it

    return Config(
        s3={"addressing_style": addressing_style},
        signature_version="s3v4",
        max_pool_connections=CONNECTIONS,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        # Many clones of S3 refuse the checksums that the SDK sends unasked since 1.36.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
