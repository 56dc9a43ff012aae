"""What one connection may bring and how long it may take, on real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

from aegisd.http.answers import answer
from aegisd.http.body import receive_body
from aegisd.http.connection import (
    ANSWER_SECONDS_MAX,
    HEAD_BYTES_MAX,
    HEAD_SECONDS_MAX,
    HEADERS_MAX,
    LINGER_BYTES_MAX,
    LINGER_SECONDS_MAX,
    PIPELINED_BYTES_MAX,
    PIPELINED_REQUESTS_MAX,
    REQUEST_LINE_BYTES_MAX,
    Connection,
)
from aegisd.http.errors import Problems
from aegisd.http.memory import Accounted, HeldMemory
from aegisd.http.server import Server
from tests.patience import PATIENCE_S

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
CLOSE = b"Connection: close\r\n\r\n"
# A target that the parser takes, and that is none.
NOWHERE = b"GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass
class Place:
    """A door with an app of its own: `/hold` waits for `held`, the rest tells how long it was."""

    server: Server
    port: int
    held: asyncio.Event = field(default_factory=asyncio.Event)
    answered: int = 0
    size: int = 1
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await receive_body(scope, receive) if scope["method"] == "POST" else None
        if scope["path"] == "/hold":
            await self.held.wait()
        self.answered += 1
        told = {"read": body and len(body.data), "x": "x" * self.size}
        await answer(told)(scope, receive, send)

    @property
    def connections(self) -> list[Connection]:
        return list(self.server._connections())

    async def one(self) -> Connection:
        """The only connection, once it is taken."""
        await until(lambda: len(self.connections) == 1)
        return self.connections[0]

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        return reader, writer

    async def ask(self, *parts: bytes) -> list[int]:
        """The statuses of all answers to some bytes, once the connection is closed."""
        reader, writer = await self.connect()
        with suppress(OSError):
            for part in parts:
                writer.write(part)
                await writer.drain()
        return await statuses(reader)


async def statuses(reader: asyncio.StreamReader) -> list[int]:
    async with asyncio.timeout(PATIENCE_S):
        told = await reader.read()
    return [int(part[:3]) for part in told.split(b"HTTP/1.1 ")[1:]]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - what it looks at tells nobody
            await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(most: int) -> AsyncIterator[Place]:
    server = Server()
    place = Place(server, 0)
    app: ASGIApp = Accounted(Problems(place.app), HeldMemory())
    server.answers(app)
    loop = asyncio.get_running_loop()
    server.config.load()
    listening = await loop.create_server(
        lambda: Connection(HeldMemory(1 << 30), most, server.config, server.server_state, {}),
        "127.0.0.1",
        0,
    )
    place.port = listening.sockets[0].getsockname()[1]
    try:
        yield place
    finally:
        place.held.set()
        server._abort()
        for writer in place.writers:
            writer.close()
        listening.close()
        await asyncio.gather(*server.server_state.tasks)


def play(story: Callable[[Place], Awaitable[None]], most: int = 100) -> None:
    """Tell a story on a door of its own."""

    async def told() -> None:
        async with serving(most) as place:
            await story(place)

    uvloop.run(told())


def head(size: int, count: int = 3) -> bytes:
    """A request whose head has so many bytes and headers."""
    head = GET + b"A: 1\r\n" * (count - 3)
    return head + b"B: " + b"b" * (size - len(head + CLOSE) - len(b"B: \r\n")) + b"\r\n" + CLOSE


def line(size: int) -> bytes:
    return GET.replace(b"/ ", b"/" * (size - len(b"GET  HTTP/1.1")) + b" ", 1) + CLOSE


@pytest.mark.parametrize(
    ("bytes_", "answers"),
    [
        (head(HEAD_BYTES_MAX), [200]),
        (head(HEAD_BYTES_MAX + 1), [431]),
        (head(HEAD_BYTES_MAX + 2)[:-1], [431]),
        (head(1000, HEADERS_MAX), [200]),
        (head(1000, HEADERS_MAX + 1), [431]),
        (line(REQUEST_LINE_BYTES_MAX), [200]),
        (line(REQUEST_LINE_BYTES_MAX + 1), [414]),
        (b"GET /" + b"a" * 2 * HEAD_BYTES_MAX, [414]),
        (GET + b"A: " + b"a" * LINGER_BYTES_MAX, [431]),
        (GET + b"A: 1\r\n" * 100_000, [431]),
        (b"\r\n" * HEAD_BYTES_MAX, [431]),
        (CHUNKED + b"2\r\n{}\r\n0\r\nA: " + b"a" * 2 * HEAD_BYTES_MAX, [431]),
        (CHUNKED + b"2;" + b"a" * 2 * HEAD_BYTES_MAX, [431]),
        (CHUNKED + b"no chunk", [400]),
        (b"no request\r\n\r\n", [400]),
        (GET + b"\r\n" + GET + b"\r\n" + b"no request\r\n\r\n", [200, 200, 400]),
        (GET + b"\r\n" + CHUNKED + b"no chunk", [200, 400]),
        (NOWHERE, [400]),
        (GET + b"\r\n" + NOWHERE, [200, 400]),
        (POST % 2 + b"{}" + POST % 2 + b"{}" + NOWHERE, [200, 200, 400]),
        (GET + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", [200]),
    ],
    ids=lambda each: repr(each[:20]) if isinstance(each, bytes) else str(each)[:20],
)
def test_a_request_is_answered_in_its_turn_or_refused_at_its_bound(
    bytes_: bytes, answers: list[int]
) -> None:
    async def story(place: Place) -> None:
        assert await place.ask(bytes_) == answers
        # In whatever pieces it comes.
        size = max(1, len(bytes_) // 50)
        pieces = [bytes_[at : at + size] for at in range(0, len(bytes_), size)]
        assert (await place.ask(*pieces))[-1] == answers[-1]

    play(story)


def pipelined(size: int) -> bytes:
    """A request, and behind it one with a body of so many bytes."""
    return GET + b"\r\n" + POST % size + b"a" * size


@pytest.mark.parametrize(
    ("bytes_", "answers"),
    [
        ((GET + b"\r\n") * PIPELINED_REQUESTS_MAX + GET + CLOSE, [200] * 17),
        ((GET + b"\r\n") * 18, [200] * 17 + [503]),
        (pipelined(PIPELINED_BYTES_MAX) + GET + CLOSE, [200] * 3),
        (pipelined(PIPELINED_BYTES_MAX + 1), [200, 503]),
    ],
    ids=str,
)
def test_what_is_sent_ahead_waits_its_turn_within_bounds(bytes_: bytes, answers: list[int]) -> None:
    async def story(place: Place) -> None:
        reader, _ = await place.connect()
        # As one read of the socket may give it.
        (await place.one()).data_received(bytes_)
        assert await statuses(reader) == answers

    play(story)


def test_fields_behind_a_body_are_no_headers() -> None:
    async def story(place: Place) -> None:
        trailer = b"2\r\n{}\r\n0\r\nIdempotency-Key: $no id\r\n\r\n"
        assert await place.ask(CHUNKED.replace(b"\r\n\r\n", b"\r\n" + CLOSE) + trailer) == [200]

    play(story)


def test_who_has_said_everything_and_hung_up_is_answered() -> None:
    async def story(place: Place) -> None:
        reader, writer = await place.connect()
        writer.write(GET.replace(b"/ ", b"/hold ") + b"\r\n")
        writer.write_eof()
        await until(lambda: bool(place.server.server_state.tasks))
        await asyncio.sleep(0.05)
        place.held.set()
        assert await statuses(reader) == [200]

    play(story)


@pytest.mark.parametrize(
    ("sent", "seconds", "answers"),
    [
        (b"", HEAD_SECONDS_MAX, []),
        (GET, HEAD_SECONDS_MAX, [408]),
        (GET + b"Content-Length: 9\r\n\r\n{", HEAD_SECONDS_MAX, [200]),
    ],
)
def test_time_for_a_head_is_bounded(sent: bytes, seconds: float, answers: list[int]) -> None:
    async def story(place: Place) -> None:
        reader, writer = await place.connect()
        only = await place.one()
        writer.write(sent)
        await until(lambda: place.answered == answers.count(200))
        await until(lambda: not only._answering() and bool(only._unfinished) == (sent == GET))
        only.look(only.since + seconds)
        await asyncio.sleep(0.05)
        assert only in place.connections
        only.look(only.since + seconds + 1)
        # A caller who still sends is heard out, and no longer than that.
        only.look(only.since + LINGER_SECONDS_MAX + 1)
        assert await statuses(reader) == answers
        await until(lambda: not place.connections)

    play(story)


@pytest.mark.parametrize("memory", [1 << 30, 1 << 20])
def test_an_answer_that_nobody_reads_is_held_for_a_while_and_within_bounds(memory: int) -> None:
    async def story(place: Place) -> None:
        place.size = 1 << 24
        reader, writer = await place.connect()
        only = await place.one()
        only._memory = HeldMemory(memory)
        writer.write(GET + b"\r\n")
        if memory > place.size:
            await until(lambda: only.flow.write_paused)
            assert only._memory.held > 0
            only.look(only.since + ANSWER_SECONDS_MAX)
            assert not only.transport.is_closing()
            only.look(only.since + ANSWER_SECONDS_MAX + 1)
        await until(lambda: not place.connections)
        assert only._memory.held == 0
        assert reader is not None

    play(story)


@pytest.mark.parametrize("at_work", [False, True])
def test_past_the_bound_who_waits_longest_makes_room_and_nobody_at_work_does(at_work: bool) -> None:
    async def story(place: Place) -> None:
        path = b"/hold " if at_work else b"/ "
        early = [await place.connect() for _ in range(2)]
        for _, writer in early:
            writer.write(GET.replace(b"/ ", path) + b"\r\n")
            await until(lambda: len(place.connections) == len(early))
        await until(lambda: len(place.server.server_state.tasks) == 2 * at_work)
        if at_work:
            assert await place.ask(GET + CLOSE) == [503]
            place.held.set()
            early[0][1].close()
        else:
            await until(lambda: place.answered == len(early))
            assert await place.ask(GET + CLOSE) == [200]
            assert await statuses(early[0][0]) == [200]

    play(story, most=2)


def test_a_body_half_sent_at_the_end_is_refused_and_nothing_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(place: Place) -> None:
        half = [await place.connect() for _ in range(20)]
        for _, writer in half[1:]:
            writer.write(POST % 9 + b"{")
        half[0][1].write(GET)
        await until(lambda: sum(each._in_body for each in place.connections) == len(half) - 1)
        await until(lambda: all(each.since for each in place.connections))
        for each in place.connections:
            each.shutdown()
        await until(lambda: not place.server.server_state.tasks)
        place.server._hang_up()
        for reader, _ in half:
            assert await statuses(reader) == [503]
        assert not place.answered

    play(story)
    assert not caplog.records
