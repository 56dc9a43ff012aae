"""One connection: uvicorn's protocol with a bound on what its caller may send, and on how slowly.

Bytes are counted before the parser keeps them. Every answer that is ours comes in its turn, behind
those to requests that were read before, and the connection is closed behind it.
"""

import asyncio
from collections.abc import Iterable
from enum import Enum
from typing import Any, cast

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from aegisd.core.errors import (
    AegisError,
    BodyTooSlow,
    Busy,
    HeadTooLarge,
    HeadTooSlow,
    HttpInvalid,
    Stopping,
    TargetTooLong,
)
from aegisd.http.body import SECONDS
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

# Seconds until the last byte of a body, from its head or from the answer before it. A phone network
# sends the largest in that; who drips bytes to hold a connection does not.
BODY_SECONDS_MAX = 30

# Seconds a connection may stand between two requests; clients keep theirs for about five.
IDLE_SECONDS_MAX = 15

# Seconds a caller may let an answer stand unread before the next part of it fits.
ANSWER_SECONDS_MAX = 30

# Seconds for which a caller who still sends is heard out, so that a reset does not lose the answer.
LINGER_SECONDS_MAX = 2

# Bytes of what is heard meanwhile and dropped: one largest body.
LINGER_BYTES_MAX = 8_388_608

# Bytes given to the parser at once: it keeps a header until its end.
_PIECE_BYTES = 16_384

# Seconds between two parts of what is heard and dropped.
_HEARING_SECONDS = 0.01

# Of all connections, the part that is closed when there is no room for one more.
_EVICTED_PART = 64


class State(Enum):
    """What the next byte is of; answers to what was read before go on beside it."""

    HEAD = "a head, the next one if none has begun"
    BODY = "the body of `cycle`, or the fields behind it"
    REFUSED = "nothing: a refusal ends what was read, and is said behind the answers before it"
    LINGERING = "nothing, and everything is said"
    GONE = "nobody"


HEAD, BODY, REFUSED, LINGERING, GONE = State
_READ = HEAD, BODY


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
        # Seconds of the loop: the present step's first, and when last something came or went.
        self.since = self.moved = self.loop.time()
        self.state = HEAD
        # Requests whose head was read, and that have not been answered.
        self.open = 0
        # Bytes since the parser last told of a whole head or of some body: a head, a trailer or a
        # chunk's extension that does not end, or lines between two requests.
        self.unfinished = 0
        self._memory, self._most = memory, most
        self._unread_answer = 0
        self._refusal: AegisError | None = None
        self._heard = 0

    @property
    def waits(self) -> bool:
        """Whether it is the caller's turn: to send, to read, or to hang up."""
        if self.flow.write_paused or not self.open or self.state is LINGERING:
            return True
        return self.state is BODY and not self.flow.read_paused

    # ── what comes ───────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, in the place of one that waits where there is no other."""
        super().connection_made(cast("asyncio.Transport", _Outlet(transport, self)))
        if len(self.connections) > self._most and not evict(self.connections - {self}):
            self.refuse(Busy(f"CONNECTIONS_MAX: all {self._most} are at work; try again"))

    def data_received(self, data: bytes) -> None:
        """Give bytes to the parser, within bounds."""
        self.moved = self.loop.time()
        for start in range(0, len(data), _PIECE_BYTES):
            self._feed(data[start : start + _PIECE_BYTES])
        if self.state is LINGERING:
            self._hear(len(data))

    def _feed(self, piece: bytes) -> None:
        if self.state not in _READ:
            return
        between, read = not self.unfinished, None
        self.unfinished += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            read = upgrade.args[0]
        except httptools.HttpParserError as error:
            told = error.__context__
            self.refuse(told if isinstance(told, AegisError) else HttpInvalid(_NOT_HTTP))
        if self.unfinished > HEAD_BYTES_MAX:
            self.refuse(_too_large(self.url))
        elif between and self.unfinished and self.state is HEAD:
            self.since = self.moved
        if read is not None:
            self._stay(piece[read:])

    def _stay(self, rest: bytes) -> None:
        """Read a request again, without the protocol to which it would go over (RFC 9110, 7.8).

        The parser takes what follows such a head for the other protocol, a body too.
        """
        version = self.parser.get_http_version().encode()
        lines = [b"%b: %b\r\n" % each for each in self.headers if each[0] != b"upgrade"]
        head = [self.parser.get_method(), b" ", self.url, b" HTTP/", version, b"\r\n", *lines]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._feed(b"".join(head) + b"\r\n")
        self._feed(rest)

    def on_headers_complete(self) -> None:
        """Start the request, if it is within bounds. Raises `Busy` or what is wrong with it."""
        if len(self.pipeline) >= PIPELINED_REQUESTS_MAX:
            raise Busy(f"more than PIPELINED_REQUESTS_MAX = {PIPELINED_REQUESTS_MAX} wait here")
        line = len(self.parser.get_method()) + len(self.url) + len("  HTTP/1.1")
        if line > REQUEST_LINE_BYTES_MAX:
            raise _too_large(self.url)
        # Up to a piece of it came behind something else, and was not counted.
        if len(self.headers) > HEADERS_MAX or self.unfinished > HEAD_BYTES_MAX - _PIECE_BYTES:
            self._check_fields(line)
        if self.parser.should_upgrade():
            # It is read again, and started then; but nothing here connects to others.
            if self.parser.get_method() == b"CONNECT":
                raise HttpInvalid(_NOT_HTTP)
            self.unfinished = 0
            return
        # It reads the target, too, and raises where that is none: then there is no request yet.
        super().on_headers_complete()
        self.state, self.unfinished, self.since = BODY, 0, self.moved
        self.open += 1
        # Fields behind a body are of no request: they are read, bounded, and dropped.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body until it is asked for."""
        self.unfinished = 0
        super().on_body(body)
        if self.pipeline and len(self.cycle.body) > PIPELINED_BYTES_MAX:
            raise Busy(f"more than PIPELINED_BYTES_MAX = {PIPELINED_BYTES_MAX} bytes wait here")

    def on_message_complete(self) -> None:
        """Know that the next byte is of another request."""
        if self.state is BODY:
            if self.headers:
                self._check_fields(0)
            self.state, self.unfinished, self.since = HEAD, 0, self.moved
            if not self.parser.should_keep_alive():
                # A field behind the body may say so, too, and the parser reads nothing more.
                self.cycle.keep_alive = False
            super().on_message_complete()

    def _check_fields(self, line: int) -> None:
        if len(self.headers) > HEADERS_MAX:
            raise HeadTooLarge(f"more than HEADERS_MAX = {HEADERS_MAX} headers", limit=HEADERS_MAX)
        if line + _size(self.headers) > HEAD_BYTES_MAX:
            raise _too_large(self.url)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer what was said in whole by a caller who hung up that half of the line."""
        if self.state is BODY and self.open > 1:
            self.refuse(HttpInvalid("expected the rest of a request, found the end of the line"))
        if self.state is HEAD and self.open:
            self.cycle.keep_alive = False
        return self.open > 0 and self.state in (HEAD, REFUSED)

    # ── what goes out ────────────────────────────────────────────────────────────────────────────

    def on_response_complete(self) -> None:
        """Go on with the next request, or with the refusal behind the last."""
        self.since = self.moved = self.loop.time()
        self.open -= 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._refusal is not None:
            self._answer(self._refusal)

    def pause_writing(self) -> None:
        """Count what stands unread, in the place of what stood longest where there is no other."""
        super().pause_writing()
        self.since = self.moved = self.loop.time()
        size = self.transport.get_write_buffer_size()
        others: set[Any] = self.connections - {self}
        while not self._memory.take(size):
            if not evict(each for each in others if each.flow.write_paused):
                self.hang_up()
                return
        self._unread_answer += size

    def resume_writing(self) -> None:
        """Count it no longer."""
        self._release()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything."""
        self.state = GONE
        self._release()
        super().connection_lost(exc)

    def _release(self) -> None:
        self._memory.give(self._unread_answer)
        self._unread_answer = 0

    # ── the end ──────────────────────────────────────────────────────────────────────────────────

    def refuse(self, error: AegisError) -> None:
        """Answer the request that is being read with an error, in its turn, and read no further."""
        if self.state not in _READ:
            return
        in_body = self.state is BODY
        self.state, self._refusal = REFUSED, error
        if in_body:
            if self.cycle.response_started:
                # One request has one answer, and it has begun.
                self.transport.close()
            elif self.pipeline:
                self.pipeline.popleft()
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self.open -= 1
        if not self.open:
            self._answer(error)

    def shutdown(self) -> None:
        """End in order: what has been read is answered, what is still coming is refused."""
        unread = self.state is BODY and not self.cycle.response_complete
        if unread or (self.unfinished and not self.open):
            self.refuse(Stopping("the daemon is stopping; nothing of this request was recorded"))
        elif self.state in _READ:
            super().shutdown()

    def look(self, now: float) -> None:
        """End the connection if its caller has had more time than there is for one step."""
        waited = now - self.since
        if self.state is LINGERING or self.flow.write_paused:
            if waited > (LINGER_SECONDS_MAX if self.state is LINGERING else ANSWER_SECONDS_MAX):
                self.hang_up()
        elif self.open:
            seconds = cast("Any", self.scope).get(SECONDS, BODY_SECONDS_MAX)
            # One that waits behind others is not listened to.
            if self.state is BODY and not self.pipeline and waited > seconds:
                self.refuse(BodyTooSlow(f"the body was not there in {seconds:g} s"))
        elif waited > HEAD_SECONDS_MAX and self.unfinished and self.state is HEAD:
            self.refuse(HeadTooSlow(f"no whole head in HEAD_SECONDS_MAX = {HEAD_SECONDS_MAX} s"))
        elif waited > (IDLE_SECONDS_MAX if self.url and self.state is HEAD else HEAD_SECONDS_MAX):
            self.transport.close()

    def hang_up(self) -> None:
        """End the connection with what stands unread."""
        self.state = GONE
        self._release()
        self.transport.abort()

    def leave(self, transport: asyncio.Transport) -> None:
        """Close, and hear out a caller who still sends, for whom a reset would lose the answer."""
        if self.transport.is_closing():
            return
        if self.state is HEAD:
            transport.close()
        else:
            self.state = LINGERING
            self.since = self.loop.time()
            transport.write_eof()
            self.flow.resume_reading()

    def _hear(self, size: int) -> None:
        self._heard += size
        if self._heard > LINGER_BYTES_MAX:
            self.hang_up()
        else:
            # The loop reads a socket up to thirty times before it looks at another one.
            self.flow.pause_reading()
            pause = max(_HEARING_SECONDS, self._memory.hearing.pause(size, self.moved))
            self.loop.call_later(pause, self.flow.resume_reading)

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
    """Hang up on those that were silent for longest, and on nobody at work; whether one was."""
    waiting = [each for each in connections if each.waits and not each.transport.is_closing()]
    waiting.sort(key=lambda each: each.moved)
    for each in waiting[: 1 + len(waiting) // _EVICTED_PART]:
        each.hang_up()
    return bool(waiting)


class _Outlet:
    """A connection's way out, on which closing leaves time to read what was said last."""

    def __init__(self, transport: asyncio.Transport, connection: Connection) -> None:
        self._transport, self._connection = transport, connection
        self.write, self.abort = transport.write, transport.abort
        self.pause_reading, self.resume_reading = transport.pause_reading, transport.resume_reading
        self.get_write_buffer_size = transport.get_write_buffer_size
        self.get_extra_info = transport.get_extra_info

    def close(self) -> None:
        self._connection.leave(self._transport)

    def is_closing(self) -> bool:
        state = self._connection.state
        return state is LINGERING or state is GONE or self._transport.is_closing()


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
