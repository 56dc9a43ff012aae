"""What one connection may bring and how long it may take: by a model, and on real sockets."""

import asyncio
import io
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from aegisd.http.answers import answer
from aegisd.http.body import FILE_SECONDS_MAX, receive_body, receive_file
from aegisd.http.connection import (
    ANSWER_SECONDS_MAX,
    BODY,
    BODY_SECONDS_MAX,
    HEAD_BYTES_MAX,
    HEAD_SECONDS_MAX,
    HEADERS_MAX,
    IDLE_SECONDS_MAX,
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
from tests.effort import times
from tests.patience import PATIENCE_S

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
CLOSE = b"Connection: close\r\n\r\n"


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
        if scope["path"] == "/file":
            await receive_file(scope, receive, io.BytesIO(), 9)
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
        server._hang_up(at_work=True)
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
    return GET.replace(b"/ ", b"/" * (size - len(b"GET  HTTP/1.1")) + b" ", 1) + b"\r\n"


def trailer(size: int, count: int = 3) -> bytes:
    """A request with fields of so many bytes, and so many of them, behind its body."""
    fields = b"Idempotency-Key: $no id\r\n" + b"A: 1\r\n" * (count - 2)
    fields += b"B: " + b"b" * (size - len(fields) - len(b"B: \r\n\r\n")) + b"\r\n\r\n"
    return CHUNKED + b"2;a=b\r\n{}\r\n0\r\n" + fields


UPGRADE = b"Connection: upgrade\r\nUpgrade: h2c\r\n"

# Requests, each with its answer and how long its body is, or what it is refused with.
REQUESTS: list[tuple[bytes, int | str]] = [
    (GET + b"\r\n", 0),
    (GET + UPGRADE + b"\r\n", 0),
    (POST % 9 + b"GET / HTT", 9),
    (POST.replace(b"Host", UPGRADE + b"Host") % 9 + b"GET / HTT", 9),
    (CHUNKED.replace(b"Host", UPGRADE + b"Host") + b"2\r\n\r\n\r\n0\r\n\r\n", 2),
    (GET + CLOSE, "close"),
    (CHUNKED + b"0\r\n" + CLOSE, "close"),
    (head(HEAD_BYTES_MAX), "close"),
    (head(HEAD_BYTES_MAX + 1), "431"),
    (head(HEAD_BYTES_MAX - len(UPGRADE)).replace(b"Host", UPGRADE + b"Host"), "close"),
    (head(1000, HEADERS_MAX), "close"),
    (head(1000, HEADERS_MAX + 1), "431"),
    (line(REQUEST_LINE_BYTES_MAX), 0),
    (line(REQUEST_LINE_BYTES_MAX + 1), "414"),
    (b"GET /" + b"a" * 2 * HEAD_BYTES_MAX, "414"),
    (GET + b"A: 1\r\n" * 100_000, "431"),
    (b"\r\n" * HEAD_BYTES_MAX, "431"),
    # What ends the body is counted with what follows it until that is whole.
    (trailer(HEAD_BYTES_MAX - 8), 2),
    (trailer(HEAD_BYTES_MAX + 1), "431"),
    (trailer(1000, HEADERS_MAX), 2),
    (trailer(1000, HEADERS_MAX + 1), "431"),
    (CHUNKED + b"2;" + b"a" * 20 * HEAD_BYTES_MAX, "431"),
    (CHUNKED + b"no chunk", "400"),
    (b"no request\r\n\r\n", "400"),
    # Targets that the parser takes, and that are none, or none here.
    (b"GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
    (b"CONNECT http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
]
GOOD = [each for each in REQUESTS if isinstance(each[1], int)]


def model(asked: list[tuple[bytes, int | str]]) -> tuple[list[str], bool]:
    """What is answered, in its order, and whether the connection is closed behind it."""
    told: list[str] = []
    for index, (_, then) in enumerate(asked):
        if not isinstance(then, int):
            return [*told, f"200 {index} 0" if then == "close" else then], True
        told.append(f"200 {index} {then}")
    return told, False


class Line(asyncio.Transport):
    """What a connection writes to, and whether it has closed it."""

    def __init__(self, unread: int = 0) -> None:
        super().__init__()
        self.told, self.closed, self.unread = b"", False, unread

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.told += data

    def get_write_buffer_size(self) -> int:
        return self.unread

    def close(self) -> None:
        self.closed = True

    abort = write_eof = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """Whoever feeds bytes by hand does not listen: one read may have had all of them."""

    resume_reading = pause_reading

    def answers(self) -> list[str]:
        """The status of each answer, with the request's index and its bytes where it was one."""
        told = [part.partition(b"\r\n\r\n") for part in self.told.split(b"HTTP/1.1 ")[1:]]
        return [(top[:3] + (b" " + body) * (top[:3] == b"200")).decode() for top, _, body in told]


@contextmanager
def lines() -> Iterator[Callable[..., tuple[Connection, Line]]]:
    """Makes connections of one server, each with its line, and an app that counts requests."""
    count = itertools.count()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size, more = size + len(message["body"]), message["more_body"]
        assert b"idempotency-key" not in dict(scope["headers"])
        await Response(f"{next(count)} {size}")(scope, receive, send)

    server = Server()
    server.answers(app)
    server.config.load()
    memory = HeldMemory(100)

    def connect(most: int = 9, unread: int = 0) -> tuple[Connection, Line]:
        line = Line(unread)
        made = Connection(memory, most, server.config, server.server_state, {})
        made.connection_made(line)
        return made, line

    yield connect
    for each in list(server.server_state.connections):
        each.connection_lost(None)


async def settle() -> None:
    for _ in range(40):
        await asyncio.sleep(0)


@settings(max_examples=times(150, 5000))
@given(
    asked=st.lists(st.sampled_from(GOOD) | st.sampled_from(REQUESTS), max_size=6), data=st.data()
)
def test_each_request_has_its_own_answer_in_its_turn_wherever_bytes_are_cut(
    asked: list[tuple[bytes, int | str]], data: st.DataObject
) -> None:
    bytes_ = b"".join(each for each, _ in asked)
    ends = list(itertools.accumulate(len(each) for each, _ in asked))
    near = [st.integers(max(0, end - 300), min(len(bytes_), end + 9)) for end in ends]
    cuts = sorted(data.draw(st.lists(st.one_of(st.integers(0, len(bytes_)), *near), max_size=9)))
    at_once = data.draw(st.booleans(), "nothing is answered before all is there")
    # Where it is told to stop, if it is: within a body that is refused, and a head may be.
    stop = data.draw(st.none() | st.sampled_from(cuts)) if cuts and not model(asked)[1] else None

    async def told() -> tuple[list[str], bool]:
        with lines() as connect:
            made, line = connect()
            for start, end in itertools.pairwise([0, *cuts, len(bytes_)]):
                if line.closed:
                    break
                made.data_received(bytes_[start:end])
                if not at_once:
                    await settle()
                if end == stop:
                    made.shutdown()
                    break
            await settle()
            return line.answers(), line.closed

    answers, closed = uvloop.run(told())
    if stop is None:
        assert (answers, closed) == model(asked)
    else:
        whole = sum(end <= stop for end in ends)
        within = bool(asked) and stop not in (0, *ends)
        in_body = within and b"\r\n\r\n" in bytes_[([0, *ends])[whole] : stop]
        assert closed
        assert answers[:whole] == model(asked[:whole])[0]
        assert answers[whole:] in ([["503"]] if in_body else [["503"], []] if within else [[]])


def pipelined(size: int) -> bytes:
    """A request, and behind it one with a body of so many bytes."""
    return GET + b"\r\n" + POST % size + b"a" * size


@pytest.mark.parametrize(
    ("bytes_", "answers"),
    [
        ((GET + b"\r\n") * PIPELINED_REQUESTS_MAX + GET + CLOSE, ["200"] * 17),
        ((GET + b"\r\n") * 18, ["200"] * 17 + ["503"]),
        (pipelined(PIPELINED_BYTES_MAX) + GET + CLOSE, ["200"] * 3),
        (pipelined(PIPELINED_BYTES_MAX + 1), ["200", "503"]),
        (POST % 1 + b"a" + b"GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n", ["200", "400"]),
    ],
    ids=str,
)
def test_what_is_sent_ahead_waits_its_turn_within_bounds(bytes_: bytes, answers: list[str]) -> None:
    async def told() -> list[str]:
        with lines() as connect:
            made, line = connect()
            made.data_received(bytes_)
            await settle()
            return line.answers()

    assert [each[:3] for each in uvloop.run(told())] == answers


def test_past_the_bound_who_was_silent_for_longest_makes_room_and_nobody_at_work_does() -> None:
    async def story() -> None:
        with lines() as connect:
            (upload, _), (stuck, _) = connect(), connect()
            for each in (upload, stuck):
                each.data_received(POST % 99 + b"{")
            await asyncio.sleep(0.002)
            idle = [connect() for _ in range(2)]
            # What has come is not yet asked for, so it is not its caller's turn.
            stuck.flow.pause_reading()
            for _ in idle:
                await asyncio.sleep(0.002)
                upload.data_received(b"{")
                connect(most=4)[0].connection_lost(None)
            assert all(line.closed for _, line in idle)
            assert not any(each.transport.is_closing() for each in (upload, stuck))

    uvloop.run(story())


def test_past_the_bound_the_answer_that_stood_unread_for_longest_makes_room() -> None:
    async def story() -> None:
        with lines() as connect:
            made = [connect(unread=40) for _ in range(4)]
            for each, _ in made[1:]:
                await asyncio.sleep(0.002)
                each.pause_writing()
            assert [line.closed for _, line in made] == [False, True, False, False]
            assert made[0][0]._memory.held == 80
            made[2][0].resume_writing()
            made[3][0].connection_lost(None)
            assert made[0][0]._memory.held == 0

    uvloop.run(story())


@pytest.mark.parametrize("more", [b"a", b"A: 1\r\n"])
def test_who_goes_on_sending_behind_a_refusal_hears_it(more: bytes) -> None:
    async def story(place: Place) -> None:
        assert await place.ask(GET + b"A: " + more * (LINGER_BYTES_MAX // len(more))) == [431]

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


def test_who_hangs_up_inside_a_request_is_answered_to_those_before_it() -> None:
    async def story(place: Place) -> None:
        reader, writer = await place.connect()
        writer.write(GET.replace(b"/ ", b"/hold ") + b"\r\n" + POST % 9 + b"{")
        connection = await place.one()
        await until(lambda: (connection.state, connection.open) == (BODY, 2))
        # As where it comes with the bytes before it.
        assert connection.eof_received()
        place.held.set()
        assert await statuses(reader) == [200, 400]

    play(story)


@pytest.mark.parametrize(
    ("sent", "seconds", "answers"),
    [
        (b"", HEAD_SECONDS_MAX, []),
        (GET, HEAD_SECONDS_MAX, [408]),
        (GET + b"Content-Length: 9\r\n\r\n{", HEAD_SECONDS_MAX, [200]),
        (GET + b"\r\n", IDLE_SECONDS_MAX, [200]),
        (POST % 9 + b"{", BODY_SECONDS_MAX, [408]),
        (CHUNKED + b"9;drip=", BODY_SECONDS_MAX, [408]),
        (GET + b"\r\n" + POST % 9, BODY_SECONDS_MAX, [200, 408]),
        (POST.replace(b"/ ", b"/file ") % 9 + b"{", FILE_SECONDS_MAX, [408]),
    ],
)
def test_time_for_a_request_is_bounded(sent: bytes, seconds: float, answers: list[int]) -> None:
    async def story(place: Place) -> None:
        reader, writer = await place.connect()
        only = await place.one()
        writer.write(sent)
        await until(lambda: place.answered == answers.count(200))
        comes = seconds in (BODY_SECONDS_MAX, FILE_SECONDS_MAX)
        await until(
            lambda: only.open == comes and (comes or bool(only.unfinished) == (sent == GET))
        )
        began = only.since
        writer.write(b"." * comes)
        await asyncio.sleep(0.05)
        assert only.since == began
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


def test_past_the_bound_a_new_connection_is_refused_where_all_are_at_work() -> None:
    async def story(place: Place) -> None:
        _, writer = await place.connect()
        writer.write(GET.replace(b"/ ", b"/hold ") + b"\r\n")
        await until(lambda: len(place.server.server_state.tasks) == 1)
        assert await place.ask(GET + CLOSE) == [503]

    play(story, most=1)


def test_a_body_half_sent_at_the_end_is_refused_and_nothing_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(place: Place) -> None:
        half = [await place.connect() for _ in range(20)]
        for _, writer in half[1:]:
            writer.write(POST % 9 + b"{")
        half[0][1].write(GET)
        await until(lambda: sum(each.state is BODY for each in place.connections) == len(half) - 1)
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
