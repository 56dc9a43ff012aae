"""A wall clock that jumps, runs backwards and stands, under a daemon that must not care."""

import json
import time
from contextlib import closing
from random import Random

from aegisd.store.dsn import open_reader
from drills.daemon import Daemon
from drills.faults.acknowledged import Acknowledged
from drills.faults.interposer import Orders, disk
from drills.faults.load import Load
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
        with closing(open_reader(database)) as reader:
            last = 0
            for event in reader.events("acme"):
                payload = json.loads(event.body)["payload"] or {}
                now_ms = int(payload.get("now_ms", last))
                law = f"acme/{event.position}: the log's time went back"
                tally.require(law, holds=now_ms >= last)
                last = now_ms


def _orders(chance: Random) -> Orders:
    kind = chance.randrange(4)
    if kind == 0:
        return Orders(stuck_ns=time.time_ns() + chance.choice((-1, 1)) * DAY_NS)
    return Orders(shift_ns=(0, DAY_NS, -DAY_NS)[kind - 1])
