"""A load of HTTP/1.1 requests over kept-alive connections, one request in flight on each.

Runs as its own process so that the server under test has its event loop to itself. Written on
asyncio's protocols because a client library would cost more than the server it measures.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import count

import uvloop

from benchmarks.figures import percentile
from benchmarks.workloads import WORKLOADS, Body


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last one is complete."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self.done = done
        self._requests = requests
        self._buffer = b""
        self._missing = 0
        self._sent = 0.0
        self.latencies: list[float] = []
        self.statuses: dict[str, int] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start with the first request."""
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Collect one answer, count it, go on."""
        if self._missing:
            self._missing -= len(data)
        else:
            self._buffer += data
            head, separator, body = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                return
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            status = head[9:12].decode()
            self.statuses[status] = self.statuses.get(status, 0) + 1
            self._missing = int(length) - len(body)
            self._buffer = b""
        if self._missing == 0:
            self.latencies.append(time.perf_counter() - self._sent)
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        """A lost connection ends its share of the load and is counted."""
        if not self.done.done():
            self.statuses["lost"] = self.statuses.get("lost", 0) + 1
            self.done.set_result(None)

    def _send(self) -> None:
        following = next(self._requests, None)
        if following is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(following)  # type: ignore[attr-defined]


def request(path: str, body: bytes, host: str) -> bytes:
    """The bytes of one POST."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def run(
    port: int, path: str, connections: int, seconds: float, body: Body
) -> dict[str, object]:
    """Load a server for a while."""
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    ends = started + seconds

    def requests(connection: int) -> Iterator[bytes]:
        for number in count():
            if time.perf_counter() > ends:
                return
            yield request(path, body(connection, number), f"127.0.0.1:{port}")

    protocols = []
    for number in range(connections):
        protocol = Connection(requests(number), loop.create_future())
        await loop.create_connection(partial(_same, protocol), "127.0.0.1", port)
        protocols.append(protocol)
    await asyncio.gather(*(protocol.done for protocol in protocols))
    elapsed = time.perf_counter() - started
    latencies = [latency for protocol in protocols for latency in protocol.latencies]
    statuses: dict[str, int] = {}
    for protocol in protocols:
        for status, number in protocol.statuses.items():
            statuses[status] = statuses.get(status, 0) + number
    return {
        "per_second": len(latencies) / elapsed,
        "p50_ms": percentile(latencies, 0.5) * 1000,
        "p99_ms": percentile(latencies, 0.99) * 1000,
        "statuses": statuses,
    }


def _same(protocol: Connection) -> Connection:
    return protocol


def main() -> None:
    """`python -m benchmarks.load PORT WORKLOAD CONNECTIONS SECONDS NAME`: print one JSON line."""
    port, name, connections, seconds, session = sys.argv[1:6]
    workload = WORKLOADS[name]
    body = workload.bodies(session)
    result = uvloop.run(run(int(port), workload.path, int(connections), float(seconds), body))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
