"""Offline verification of an export with its signed checkpoint, and what its bytes cost anybody."""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from benchmarks.process import ROOT, run
from benchmarks.report import Aim, Grid, Section, Tell, seconds

AEGISCTL = Path(sys.executable).with_name("aegisctl")
VERIFIER = ROOT / "conformance" / "verifier" / "aegis_verify.py"

# Rounds in which all but the single file have a turn; that one runs once.
RUNS = 3

EVENTS_PER_SECOND = 250_000

COMMAND = "aegisctl verify, start included"
CHECK = "its check alone"
SINGLE = "aegis_verify.py, start included"
BARE_HASH = "bare: SHA-256 of each line"
BARE_JSON = "bare: json.loads of each line"
ORDER = (COMMAND, CHECK, SINGLE, BARE_HASH, BARE_JSON)


class Exported(Struct, frozen=True, kw_only=True):
    """An export on disk: its path, its events, and the file of the key that signed it."""

    path: Path
    events: int
    public_key: Path

    @property
    def bytes(self) -> int:
        """How large it is."""
        return self.path.stat().st_size


class Checked(Struct, frozen=True):
    """One way to go through an export: seconds, and megabytes where it is a program."""

    seconds: float
    peak_mb: float | None = None


def measure(exported: Exported, tell: Tell) -> Section:
    """Verify the export in every way there is. Raises `RuntimeError` where it does not hold."""
    path, key = exported.path, exported.public_key
    ways: Mapping[str, Callable[[], Checked]] = {
        COMMAND: lambda: _verified([AEGISCTL, "verify", path, "--key", key]),
        CHECK: lambda: _alone([sys.executable, "-m", "benchmarks.check_alone", path, key]),
        BARE_HASH: lambda: _lines(path, lambda line: hashlib.sha256(line).digest()),
        BARE_JSON: lambda: _lines(path, json.loads),
    }
    found: dict[str, list[Checked]] = {name: [] for name in ways}
    for number in range(RUNS):
        for name, way in ways.items():
            found[name].append(way())
        tell((number + 1) / (RUNS + 1))
    # Several times as long as the others together.
    found[SINGLE] = [_verified([sys.executable, VERIFIER, path, "--key", key])]
    tell(1)
    return section(exported, {name: _middle(found[name]) for name in ORDER})


def _verified(command: Sequence[str | Path]) -> Checked:
    ended = run(command)
    # It also ends well where nothing is signed.
    if "SIGNED" not in ended.said:
        raise RuntimeError(f"expected SIGNED of {command[0]}, found {ended.said}")
    return Checked(ended.seconds, ended.peak_mb)


def _alone(command: Sequence[str | Path]) -> Checked:
    ended = run(command)
    return Checked(float(ended.said), ended.peak_mb)


def _middle(runs: Sequence[Checked]) -> Checked:
    """The run of the median time."""
    return sorted(runs, key=lambda each: each.seconds)[len(runs) // 2]


def _lines(path: Path, work: Callable[[bytes], object]) -> Checked:
    """Seconds to read every line and do nothing else with it."""
    started = time.perf_counter()
    with path.open("rb") as file:
        for line in file:
            work(line)
    return Checked(time.perf_counter() - started)


# ── what is told ─────────────────────────────────────────────────────────────────────────────────


def section(exported: Exported, found: Mapping[str, Checked]) -> Section:
    """Events per second of every way, beside the bare loops."""
    rates = {name: exported.events / each.seconds for name, each in found.items()}
    columns = ("what", "seconds", "events/s", "of SHA-256", "of JSON", "peak MB")
    rows = [
        (
            name,
            seconds(each.seconds),
            f"{rates[name]:,.0f}",
            f"{rates[name] / rates[BARE_HASH]:.2f}x",
            f"{rates[name] / rates[BARE_JSON]:.2f}x",
            "" if each.peak_mb is None else f"{each.peak_mb:,.0f}",
        )
        for name, each in found.items()
    ]
    return Section(
        name="verify: an export, offline",
        method=f"{exported.events:,} events of {exported.bytes / exported.events:,.0f} bytes with "
        f"a signed checkpoint and its key; median of {RUNS} runs in turns, the single file once; "
        f"{os.cpu_count()} processors, the single file and the bare loops use one of "
        "them; peak is that of a program and its children, added up",
        durability="read only",
        figures={
            "events": exported.events,
            "bytes": exported.bytes,
            "ways": {
                name: {
                    "seconds": round(each.seconds, 3),
                    "events_per_second": round(rates[name]),
                    "peak_mb": each.peak_mb,
                }
                for name, each in found.items()
            },
        },
        grids=[Grid(title="going through an export", columns=columns, rows=rows)],
        aims=[
            Aim(what=f"events/s, {name}", found=rates[name], aim=EVENTS_PER_SECOND)
            for name in (COMMAND, CHECK)
        ],
    )
