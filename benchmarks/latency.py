"""A proxy that delays requests by 20 ms: `python -m benchmarks.latency PORT UPSTREAM_PORT`.

It runs in a separate process, so that it takes no CPU time from the measured one. It delays the
first bytes of each request: those that follow bytes from the server, or are the first of a
connection.
"""

from __future__ import annotations

import asyncio
import sys

# Seconds.
DELAY = 0.02
CHUNK = 1 << 16


class Exchange:
    """A connection. `request_starts` is true if the client's next bytes start a request."""

    def __init__(self) -> None:
        self.request_starts = True

    async def requests(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        """Forward the client's bytes, with a delay at the start of each request."""
        while chunk := await client.read(CHUNK):
            if self.request_starts:
                self.request_starts = False
                await asyncio.sleep(DELAY)
            server.write(chunk)
            await server.drain()
        server.close()

    async def replies(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Forward the server's bytes without a delay."""
        while chunk := await server.read(CHUNK):
            self.request_starts = True
            client.write(chunk)
            await client.drain()
        client.close()


async def serve(port: int, upstream: int) -> None:
    """Listen on a loopback port until the process is killed."""

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", upstream)
        exchange = Exchange()
        both = exchange.requests(reader, to_server), exchange.replies(from_server, writer)
        await asyncio.gather(*both, return_exceptions=True)  # a reset ends this connection only

    async with await asyncio.start_server(connect, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
