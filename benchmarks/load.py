"""A load of HTTP/1.1 requests over kept-alive connections, one request in flight on each.

Runs as its own process so that the server under test has its event loop to itself. Written on
asyncio's protocols because a client library would cost more than the server it measures.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

import uvloop


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last one is complete."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self.done = done
        self._requests = requests
        self._buffer = b""
        self._sent = 0.0
        self.latencies: list[float] = []
        self.statuses: dict[str, int] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start with the first request."""
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Collect one answer, count it, go on."""
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self.latencies.append(time.perf_counter() - self._sent)
        status = head[9:12].decode()
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self._buffer = b""
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
    port: int, path: str, connections: int, seconds: float, body: Callable[[int, int], bytes]
) -> dict[str, object]:
    """Load a server for a while. `body(connection, number)` makes each request's body."""
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
    latencies = sorted(latency for protocol in protocols for latency in protocol.latencies)
    statuses: dict[str, int] = {}
    for protocol in protocols:
        for status, number in protocol.statuses.items():
            statuses[status] = statuses.get(status, 0) + number
    return {
        "per_second": len(latencies) / elapsed,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
        "statuses": statuses,
    }


def _same(protocol: Connection) -> Connection:
    return protocol


def proposal(session: str, tenant: str = "bench") -> Callable[[int, int], bytes]:
    """Bodies of about 0.5 KB: a governed tool call in a session of each connection's own.

    A session takes 20 calls and then gives way to a new one, as agents' sessions do.
    """
    text = "Keep each line short, and name what changed for whoever reads it. " * 4
    # Spelled once and filled in, so that the load costs the shared cores as little as it can.
    form = (
        f'{{"tenant_id":"{tenant}","session_id":"{session}-%d-%d","agent_id":"agent-%d",'
        '"event_type":"TOOL_CALL_PROPOSED","payload":{"tool_name":"write_file",'
        f'"args":{{"path":"/workspace/out/%d.md","content":"{text}"}}}}}}'
    )
    template = form.encode()

    def body(connection: int, number: int) -> bytes:
        return template % (connection, number // 20, connection % 4, number)

    return body


def main() -> None:
    """`python -m benchmarks.load PORT PATH CONNECTIONS SECONDS NAME`: print one JSON line."""
    port, path, connections, seconds, name = sys.argv[1:6]
    result = uvloop.run(run(int(port), path, int(connections), float(seconds), proposal(name)))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
