"""The deterministic simulator as a row of the table; see `python -m tests.sim --help`."""

from drills.faults.acknowledged import Breach
from drills.faults.outcome import Step, Tally
from tests.sim.__main__ import run


def memory(attempts: int, step: Step) -> Tally:
    """So many seeds with the log in memory."""
    return _seeds(attempts, step, "memory")


def sqlite(attempts: int, step: Step) -> Tally:
    """So many seeds with the log in a file."""
    return _seeds(attempts, step, "sqlite")


def _seeds(attempts: int, step: Step, store: str) -> Tally:
    tally = Tally()
    for seed in range(attempts):
        ran = run(seed, store)
        tally.attempt(Breach(broken=(f"seed {seed}: {ran.broken}",)) if ran.broken else None)
        if ran.history is not None:
            tally.acknowledged += ran.history.acknowledged
            tally.note("faults met", sum(ran.history.met.values()))
        step()
    return tally
