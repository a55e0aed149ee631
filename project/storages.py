"""STORAGES entries for uploaded files, on disk or on S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

AddressingStyle = Literal["auto", "path", "virtual"]
ADDRESSING_STYLES: tuple[AddressingStyle, ...] = ("auto", "path", "virtual")

# The Cache-Control of pictures: shared caches must not store them, and browsers revalidate before
# each use. A removed picture is thus no longer shown, whatever a cache's own rules are.
PICTURE_CACHE_CONTROL = "private, no-cache"
CONNECTIONS = 20  # botocore's default is 10, but purging and serving share one client
CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 60  # slow clones of S3 need this long for a request with 1,000 keys
ATTEMPTS = 3  # per request; the purge retries later


def disk(*, root: Path, url: str) -> dict[str, Any]:
    """Return the entry for files in a folder."""
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
    """Return the entry for private files under `location`; the SDK fills in empty values."""
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
            "file_overwrite": False,  # otherwise two rows could share a key
            "querystring_auth": True,
            "client_config": _client_config(addressing_style),
        },
    }


def _client_config(addressing_style: AddressingStyle) -> Any:
    """Return botocore's settings. They replace those of S3Storage, including addressing style."""
    from botocore.config import Config  # noqa: PLC0415 - slow, and for S3 only

    return Config(
        s3={"addressing_style": addressing_style},
        signature_version="s3v4",
        max_pool_connections=CONNECTIONS,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        # Many clones of S3 reject the checksums that the SDK sends by default since 1.36.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
