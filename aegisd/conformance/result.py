"""What a run found: a verdict per step, case, pack and run, and the mismatches behind it."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from aegisd.conformance.comparison import Mismatch

# `not_judged`: nobody found out, which is never good news.
Compliance = Literal["holds", "fails", "not_judged"]


class StepResult(Struct, frozen=True, kw_only=True):
    """A step that was run. `number` counts from 1; a step without mismatches holds."""

    number: int
    line: int
    verb: str
    mismatches: tuple[Mismatch, ...] = ()


class CaseResult(Struct, frozen=True, kw_only=True):
    """A case, and so its requirement. `steps` end with the first that does not hold.

    `why` says why it was not judged. `waits_for` names the part of Aegis that this version lacks.
    """

    id: str
    requirement: str
    origin: str | None
    line: int
    verdict: Compliance
    why: str | None = None
    waits_for: str | None = None
    steps: tuple[StepResult, ...] = ()
    seconds: float = 0.0


class PackResult(Struct, frozen=True, kw_only=True):
    """The cases of a pack that were asked for."""

    name: str
    title: str
    about: str
    file: str
    cases: tuple[CaseResult, ...]

    @property
    def verdict(self) -> Compliance:
        """What its cases are together."""
        return together(self.cases)


class Run(Struct, frozen=True, kw_only=True):
    """A whole run. `run_at_ms` is milliseconds since the Unix epoch; `engine` is name and version.

    `target` is `in-process`, `daemon` or `server`.
    """

    run_at_ms: int
    version: str
    target: str
    url: str | None
    engine: tuple[str, str] | None
    packs: tuple[PackResult, ...]

    @property
    def cases(self) -> tuple[CaseResult, ...]:
        """Every case."""
        return tuple(case for pack in self.packs for case in pack.cases)

    @property
    def verdict(self) -> Compliance:
        """What all cases are together."""
        return together(self.cases)

    def counts(self) -> dict[str, int]:
        """How many requirements hold, fail, were not judged, and wait (not counted as either)."""
        found = Counter("waits" if case.waits_for else case.verdict for case in self.cases)
        return {name: found[name] for name in ("holds", "fails", "not_judged", "waits")}


def together(cases: Iterable[CaseResult]) -> Compliance:
    """One verdict of several. What waits counts as neither; nothing judged is not compliance."""
    verdicts = {case.verdict for case in cases if case.waits_for is None}
    if "fails" in verdicts:
        return "fails"
    return "holds" if verdicts == {"holds"} else "not_judged"
