"""One connection: uvicorn's protocol with a bound on what its caller may send, and on how slowly.

Bytes are counted before the parser keeps them. Every answer that is ours comes in its turn, behind
those to requests that were read before, and the connection is closed behind it.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from aegisd.core.errors import (
    AegisError,
    Busy,
    HeadTooLarge,
    HeadTooSlow,
    HttpInvalid,
    Stopping,
    TargetTooLong,
)
from aegisd.http.errors import problem
from aegisd.http.memory import HeldMemory

# Bytes of method, target and version. The longest of ours gives a reason in its query: 4,096
# characters, three bytes each where they are escaped.
REQUEST_LINE_BYTES_MAX = 16_384

# Bytes of the request line and all headers, as they are without folding. Programs send some
# hundred; a browser that brings the cookies of everything on this machine, some thousand.
HEAD_BYTES_MAX = 32_768

# Headers of one request. Programs send ten.
HEADERS_MAX = 100

# Requests that are sent before the answer to the first, and wait behind it. Clients that do so at
# all send a few.
PIPELINED_REQUESTS_MAX = 16

# Bytes of the body of one that waits so: what is not yet asked for is not yet kept.
PIPELINED_BYTES_MAX = 65_536

# Connections at once. Each may hold a head and a small body; the process needs a file for each.
CONNECTIONS_MAX = 2048

# Seconds until the last byte of the headers, from the first, or from the connection. A phone
# network needs one.
HEAD_SECONDS_MAX = 10

# Seconds a connection may stand between two requests; clients keep theirs for about five.
IDLE_SECONDS_MAX = 15

# Seconds a caller may let an answer stand unread before the next part of it fits.
ANSWER_SECONDS_MAX = 30

# Seconds for which a caller who still sends is heard out, so that a reset does not lose the answer.
LINGER_SECONDS_MAX = 2

# Bytes of what is heard meanwhile and dropped: one largest body.
LINGER_BYTES_MAX = 8_388_608

# Bytes given to the parser at once while it reads a head: it keeps a header until its end.
_PIECE_BYTES = 16_384

# Seconds between two parts of what is heard and dropped.
_HEARING_SECONDS = 0.01

# Of all connections, the part that is closed when there is no room for one more.
_EVICTED_PART = 64


class Connection(HttpToolsProtocol):
    """One connection of the door, of `most`. Unread answers are taken from `memory`."""

    def __init__(
        self,
        memory: HeldMemory,
        most: int,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.url = b""
        self.since = self.loop.time()
        self._memory, self._most = memory, most
        self._unread_answer = 0
        # Bytes since the parser last told of a whole head or of some body: a head, a trailer or a
        # chunk's extension that does not end, or lines between two requests.
        self._unfinished = 0
        self._in_body = False
        self._refusal: AegisError | None = None
        self._left = False
        self._heard = 0
        self._gone = False

    @property
    def waits(self) -> bool:
        """Whether it is the caller's turn: to send, to read, or to hang up."""
        return not self._answering() or self._left or self._in_body or self.flow.write_paused

    # ── what comes ───────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, in the place of the one that waits longest where there is no other."""
        super().connection_made(_Outlet(transport, self))
        if len(self.connections) > self._most and not evict(self.connections - {self}):
            self.refuse(
                Busy(f"all {self._most} connections of CONNECTIONS_MAX are at work; try again")
            )

    def data_received(self, data: bytes) -> None:
        """Give bytes to the parser, within bounds."""
        self._unset_keepalive_if_required()
        start = 0
        while start < len(data) and self._refusal is None and not self._left:
            end = len(data) if self._in_body else start + _PIECE_BYTES
            self._feed(data[start:end])
            start = end
        if self._left:
            self._hear(len(data))

    def _feed(self, piece: bytes) -> None:
        between, awaiting = not self._unfinished, self._in_body
        self._unfinished += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            # Nothing here speaks another protocol; what was asked in this one is answered.
            self.cycle.keep_alive = False
            self._unfinished = 0
        except httptools.HttpParserError as error:
            told = error.__context__
            self.refuse(told if isinstance(told, AegisError) else HttpInvalid(_NOT_HTTP))
        if self._unfinished > HEAD_BYTES_MAX:
            self.refuse(_too_large(self.url))
        elif (between and self._unfinished) or (self._in_body and not awaiting):
            self.since = self.loop.time()

    def on_headers_complete(self) -> None:
        """Start the request, if it is within bounds. Raises `Busy` or what is wrong with it."""
        if len(self.pipeline) >= PIPELINED_REQUESTS_MAX:
            raise Busy(f"more than PIPELINED_REQUESTS_MAX = {PIPELINED_REQUESTS_MAX} wait here")
        line = len(self.parser.get_method()) + len(self.url) + len("  HTTP/1.1")
        if line > REQUEST_LINE_BYTES_MAX:
            raise _too_large(self.url)
        if len(self.headers) > HEADERS_MAX:
            raise HeadTooLarge(f"more than HEADERS_MAX = {HEADERS_MAX} headers", limit=HEADERS_MAX)
        if self._unfinished > HEAD_BYTES_MAX and line + _size(self.headers) > HEAD_BYTES_MAX:
            raise _too_large(self.url)
        self._unfinished = 0
        # It reads the target, too, and raises where that is none: then there is no request yet.
        super().on_headers_complete()
        self._in_body = True
        # Fields behind a body are of no request: they are read, bounded, and dropped.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body until it is asked for."""
        self._unfinished = 0
        super().on_body(body)
        if self.pipeline and len(self.cycle.body) > PIPELINED_BYTES_MAX:
            raise Busy(f"more than PIPELINED_BYTES_MAX = {PIPELINED_BYTES_MAX} bytes wait here")

    def on_message_complete(self) -> None:
        """Know that the next byte is of another request."""
        self._unfinished = 0
        self._in_body = False
        super().on_message_complete()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a caller who has said everything and hung up that half of the line."""
        if self._in_body or self._left or not self._answering():
            return False
        self.cycle.keep_alive = False
        return True

    # ── what goes out ────────────────────────────────────────────────────────────────────────────

    def on_response_complete(self) -> None:
        """Go on with the next request, or with the refusal behind the last."""
        self.since = self.loop.time()
        super().on_response_complete()
        if self._refusal is not None and not self._answering():
            self._answer(self._refusal)

    def pause_writing(self) -> None:
        """Count what stands unread; a caller for whom there is no room for it is hung up on."""
        super().pause_writing()
        self.since = self.loop.time()
        size = self.transport.get_write_buffer_size()
        if self._memory.take(size):
            self._unread_answer += size
        else:
            self.transport.abort()

    def resume_writing(self) -> None:
        """Count it no longer."""
        self._memory.give(self._unread_answer)
        self._unread_answer = 0
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything."""
        self._left = self._gone = True
        self._memory.give(self._unread_answer)
        self._unread_answer = 0
        super().connection_lost(exc)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────

    def refuse(self, error: AegisError) -> None:
        """Answer the request that is being read with an error, in its turn, and read no further."""
        if self._refusal is not None or self._left:
            return
        self._refusal = error
        if self._in_body and self.cycle.response_started:
            # One request has one answer, and it has begun.
            self.transport.close()
        elif self._in_body and self.pipeline:
            # It has not begun, and others are answered first.
            self.pipeline.popleft()[0].response_complete = True
        elif self._in_body:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._answer(error)
        elif not self._answering():
            self._answer(error)

    def shutdown(self) -> None:
        """End in order: what has been read is answered, what is still coming is refused."""
        unread = self._in_body and not self.cycle.response_complete
        if unread or (self._unfinished and not self._answering()):
            self.refuse(Stopping("the daemon is stopping; nothing of this request was recorded"))
        elif not self._left:
            super().shutdown()

    def look(self, now: float) -> None:
        """End the connection if its caller has had more time than there is for one step."""
        waited = now - self.since
        if self._left:
            if waited > LINGER_SECONDS_MAX:
                self.transport.abort()
        elif self.flow.write_paused:
            if waited > ANSWER_SECONDS_MAX:
                self.transport.abort()
        elif waited > HEAD_SECONDS_MAX and not self._answering():
            if self._unfinished and not self._in_body:
                self.refuse(
                    HeadTooSlow(
                        f"the headers were not there within HEAD_SECONDS_MAX = {HEAD_SECONDS_MAX} s"
                    )
                )
            elif self._in_body or self.timeout_keep_alive_task is None:
                self.transport.close()

    def leave(self, transport: asyncio.Transport) -> None:
        """Close, and hear out a caller who still sends, for whom a reset would lose the answer."""
        if self._left or transport.is_closing():
            return
        if self._in_body or self._refusal is not None:
            self._left = True
            self.since = self.loop.time()
            transport.write_eof()
            self.flow.resume_reading()
        else:
            transport.close()

    @property
    def left(self) -> bool:
        """Whether nothing more is said on it."""
        return self._left

    def _hear(self, size: int) -> None:
        self._heard += size
        if self._heard > LINGER_BYTES_MAX:
            self.transport.abort()
        else:
            # The loop reads a socket up to thirty times before it looks at another one.
            self.flow.pause_reading()
            self.loop.call_later(_HEARING_SECONDS, self._hear_on)

    def _hear_on(self) -> None:
        if not self._gone:
            self.flow.resume_reading()

    def _answering(self) -> bool:
        # Of uvicorn's types none says that there may be no request yet.
        cycle: RequestResponseCycle | None = self.cycle
        return bool(self.pipeline) or not (cycle is None or cycle.response_complete)

    def _answer(self, error: AegisError) -> None:
        if self.transport.is_closing():
            return
        told = problem(error)
        headers = [each for each in told.raw_headers if each[0] != b"connection"]
        headers.append((b"connection", b"close"))
        lines = [b"%b: %b\r\n" % each for each in headers]
        self.transport.write(b"".join([STATUS_LINE[told.status_code], *lines, b"\r\n", told.body]))
        self.transport.close()


def evict(connections: Iterable[Any]) -> bool:
    """Hang up on those whose callers keep them waiting longest; whether there was one."""
    waiting = [each for each in connections if each.waits and not each.transport.is_closing()]
    waiting.sort(key=lambda each: each.since)
    for each in waiting[: 1 + len(waiting) // _EVICTED_PART]:
        each.transport.abort()
    return bool(waiting)


class _Outlet(asyncio.Transport):
    """A connection's way out, on which closing leaves time to read what was said last."""

    def __init__(self, transport: asyncio.Transport, connection: Connection) -> None:
        super().__init__()
        self._transport, self._connection = transport, connection

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._transport.write(data)

    def close(self) -> None:
        self._connection.leave(self._transport)

    def is_closing(self) -> bool:
        return self._connection.left or self._transport.is_closing()

    def abort(self) -> None:
        self._transport.abort()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size()

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._transport.get_extra_info(name, default)


_NOT_HTTP = "expected a request of HTTP/1.1, RFC 9112, found something else"


def _size(headers: Iterable[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) + len(": \r\n") for name, value in headers) + len("\r\n\r\n")


def _too_large(target: bytes) -> AegisError:
    if len(target) + len("GET  HTTP/1.1") > REQUEST_LINE_BYTES_MAX:
        return TargetTooLong(
            f"the request line is larger than REQUEST_LINE_BYTES_MAX = {REQUEST_LINE_BYTES_MAX}",
            limit=REQUEST_LINE_BYTES_MAX,
        )
    return HeadTooLarge(
        f"the headers are larger than HEAD_BYTES_MAX = {HEAD_BYTES_MAX}", limit=HEAD_BYTES_MAX
    )
