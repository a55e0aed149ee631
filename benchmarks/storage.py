"""The files of a benchmark, written again before each run that deletes them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from django.conf import settings
from django.core.files.storage import default_storage
from django.test import override_settings

from benchmarks import content
from moderation.storage import write_identity
from moderation.storage.base import IDENTITY_FILE
from project import storages
from tests.services import s3_gateway
from tests.services.processes import answers, free_port, running, wait_until
from tests.services.s3_gateway import ACCESS_KEY, REGION, SECRET_KEY, S3Server


class BenchmarkStorage(Protocol):
    """The default storage of a benchmark that deletes files."""

    def prepare(self) -> None:
        """Write the identity file, and prepare a file for each name in the database."""

    def filled(self) -> AbstractContextManager[Mapping[str, str]]:
        """Return a context in which the default storage has all files.

        Entering it returns the environment variables with which another process uses the same
        storage. Leaving it raises RuntimeError if files are left: not every file was deleted.
        """


class DiskStorage:
    """Files in MEDIA_ROOT."""

    def prepare(self) -> None:
        """Write the identity file. The other files are written for each run."""
        write_identity("default")
        self.names = content.stored_names()

    @contextmanager
    def filled(self) -> Iterator[Mapping[str, str]]:
        """See `BenchmarkStorage.filled`."""
        folder = Path(settings.MEDIA_ROOT)
        content.fill_folder(folder, self.names)
        yield {}
        left = [path.name for path in folder.rglob("*") if path.is_file()]
        _raise_if_left([name for name in left if name != IDENTITY_FILE])


class BucketStorage:
    """Objects on the S3 gateway, which is restarted with a copy of its folder for each run.

    Uploading objects takes much longer than deleting them. With `delayed`, requests go through a
    proxy that delays each by 20 ms.
    """

    def __init__(self, folder: Path, *, delayed: bool = False) -> None:
        self.folder, self.saved = folder / "gateway", folder / "gateway-saved"
        self.delayed = delayed

    def prepare(self) -> None:
        """Upload the identity file and an object for each name, and save the gateway's folder."""
        self.folder.mkdir()
        with s3_gateway.serve(self.folder) as server:
            self.bucket = server.make_bucket()
            content.fill_bucket(server.client, self.bucket, content.stored_names())
            with self._as_default(server.endpoint):
                write_identity("default")
        self.folder.rename(self.saved)

    @contextmanager
    def filled(self) -> Iterator[Mapping[str, str]]:
        """See `BenchmarkStorage.filled`."""
        shutil.copytree(self.saved, self.folder)
        with s3_gateway.serve(self.folder) as server:
            with self._endpoint(server) as endpoint, self._as_default(endpoint):
                default_storage.exists(IDENTITY_FILE)  # connect, as a running worker already has
                yield server.environment(self.bucket) | {"S3_ENDPOINT_URL": endpoint}
            # The gateway stores keys as paths, and lists an empty folder as a key.
            keys = (key for key in server.keys(self.bucket) if not key.endswith("/"))
            _raise_if_left([key for key in keys if key != IDENTITY_FILE])
        shutil.rmtree(self.folder)

    @contextmanager
    def _as_default(self, endpoint: str) -> Iterator[None]:
        entry = storages.s3(
            bucket=self.bucket,
            endpoint=endpoint,
            region=REGION,
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            addressing_style="path",
        )
        with override_settings(STORAGES=settings.STORAGES | {"default": entry}):
            yield

    @contextmanager
    def _endpoint(self, server: S3Server) -> Iterator[str]:
        if not self.delayed:
            yield server.endpoint
            return
        port, upstream = free_port(), urlsplit(server.endpoint).port
        command = [sys.executable, "-m", "benchmarks.latency", str(port), str(upstream)]
        with running(command, log=self.folder / "latency.log"):
            wait_until(lambda: answers(port), what="the delaying proxy")
            yield f"http://127.0.0.1:{port}"


def _raise_if_left(names: list[str]) -> None:
    if names:
        raise RuntimeError(f"{len(names)} files are left, such as {names[0]}.")
