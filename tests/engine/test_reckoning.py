"""Time goes on by what elapsed; a wall clock that parts from that is told, and not gone by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.clock import CLOCK_DRIFT_MS_MAX
from aegisd.core.errors import ClockNotOff
from aegisd.core.proposal import Proposal
from aegisd.engine.engine import Engine
from aegisd.engine.reckoning import Reading, Reckoning
from aegisd.store.memory import MemoryStore
from tests.core.builders import START_MS
from tests.core.gate import ScriptedJudge, manifest, proposal
from tests.engine.staging import payload
from tests.engine.world import ManualClock, configured, log_of, run, running

DAY_MS = 86_400_000
OFF = CLOCK_DRIFT_MS_MAX + 1
BOUNDED = manifest(budgets={"steps": None, "tool_calls": None, "wall_time_ms": 10**9})


@given(st.lists(st.tuples(st.integers(0, 10**7), st.sampled_from([0, 0, OFF, -OFF, DAY_MS]))))
def test_time_is_what_elapsed_since_the_start_whatever_the_wall_says(
    looks: list[tuple[int, int]],
) -> None:
    clock = ManualClock()
    reckoning, true_ms = Reckoning(clock, shared=False), clock.now
    for elapsed_ms, jump_ms in looks:
        true_ms += elapsed_ms
        clock.now += elapsed_ms
        clock.jump(jump_ms)
        reading = reckoning.read()
        assert reading.now_ms == true_ms
        assert reading.wall_ms == clock.now
        assert reading.off_ms == reckoning.off_ms() == clock.now - true_ms


class _Stopped(ManualClock):
    """The process is stopped for a minute between two looks, now and then."""

    looks = -1
    stops: tuple[int, ...] = ()

    def now_ms(self) -> int:
        self.looks += 1
        self.now += 60_000 * (self.looks in self.stops)
        return super().now_ms()


@pytest.mark.parametrize("stops", [(0,), (1,), (0, 1), (1, 2), (3,)])
def test_a_process_that_is_stopped_as_it_starts_believes_its_clock(stops: tuple[int, ...]) -> None:
    clock = _Stopped()
    clock.stops = stops
    reckoning = Reckoning(clock, shared=False)
    assert reckoning.read().off_ms == 0


def test_a_jump_within_the_bound_is_followed() -> None:
    clock = ManualClock()
    reckoning = Reckoning(clock, shared=False)
    for _ in range(2):
        clock.jump(CLOCK_DRIFT_MS_MAX // 2)
        reading = reckoning.read()
        assert (reading.now_ms, reading.off_ms) == (clock.now, 0)
    clock.jump(1)
    assert reckoning.read().off_ms == OFF


@given(st.lists(st.integers(2000, 10**8), min_size=1))
def test_a_clock_that_is_slewed_is_believed_for_ever(elapsed: list[int]) -> None:
    clock = ManualClock()
    reckoning = Reckoning(clock, shared=False)
    for elapsed_ms in elapsed:
        clock.now += elapsed_ms
        # What is within the bound and slower than a slew is followed later.
        clock.jump(min(elapsed_ms * 500 // 1_000_000, CLOCK_DRIFT_MS_MAX))
        assert reckoning.read().off_ms == 0


def test_a_shared_log_tells_its_own_time() -> None:
    clock = ManualClock()
    reckoning = Reckoning(clock, shared=True)
    far = START_MS * 2
    assert reckoning.read(far).off_ms == 0
    assert reckoning.read(far + OFF).off_ms == reckoning.off_ms() == OFF
    clock.now += 500
    assert reckoning.read(far + 500) == Reading(
        now_ms=far + 500, wall_ms=far + 500, elapsed_ms=clock.now
    )


@pytest.mark.parametrize(("ahead_ms", "off_ms"), [(OFF, -OFF), (OFF - 1, 0), (0, 0), (-5, 0)])
def test_a_log_that_is_ahead_of_the_clock_is_a_clock_that_is_off(
    ahead_ms: int, off_ms: int
) -> None:
    reading = Reading(now_ms=START_MS, wall_ms=START_MS).behind(START_MS + ahead_ms)
    assert (reading.now_ms, reading.off_ms) == (START_MS + max(0, ahead_ms), off_ms)


async def told(engine: Engine, asked: Proposal | None = None) -> tuple[str, int]:
    """What the engine answers to a call, and the time it records."""
    (answer,) = await engine.append((asked or proposal(),))
    decision = payload(answer.decision)
    return decision["reason"], decision["now_ms"]


def test_a_jump_denies_until_it_is_undone_and_leaves_no_mark_on_time() -> None:
    async def story() -> None:
        clock = ManualClock()
        async with running(MemoryStore(), clock=clock, told=configured(BOUNDED)) as engine:
            for jump_ms, reason in ((0, "OK"), (DAY_MS, "POLICY_ERROR"), (-DAY_MS, "OK")):
                clock.jump(jump_ms)
                clock.now += 5
                assert await told(engine) == (reason, clock.now - jump_ms * (jump_ms > 0))

    run(story())


def test_a_start_names_a_log_ahead_of_the_clock_and_an_operator_brings_time_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        store, judge = MemoryStore(), ScriptedJudge()
        for clock, gap in ((ManualClock(START_MS + DAY_MS), {}), (ManualClock(), {"acme": DAY_MS})):
            async with running(store, judge=judge, clock=clock, told=configured(BOUNDED)) as engine:
                started = await engine.start()
                assert started.ahead == gap
                if not gap:
                    assert await told(engine) == ("OK", clock.now)
                    continue
                assert (started.clock_ms, started.newest_ms) == (START_MS, START_MS + DAY_MS)
                clock.now += 5
                assert await told(engine) == ("POLICY_ERROR", START_MS + DAY_MS)
                done = await engine.correct_clock("acme", author="ann", reason="r")
                assert payload(done.event) == {
                    "author": "ann",
                    "from_ms": START_MS + DAY_MS,
                    "reason": "r",
                    "to_ms": clock.now,
                }
                assert await told(engine) == ("OK", clock.now)
                with pytest.raises(ClockNotOff):
                    await engine.correct_clock("acme", author="ann", reason="r")
        assert [e.event_type for e in log_of(store)].count("CLOCK_CORRECTED") == 1

    run(story())
    assert "ahead of the clock" in caplog.text


def test_a_clock_that_was_wrong_and_was_put_right_is_believed_on_an_operators_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        clock = ManualClock()
        async with running(MemoryStore(), clock=clock, told=configured(BOUNDED)) as engine:
            assert await told(engine) == ("OK", START_MS)
            clock.jump(DAY_MS)
            assert (await told(engine))[0] == "POLICY_ERROR"
            assert engine.clock_off_ms() == DAY_MS
            await engine.correct_clock("acme", author="ann", reason="r")
            assert engine.clock_off_ms() == 0
            assert await told(engine) == ("OK", START_MS + DAY_MS)

    run(story())
    assert "the clock jumped by 86400000 ms" in caplog.text
    assert "believed again" in caplog.text
