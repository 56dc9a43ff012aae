"""What large bodies hold together: never more than the bound, nothing behind the last answer."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from aegisd.core.errors import Busy
from aegisd.http import memory
from aegisd.http.body import BODY_BYTES_MAX, receive_body
from aegisd.http.memory import HELD_BYTES_MAX, INLINE_BYTES_MAX, STEP_BYTES, Accounted, HeldMemory

Sizes = st.lists(
    st.tuples(st.integers(0, 12).map(lambda eighth: eighth * STEP_BYTES // 8), st.booleans()),
    max_size=12,
)


@given(sizes=Sizes, room=st.integers(0, 16))
def test_what_is_held_stays_within_its_bound_and_is_given_back(
    sizes: list[tuple[int, bool]], room: int
) -> None:
    held = HeldMemory(room * STEP_BYTES // 2)
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
