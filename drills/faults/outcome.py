"""One line of the fault table: what is broken, how often, and what was lost."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from inspect import getdoc
from pathlib import Path
from typing import Literal

from msgspec import Struct

from aegisd.store.dsn import open_reader
from drills.faults.acknowledged import Acknowledged, Breach, examine

RowVerdict = Literal["holds", "broken", "caught", "missed", "unknown"]

FULL, NORMAL = "SQLite FULL", "SQLite NORMAL"

# Kinds of violation that a row of the table names; the report names all.
NAMED_MAX = 3


class Violation(Struct, frozen=True):
    """What did not hold, how often, and where it was seen first; empty where that is not told."""

    what: str
    count: int
    first: str = ""

    def text(self) -> str:
        """All of it in one line."""
        often = f"{self.count:,} times " if self.count > 1 else ""
        return f"{often}{self.what}" + (f" (first: {self.first})" if self.first else "")


class Tally:
    """Counts while a fault is tried; `lost` are acknowledged events, `broken` sentences.

    `step` is called after each attempt.
    """

    def __init__(self, step: Callable[[], object] = lambda: None) -> None:
        self._step = step
        self.attempts = 0
        self.acknowledged = 0
        self.lost = 0
        self.broken: list[str] = []
        # Of a sentence of `broken`, where it was seen first.
        self._first: dict[str, str] = {}
        self.notes: dict[str, float] = {}

    def attempt(self, found: Breach | None = None) -> None:
        """One more attempt, and what it found."""
        self.attempts += 1
        if found:
            self.lost += len(found.lost)
            self.broken.append(found.text())
        self._step()

    def require(self, law: str, *, holds: bool, where: str = "") -> None:
        """Take down a law that does not hold, and where; at many places it is one kind."""
        if not holds:
            self.broken.append(law)
            self._first.setdefault(law, where)

    def hold(self, log: Path | str, heard: Acknowledged) -> None:
        """Hold a log, by its DSN, to what was acknowledged of it, and to itself."""
        with closing(open_reader(str(log))) as reader:
            found = examine(reader, heard)
        self.acknowledged += len(heard)
        self.lost += len(found.lost)
        self.broken += found.broken

    def note(self, what: str, count: float = 1) -> None:
        """Count something worth a word in the table."""
        self.notes[what] = self.notes.get(what, 0) + count

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Each distinct sentence of `broken`, the most frequent first."""
        counted = Counter(self.broken).most_common()
        return tuple(Violation(what, n, self._first.get(what, "")) for what, n in counted)

    @property
    def detail(self) -> str:
        """The first kinds of what broke, else what was counted."""
        if kinds := self.violations:
            more = len(kinds) - NAMED_MAX
            named = [each.text() for each in kinds[:NAMED_MAX]]
            named += [f"{more} more kinds"] if more > 0 else []
            return f"{len(self.broken)} broken: {'; '.join(named)}"
        counted = [f"{count:,} {what}" for what, count in self.notes.items()]
        if self.acknowledged:
            counted.insert(0, f"{self.acknowledged:,} acknowledged")
        return ", ".join(counted)


# Makes so many attempts.
Work = Callable[[int, Tally], None]


class Fault(Struct, frozen=True, kw_only=True):
    """A row to be filled in by `work`; `planted` ones must be caught.

    `attempts` are those of a full run, `quick` those of a short one; one that measures time is
    tried `alone`, the others two at once.
    """

    name: str
    method: str
    store: str
    attempts: int
    quick: int
    work: Work
    planted: bool = False
    alone: bool = False


def fault(
    name: str,
    *,
    attempts: int,
    quick: int,
    store: str = FULL,
    planted: bool = False,
    alone: bool = False,
) -> Callable[[Work], Fault]:
    """Make a row of a function; its docstring says how the fault is brought about."""
    return lambda work: Fault(
        name=name,
        method=(getdoc(work) or "").removesuffix("."),
        store=store,
        attempts=attempts,
        quick=quick,
        work=work,
        planted=planted,
        alone=alone,
    )


class FaultOutcome(Struct, frozen=True, kw_only=True):
    """A row of the table. `losses` are acknowledged events that were gone."""

    fault: str
    method: str
    store: str
    attempts: int
    losses: int
    verdict: RowVerdict
    detail: str
    seconds: float
    violations: tuple[Violation, ...] = ()


def judge(fault: Fault, tally: Tally, seconds: float) -> FaultOutcome:
    """The row of a fault that was tried."""
    bad = bool(tally.lost or tally.broken)
    verdict: RowVerdict = "broken" if bad else "holds"
    if fault.planted:
        verdict = "caught" if tally.lost else "missed"
    return FaultOutcome(
        fault=fault.name,
        method=fault.method,
        store=fault.store,
        attempts=tally.attempts,
        losses=tally.lost,
        verdict=verdict,
        detail=tally.detail,
        seconds=round(seconds, 1),
        violations=tally.violations,
    )
