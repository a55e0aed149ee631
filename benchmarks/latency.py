"""A proxy that stands 20 ms away: `python -m benchmarks.latency PORT UPSTREAM_PORT`.

A process of its own, so that it takes no time of the one that is measured. It waits once for each
request: where bytes of a client follow bytes of the server, or are the first of a connection.
"""

from __future__ import annotations

import asyncio
import sys

# Seconds that each request takes longer.
DELAY = 0.02
CHUNK = 1 << 16


class Exchange:
    """One connection: whose turn it is to speak."""

    def __init__(self) -> None:
        self.client_begins = True

    async def requests(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        """Pass on what the client says; the beginning of a request later."""
        while chunk := await client.read(CHUNK):
            if self.client_begins:
                self.client_begins = False
                await asyncio.sleep(DELAY)
            server.write(chunk)
            await server.drain()
        server.close()

    async def replies(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Pass on what the server says, at once."""
        while chunk := await server.read(CHUNK):
            self.client_begins = True
            client.write(chunk)
            await client.drain()
        client.close()


async def serve(port: int, upstream: int) -> None:
    """Listen on a port of loopback, for ever."""

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", upstream)
        exchange = Exchange()
        both = exchange.requests(reader, to_server), exchange.replies(from_server, writer)
        await asyncio.collect(*both, return_exceptions=True)  # a reset ends a connection, no more

    async with await asyncio.start_server(connect, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
