"""What large bodies hold together: never more than the bound, nothing behind the last answer."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from aegisd.core.errors import Busy
from aegisd.http import memory
from aegisd.http.body import BODY_BYTES_MAX, receive_body
from aegisd.http.memory import (
    HELD_BYTES_MAX,
    INLINE_BYTES_MAX,
    STEP_BYTES,
    Accounted,
    HeldMemory,
    Pace,
)

# Bytes a second at which no pause is worth waiting for.
AT_ONCE = 1 << 60

Sizes = st.lists(
    st.tuples(st.integers(0, 12).map(lambda eighth: eighth * STEP_BYTES // 8), st.booleans()),
    max_size=12,
)


@given(sizes=Sizes, room=st.integers(0, 16))
def test_what_is_held_stays_within_its_bound_and_is_given_back(
    sizes: list[tuple[int, bool]], room: int
) -> None:
    held = HeldMemory(room * STEP_BYTES // 2, AT_ONCE)
    most, refused, kept = 0, 0, 0

    async def inside(scope: Scope, receive: Receive, _send: Send) -> None:
        nonlocal refused, kept
        try:
            body = await receive_body(scope, receive)
        except Busy:
            refused += 1
        else:
            kept += len(body.data) if len(body.data) > INLINE_BYTES_MAX else 0
            await asyncio.sleep(0)

    async def send(_message: Message) -> None:
        raise AssertionError

    async def ask(size: int, *, told: bool) -> None:
        nonlocal most
        left = size

        async def receive() -> Message:
            nonlocal left, most
            most = max(most, held.held)
            await asyncio.sleep(0)
            part = min(left, STEP_BYTES)
            left -= part
            return {"type": "http.request", "body": b"x" * part, "more_body": left > 0}

        headers = [(b"content-length", b"%d" % size)] if told else []
        await Accounted(inside, held)({"type": "http", "headers": headers}, receive, send)

    async def all_of_them() -> None:
        await asyncio.gather(*(ask(size, told=told) for size, told in sizes))

    asyncio.run(all_of_them())
    assert most <= held.bytes_max
    assert held.held == 0
    # Small ones are never refused, and nobody is where there is room for all.
    assert refused <= sum(size > INLINE_BYTES_MAX for size, _ in sizes)
    if sum(size + STEP_BYTES for size, _ in sizes) <= held.bytes_max:
        assert not refused


@pytest.mark.parametrize("spare", [0, -1])
def test_a_body_for_which_there_is_no_room_is_refused_before_a_byte_is_read(spare: int) -> None:
    held = HeldMemory()
    held.held = HELD_BYTES_MAX - BODY_BYTES_MAX - spare

    async def receive() -> Message:
        raise LookupError

    async def inside(scope: Scope, receive: Receive, _send: Send) -> None:
        await receive_body(scope, receive)

    asked = {"type": "http", "headers": [(b"content-length", b"%d" % BODY_BYTES_MAX)]}
    with pytest.raises(LookupError if spare == 0 else Busy):
        asyncio.run(Accounted(inside, held)(asked, receive, receive))  # type: ignore[arg-type]


def test_so_many_uploads_go_on_at_once_and_not_one_more() -> None:
    scope: Scope = {"aegis.memory": HeldMemory()}
    for _ in range(2):
        opened = [memory.spool(scope) for _ in range(memory.SPOOLS_MAX)]
        for each in opened:
            each.__enter__()
        with pytest.raises(Busy), memory.spool(scope):
            raise AssertionError
        for each in opened:
            each.__exit__(None, None, None)


@given(
    comers=st.lists(
        st.tuples(st.integers(0, 9), st.lists(st.integers(1, 9), max_size=5)), max_size=5
    )
)
def test_however_many_read_they_read_no_faster_than_the_pace_together(
    comers: list[tuple[int, list[int]]],
) -> None:
    pace = Pace(1)
    # Each comes at a second of its own, and reads its next part when the pause is over.
    reads: list[tuple[float, int]] = []
    due = [(float(start), list(sizes)) for start, sizes in comers if sizes]
    while due:
        due.sort(key=lambda each: each[0])
        now, sizes = due.pop(0)
        size = sizes.pop(0)
        reads.append((now, size))
        if sizes:
            due.append((now + pace.pause(size, now), sizes))
        else:
            pace.pause(size, now)
    largest = max((size for _, size in reads), default=0)
    for first, (start, _) in enumerate(reads):
        for end, _ in reads[first:]:
            within = sum(size for now, size in reads if start <= now < end)
            assert within <= end - start + len(comers) * largest


def test_time_in_which_nobody_reads_is_not_saved_up() -> None:
    pace = Pace(100)
    assert pace.pause(50, 1000.0) == 0.5
    assert pace.pause(50, 9000.0) == 0.5


def test_large_bodies_wait_for_each_other_and_a_small_one_for_none_of_them() -> None:
    held = HeldMemory(bytes_per_second=STEP_BYTES * 20)
    done = []

    async def ask(size: int) -> None:
        left = size

        async def receive() -> Message:
            nonlocal left
            part = min(left, STEP_BYTES)
            left -= part
            return {"type": "http.request", "body": b"x" * part, "more_body": left > 0}

        async def inside(scope: Scope, receive: Receive, _send: Send) -> None:
            await receive_body(scope, receive)

        await Accounted(inside, held)({"type": "http", "headers": []}, receive, receive)  # type: ignore[arg-type]
        done.append(size)

    async def ask_all() -> float:
        start = asyncio.get_running_loop().time()
        await asyncio.gather(ask(3 * STEP_BYTES), ask(3 * STEP_BYTES), ask(INLINE_BYTES_MAX))
        return asyncio.get_running_loop().time() - start

    # Four parts that others follow, a twentieth of a second each; the last of a body costs nothing.
    assert asyncio.run(ask_all()) > 0.19
    assert done[0] == INLINE_BYTES_MAX
