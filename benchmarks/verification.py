"""Offline verification of an export with its signed checkpoint, and what its bytes cost anybody."""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from benchmarks.figures import in_turns
from benchmarks.process import ROOT, run, timed
from benchmarks.report import Section, aim

AEGISCTL = Path(sys.executable).with_name("aegisctl")
VERIFIER = ROOT / "conformance" / "verifier" / "aegis_verify.py"

# Rounds in which all but the single file have a turn; that one runs once.
RUNS = 3

EVENTS_PER_SECOND = 250_000

COMMAND = "aegisctl verify, start included"
SINGLE = "aegis_verify.py, start included"
BARE_HASH = "bare: SHA-256 of each line"
BARE_JSON = "bare: json.loads of each line"


class Exported(Struct, frozen=True, kw_only=True):
    """An export on disk: its path, its events, and the file of the key that signed it."""

    path: Path
    events: int
    public_key: Path

    @property
    def bytes(self) -> int:
        """How large it is."""
        return self.path.stat().st_size


class Passed(Struct, frozen=True):
    """One way through a log: seconds, and the peak memory of the program and of a daemon."""

    seconds: float
    peak_mb: float | None = None
    daemon_mb: float | None = None


def measure(exported: Exported) -> Section:
    """Verify the export in every way there is. Raises `RuntimeError` where it does not hold."""
    path, key = exported.path, exported.public_key
    ways: Mapping[str, Callable[[], Passed]] = {
        COMMAND: lambda: _verified([AEGISCTL, "verify", path, "--key", key]),
        BARE_HASH: lambda: _lines(path, lambda line: hashlib.sha256(line).digest()),
        BARE_JSON: lambda: _lines(path, json.loads),
    }
    found = in_turns(ways, RUNS)
    # The run of the median time.
    middle = {
        name: sorted(runs, key=lambda each: each.seconds)[len(runs) // 2]
        for name, runs in found.items()
    }
    # Several times as long as the others together.
    middle[SINGLE] = _verified([sys.executable, VERIFIER, path, "--key", key])
    return section(exported, middle)


def _verified(command: Sequence[str | Path]) -> Passed:
    ended = run(command)
    # It also ends well where nothing is signed.
    if "SIGNED" not in ended.said:
        raise RuntimeError(f"expected SIGNED of {command[0]}, found {ended.said}")
    return Passed(ended.seconds, ended.peak_mb)


def _lines(path: Path, work: Callable[[bytes], object]) -> Passed:
    """Seconds to read every line and do nothing else with it."""

    def read() -> None:
        with path.open("rb") as file:
            for line in file:
                work(line)

    return Passed(timed(read))


def section(exported: Exported, found: Mapping[str, Passed]) -> Section:
    """Events per second of every way, beside the bare loops."""
    rates = {name: exported.events / each.seconds for name, each in found.items()}
    return Section(
        name="verify",
        title="an export, offline",
        method=f"{exported.events:,} events of {exported.bytes / exported.events:,.0f} bytes with "
        f"a signed checkpoint and its key; median of {RUNS} runs in turns, the single file once; "
        f"{os.cpu_count()} processors, the single file and the bare loops use one of "
        "them; peak is that of a program and its children, added up",
        durability="read only",
        tables={
            "going through an export": [
                {
                    "what": name,
                    "seconds": each.seconds,
                    "events/s": rates[name],
                    "of SHA-256": rates[name] / rates[BARE_HASH],
                    "of JSON": rates[name] / rates[BARE_JSON],
                    "peak MB": each.peak_mb,
                }
                for name, each in found.items()
            ]
        },
        aims=[aim(f"events/s, {COMMAND}", rates[COMMAND], at_least=EVENTS_PER_SECOND)],
    )
