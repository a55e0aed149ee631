"""A proxy before an S3 server that does what networks and overloaded servers do to requests.

A fault is a function: it takes a request and gives an `Act`, or None to let the request pass. Tests
put faults into `proxy.faults`; the first that gives an act decides.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

UPSTREAM_SECONDS = 60
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def is_batch(self) -> bool:
        """Whether it is a DeleteObjects."""
        return self.method == "POST" and "delete" in urlsplit(self.path).query

    @property
    def deletes(self) -> bool:
        """Whether it deletes, in a batch or singly."""
        return self.is_batch or self.method == "DELETE"


@dataclass(frozen=True, slots=True)
class Act:
    """What happens to a request. `reply` in place of the server's; `delay` in seconds first."""

    delay: float = 0
    reply: tuple[int, str, bytes] | None = None  # status, content type, body
    reset: bool = False  # the connection is reset, and the server sees nothing
    cut: bool = False  # the server does it; half of its reply gets through
    edit: Callable[[bytes], bytes] | None = None  # the server does it; its reply is changed


Fault = Callable[[Request], Act | None]
Reply = tuple[int, dict[str, str], bytes]  # status, headers, body


def error_reply(status: int, code: str, message: str = "as the test wants it") -> Act:
    """Answer with an S3 error for the whole request."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Act(reply=(status, "application/xml", body.encode()))


def html_reply(status: int = 200) -> Act:
    """Answer with the page of a stranger."""
    return Act(reply=(status, "text/html", b"<html><body><p>Hello<br></body></html>"))


@dataclass
class FaultyProxy:
    """A running proxy: where it listens, what it saw, what it does wrong."""

    endpoint: str
    upstream: str
    faults: list[Fault] = field(default_factory=list)
    seen: list[Request] = field(default_factory=list)
    most_concurrent: int = 0
    concurrent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def act_on(self, request: Request) -> Act:
        """Note a request and find what happens to it."""
        with self.lock:
            self.seen.append(request)
            return next((act for fault in self.faults if (act := fault(request))), Act())

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count the requests that are under way at the same time."""
        with self.lock:
            self.concurrent += 1
            self.most_concurrent = max(self.most_concurrent, self.concurrent)
        try:
            yield
        finally:
            with self.lock:
                self.concurrent -= 1


class _Handler(BaseHTTPRequestHandler):
    # It answers `Expect: 100-continue` before the body is read; else boto3 waits a second.
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: FaultyProxy

    def handle_one_request(self) -> None:
        with suppress(ConnectionError):
            super().handle_one_request()
            return
        self.close_connection = True

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, dict(self.headers.items()), body)
        with self.proxy.counted():
            act = self.proxy.act_on(request)
            time.sleep(act.delay)
            reply = None if act.reset else self._reply(request, act)
        # Counted out before: who reads the answer may send the next request immediately.
        if reply:
            self._answer(*reply, cut=act.cut)
        else:
            self._reset()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _handle  # noqa: N815 - http.server's

    def _reply(self, request: Request, act: Act) -> Reply:
        if not act.reply:
            return self._forward(request, act)
        status, content_type, content = act.reply
        return status, {"Content-Type": content_type}, content

    def _forward(self, request: Request, act: Act) -> Reply:
        upstream = urlsplit(self.proxy.upstream)
        connection = HTTPConnection(upstream.netloc, timeout=UPSTREAM_SECONDS)
        headers = {k: v for k, v in request.headers.items() if k.lower() != "expect"}
        try:
            connection.request(request.method, request.path, request.body or None, headers)
            reply: HTTPResponse = connection.getresponse()
            content = reply.read()
            kept = {k: v for k, v in reply.getheaders() if k.lower() not in HOP_BY_HOP}
            if request.method == "HEAD":
                kept["Content-Length"] = reply.getheader("Content-Length") or "0"
        finally:
            connection.close()
        edited = act.edit(content) if act.edit else content
        return reply.status, kept, edited

    def _answer(self, status: int, headers: dict[str, str], content: bytes, *, cut: bool) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.command != "HEAD" and status != 204:  # it has no body
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = cut

    def _reset(self) -> None:
        """Close with RST in place of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()  # it holds the socket open
        self.connection.close()
        self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def faulty_proxy(upstream: str) -> Iterator[FaultyProxy]:
    """Run a proxy before the server at `upstream`, on a free port of loopback."""

    class Handler(_Handler):
        pass

    with _Server(("127.0.0.1", 0), Handler) as server:
        proxy = FaultyProxy(f"http://127.0.0.1:{server.server_port}", upstream)
        Handler.proxy = proxy
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
