"""The files of a benchmark: laid once, and laid again before each run that deletes them."""

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


class Stored(Protocol):
    """Where the files are."""

    def fill(self) -> None:
        """Lay a file for each name that the database holds, and the storage's mark."""

    def laid(self) -> AbstractContextManager[Mapping[str, str]]:
        """Have all files there, behind the default storage. At the end, none may be left.

        Gives the variables by which another process finds them.

        Raises RuntimeError for a file that is left: what was measured then was no deletion.
        """


class OnDisk:
    """Files in MEDIA_ROOT."""

    def fill(self) -> None:
        """Mark the folder; the files are laid for each run."""
        write_identity("default")
        self.names = content.stored_names()

    @contextmanager
    def laid(self) -> Iterator[Mapping[str, str]]:
        """See `Stored.laid`."""
        folder = Path(settings.MEDIA_ROOT)
        content.fill_folder(folder, self.names)
        yield {}
        _refuse_left([p.name for p in folder.rglob("*") if p.is_file() and p.name != IDENTITY_FILE])


class InBucket:
    """Objects on the S3 gateway, which is started anew on a copy of its folder for each run.

    To put objects takes much longer than to delete them. With `delayed`, requests go through a
    proxy that is 20 ms away.
    """

    def __init__(self, folder: Path, *, delayed: bool = False) -> None:
        self.folder, self.saved = folder / "gateway", folder / "gateway-saved"
        self.delayed = delayed

    def fill(self) -> None:
        """Put an object for each name, and keep the gateway's folder."""
        self.folder.mkdir()
        with s3_gateway.serve(self.folder) as server:
            self.bucket = server.make_bucket()
            content.fill_bucket(server.client, self.bucket, content.stored_names())
            with self._behind_default(server.endpoint):
                write_identity("default")
        self.folder.rename(self.saved)

    @contextmanager
    def laid(self) -> Iterator[Mapping[str, str]]:
        """See `Stored.laid`."""
        shutil.copytree(self.saved, self.folder)
        with s3_gateway.serve(self.folder) as server:
            with self._endpoint(server) as endpoint, self._behind_default(endpoint):
                default_storage.exists(IDENTITY_FILE)  # a worker that runs has its connection
                yield server.environment(self.bucket) | {"S3_ENDPOINT_URL": endpoint}
            # The gateway keeps files in folders, and an emptied one shows up as a key.
            keys = (key for key in server.keys(self.bucket) if not key.endswith("/"))
            _refuse_left([key for key in keys if key != IDENTITY_FILE])
        shutil.rmtree(self.folder)

    @contextmanager
    def _behind_default(self, endpoint: str) -> Iterator[None]:
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
            wait_until(lambda: answers(port), what="the proxy that is far away")
            yield f"http://127.0.0.1:{port}"


def _refuse_left(names: list[str]) -> None:
    if names:
        raise RuntimeError(f"{len(names)} files are left, such as {names[0]}.")
