"""The deterministic simulator as rows of the table; see `python -m tests.sim --help`."""

from drills.faults.acknowledged import Breach
from drills.faults.outcome import Tally, fault
from tests.sim.__main__ import run


@fault("simulated worlds", store="memory", attempts=1000, quick=20)
def memory(attempts: int, tally: Tally) -> None:
    """Seeded: clients, crashes, disk faults, clock, interleaving; all laws after each."""
    _seeds(attempts, tally, "memory")


@fault("simulated worlds, file", attempts=100, quick=2)
def sqlite(attempts: int, tally: Tally) -> None:
    """The same on a file that is found as the crash left it."""
    _seeds(attempts, tally, "sqlite")


def _seeds(attempts: int, tally: Tally, store: str) -> None:
    for seed in range(attempts):
        ran = run(seed, store)
        if ran.history is not None:
            tally.acknowledged += ran.history.acknowledged
            tally.note("faults met", sum(ran.history.met.values()))
        tally.attempt(Breach(broken=(f"seed {seed}: {ran.broken}",)) if ran.broken else None)
