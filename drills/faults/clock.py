"""A wall clock that jumps, runs backwards and stands, under a daemon that must not care."""

import json
import time
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from aegisd.audit import derivation, log, rules
from aegisd.audit.verification.file import verify_file
from aegisd.core.clock import CLOCK_DRIFT_MS_MAX
from aegisd.store.dsn import open_reader
from drills.daemon import CREATED, Daemon
from drills.faults.acknowledged import Acknowledged
from drills.faults.interposer import Interposer, Orders, disk
from drills.faults.load import Load, acknowledge
from drills.faults.outcome import Tally, fault

DAY_NS = 86_400 * 10**9

# Seconds under load between two jumps.
LOAD_S = 0.1

# Jumps until the daemon is stopped and started again.
RESTARTS = 5


@fault("clock jumps", attempts=100, quick=10)
def jumps(attempts: int, tally: Tally) -> None:
    """The process's wall clock a day on, a day back, standing; restarts between."""
    chance = Random(20_260_104)  # noqa: S311 - seeded, so that a run can be told again
    heard = Acknowledged()
    with disk() as between:
        for first in range(0, attempts, RESTARTS):
            daemon = Daemon(between.folder, settings=between.environment)
            load = Load(daemon, 8, heard=heard)
            for _ in range(first, min(first + RESTARTS, attempts)):
                between.order(_orders(chance))
                time.sleep(LOAD_S)
                tally.attempt()
            load.stop()
            tally.require(f"refused {load.refusals[:1]}", holds=not load.refusals)
            tally.require("an orderly end", holds=daemon.stop() == 0)
        database = str(between.folder / "aegis.db")
        tally.hold(database, heard)
        # A break is also a time of the log that went back without an operator's word.
        tally.require("verify holds", holds=verify_file(database).holds)


@fault("clock jumps, time bounds", attempts=50, quick=2)
def bounds(attempts: int, tally: Tally) -> None:
    """The clock jumps in a process, and between two: no time-bounded call at a time that is not."""
    chance = Random(20_261_130)  # noqa: S311 - seeded, so that a run can be told again
    with disk() as between:
        for number in range(attempts):
            jump_ns = chance.choice((-DAY_NS, DAY_NS, DAY_NS // 24, -DAY_NS // 24))
            _bounded(between, between.folder / f"{number}.db", jump_ns, tally)
            tally.attempt()


def _bounded(between: Interposer, database: Path, jump_ns: int, tally: Tally) -> None:
    """One log under a clock that jumps twice, and is corrected once."""
    heard, judged = Acknowledged(), dict[int, int]()

    def life(*jumps: tuple[int, str], corrected: bool = False) -> None:
        between.order(Orders(shift_ns=jumps[0][0]))
        daemon = Daemon(between.folder, dsn=str(database), settings=between.environment)
        client = daemon.connect()
        if corrected:
            told = {"tenant_id": "acme", "author": "drill", "reason": "it is right now"}
            status, _ = client.request("POST", "/v1/clock", told)
            tally.require(f"correcting answers {status}", holds=status == CREATED)
        for shift_ns, reason in jumps:
            between.order(Orders(shift_ns=shift_ns))
            answer: Any = client.propose(f"s{len(judged)}")  # Any: JSON
            acknowledge(heard, answer)
            judged[answer["position"] + 1] = time.time_ns() // 1_000_000
            found = answer["decision"]["reason"]
            tally.require(f"a jump of {shift_ns} ns: {found}, not {reason}", holds=found == reason)
        tally.require("an orderly end", holds=daemon.stop() == 0)

    life((0, "OK"), (jump_ns, "POLICY_ERROR"), (0, "OK"))
    life((0, "OK"))
    _hold_times(database, judged, tally)
    # A start cannot know that its clock is a day ahead; the next one finds the log there.
    life((DAY_NS, "OK"))
    life((0, "POLICY_ERROR"))
    life((0, "OK"), corrected=True)
    tally.hold(database, heard)
    tally.require("verify holds", holds=verify_file(str(database)).holds)
    with log.opened(str(database)) as source:
        derived = derivation.derive(source, ["acme"], None, rules.judge(source.document))
    tally.require(f"replay: {derived.differences[:1]}", holds=derived.is_certain)


def _hold_times(database: Path, judged: dict[int, int], tally: Tally) -> None:
    """Hold what was recorded to the true times at which it was answered."""
    with closing(open_reader(str(database))) as reader:
        for event in reader.events("acme"):
            true_ms = judged.get(event.position)
            if true_ms is not None:
                off_ms = true_ms - json.loads(event.body)["payload"]["now_ms"]
                law = f"acme/{event.position}: recorded {off_ms} ms from the true time"
                tally.require(law, holds=abs(off_ms) <= CLOCK_DRIFT_MS_MAX)


def _orders(chance: Random) -> Orders:
    kind = chance.randrange(4)
    if kind == 0:
        return Orders(stuck_ns=time.time_ns() + chance.choice((-1, 1)) * DAY_NS)
    return Orders(shift_ns=(0, DAY_NS, -DAY_NS)[kind - 1])
