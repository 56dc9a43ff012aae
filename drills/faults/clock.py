"""A wall clock that jumps, runs backwards and stands, under a daemon that must not care."""

import json
import time
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from aegisd.store.dsn import open_reader
from drills.daemon import Daemon
from drills.faults.acknowledged import examine
from drills.faults.interposer import Interposer, Orders
from drills.faults.load import Load
from drills.faults.outcome import Step, Tally

DAY_NS = 86_400 * 10**9

# Seconds under load between two jumps.
LOAD_S = 0.1

# Every so-manieth jump comes with a restart.
RESTARTS = 5


def jumps(attempts: int, step: Step) -> Tally:
    """Move the daemon's clock so many times: a day on, a day back, standing still, and restarts."""
    tally = Tally()
    chance = Random(20_260_104)  # noqa: S311 - seeded, so that a run can be told again
    with TemporaryDirectory(prefix="aegis-clock-") as name:
        folder = Path(name, "disk")
        folder.mkdir()
        with Interposer(folder, Path(name)) as between:
            daemon = Daemon(folder, settings=between.environment)
            load = Load(daemon, 8)
            for number in range(1, attempts + 1):
                between.order(_orders(chance))
                time.sleep(LOAD_S)
                if number % RESTARTS == 0:
                    load.stop()
                    tally.require(f"refused {load.refusals[:1]}", holds=not load.refusals)
                    tally.require("an orderly end", holds=daemon.stop() == 0)
                    daemon = Daemon(folder, settings=between.environment)
                    load = Load(daemon, 8, heard=load.heard)
                tally.attempt()
                step()
            load.stop()
            tally.require(f"refused {load.refusals[:1]}", holds=not load.refusals)
            daemon.stop()
        tally.acknowledged = len(load.heard)
        reader = open_reader(str(daemon.database))
        found = examine(reader, load.heard)
        tally.lost += len(found.lost)
        tally.broken += found.broken
        last = 0
        for event in reader.events("acme"):
            payload = json.loads(event.body)["payload"] or {}
            now_ms = int(payload.get("now_ms", last))
            tally.require(f"acme/{event.position}: the log's time went back", holds=now_ms >= last)
            last = now_ms
        reader.close()
    return tally


def _orders(chance: Random) -> Orders:
    kind = chance.randrange(4)
    if kind == 0:
        return Orders(stuck_ns=time.time_ns() + chance.choice((-1, 1)) * DAY_NS)
    return Orders(shift_ns=(0, DAY_NS, -DAY_NS)[kind - 1])
