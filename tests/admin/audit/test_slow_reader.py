"""A client downloads an export slowly, from the real server."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from moderation.db.bulk_insert import insert
from moderation.models import AuditEntry
from tests.services.workers import gunicorn

pytestmark = pytest.mark.django_db(transaction=True)

# More than the buffers of both sockets hold: some 12 MB.
ROWS, KEY = 20_000, "posts/" + "k" * 200
TIMEOUT = 2  # gunicorn's for a worker; the default is 30
PAUSE = 6  # seconds in which the client does not read
TOKEN = "t" * 32


@pytest.fixture
def site(fresh_storage: Path, tmp_path: Path) -> Iterator[int]:
    """A gunicorn of one worker, with our settings; gives its port."""
    one = {"WEB_CONCURRENCY": "1"}
    with gunicorn("--timeout", f"{TIMEOUT}", log=tmp_path / "gunicorn", env=one) as port:
        yield port


def fill_log() -> None:
    now = timezone.now()
    rows = [{"key": f"{KEY}{n}", "name": f"{KEY}{n}", "object_key": f"{n}"} for n in range(ROWS)]
    same = {"storage": "default", "object_label": "x", "due_at": now, "recorded_at": now}
    insert(AuditEntry, rows, same=same, using="default")


def ask_for_export(connection: HTTPConnection, auditor: User) -> None:
    client = Client()
    client.force_login(auditor)
    cookies = client.cookies.output(attrs=[], header="").strip()
    headers = {
        "Cookie": f"{cookies}; csrftoken={TOKEN}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    form = urlencode({"csrfmiddlewaretoken": TOKEN, "format": 0, "resource": 0})
    connection.request("POST", reverse("admin:moderation_auditentry_export"), form, headers)


def slow_connection(port: int) -> HTTPConnection:
    """Connect with little room for what was sent and not yet read."""
    connection = HTTPConnection("127.0.0.1", port)
    connection.sock = socket.socket()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    connection.sock.settimeout(30)
    connection.sock.connect(("127.0.0.1", port))
    return connection


def status_of(port: int, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_slow_download_is_complete_and_does_not_block_others(site: int, auditor: User) -> None:
    fill_log()
    connection = slow_connection(site)
    try:
        ask_for_export(connection, auditor)
        response = connection.getresponse()
        assert response.status == 200
        began = time.monotonic()
        while time.monotonic() < began + PAUSE:
            assert status_of(site, "/healthz") == 200
            time.sleep(0.5)
        rows = response.read().count(b"\r\n")
    finally:
        connection.close()
    assert rows == ROWS + 1
