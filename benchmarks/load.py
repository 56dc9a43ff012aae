"""A load of HTTP/1.1 requests over kept-alive connections, one request in flight on each.

Runs as its own process so that the server under test has its event loop to itself. Written on
asyncio's protocols because a client library would cost more than the server it measures.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import count

import msgspec
import uvloop
from msgspec import Struct

from benchmarks import process
from benchmarks.figures import percentile
from benchmarks.workloads import WORKLOADS, Workload


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last one is complete."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self.done = done
        self._requests = requests
        self._buffer = b""
        self._missing = 0
        self._sent = 0.0
        self.latencies: list[float] = []
        self.statuses: Counter[str] = Counter()

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
            self.statuses[head[9:12].decode()] += 1
            self._missing = int(length) - len(body)
            self._buffer = b""
        if self._missing == 0:
            self.latencies.append(time.perf_counter() - self._sent)
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        """A lost connection ends its share of the load and is counted."""
        if not self.done.done():
            self.statuses["lost"] += 1
            self.done.set_result(None)

    def _send(self) -> None:
        following = next(self._requests, None)
        if following is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(following)  # type: ignore[attr-defined]


class Loaded(Struct, frozen=True, kw_only=True):
    """What a load found: events per second, and how long its requests took."""

    per_second: float
    p50_ms: float
    p99_ms: float
    statuses: dict[str, int]


def load(port: int, workload: str, connections: int, seconds: float, name: str) -> Loaded:
    """Load a server from a process of its own; `name` begins the names of the sessions.

    Raises `RuntimeError` for any answer but 200 and 201.
    """
    asked = (port, workload, connections, seconds, name)
    ended = process.run([sys.executable, "-m", "benchmarks.load", *map(str, asked)])
    found = msgspec.json.decode(ended.said, type=Loaded)
    if set(found.statuses) - {"200", "201"}:
        raise RuntimeError(f"{workload}: expected 200 or 201 alone, got {found.statuses}")
    return found


async def run(port: int, workload: Workload, connections: int, seconds: float, name: str) -> Loaded:
    """Load a server for a while from this process."""
    loop = asyncio.get_running_loop()
    body = workload.bodies(name)
    head = f"POST {workload.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode()
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
    started = time.perf_counter()
    ends = started + seconds

    def requests(connection: int) -> Iterator[bytes]:
        for number in count():
            if time.perf_counter() > ends:
                return
            told = body(connection, number)
            yield head % (len(told), told)

    protocols = []
    for number in range(connections):
        protocol = Connection(requests(number), loop.create_future())
        await loop.create_connection(partial(_same, protocol), "127.0.0.1", port)
        protocols.append(protocol)
    await asyncio.gather(*(protocol.done for protocol in protocols))
    elapsed = time.perf_counter() - started
    latencies = [latency for protocol in protocols for latency in protocol.latencies]
    statuses: Counter[str] = Counter()
    for protocol in protocols:
        statuses += protocol.statuses
    return Loaded(
        per_second=len(latencies) * workload.events / elapsed,
        p50_ms=percentile(latencies, 0.5) * 1000,
        p99_ms=percentile(latencies, 0.99) * 1000,
        statuses=statuses,
    )


def _same(protocol: Connection) -> Connection:
    return protocol


def main() -> None:
    """`python -m benchmarks.load PORT WORKLOAD CONNECTIONS SECONDS NAME`: print one JSON line."""
    port, workload, connections, seconds, name = sys.argv[1:6]
    work = run(int(port), WORKLOADS[workload], int(connections), float(seconds), name)
    print(msgspec.json.encode(uvloop.run(work)).decode())


if __name__ == "__main__":
    main()
