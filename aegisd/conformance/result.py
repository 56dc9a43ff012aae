"""What a run found: a verdict per step, case, pack and run, and the mismatches behind it."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import Struct

from aegisd.conformance.comparison import Mismatch
from aegisd.conformance.pack import Case, Pack, PackStep
from aegisd.printable import shown

# The version of the JSON document's shape: members may be added, none changes its meaning.
SHAPE = 1

# `not_judged`: nobody found out, which is never good news.
Compliance = Literal["holds", "fails", "not_judged"]

# What a whole run says.
CONCLUSIONS: dict[Compliance, str] = {
    "holds": "complies",
    "fails": "does not comply",
    "not_judged": "could not tell",
}

_MS = 1000


class StepResult(Struct, frozen=True, kw_only=True):
    """A step that was run; without mismatches it holds."""

    step: PackStep
    mismatches: tuple[Mismatch, ...] = ()

    def document(self) -> dict[str, object]:
        """The step as JSON values."""
        return {
            "step": self.step.number,
            "line": self.step.line,
            "verb": self.step.verb,
            "verdict": "fails" if self.mismatches else "holds",
            "findings": msgspec.to_builtins(self.mismatches),
        }


class CaseResult(Struct, frozen=True, kw_only=True):
    """A case, and so its requirement. `steps` end with the first that does not hold.

    `why` says why it was not judged.
    """

    case: Case
    verdict: Compliance
    why: str | None = None
    steps: tuple[StepResult, ...] = ()
    seconds: float = 0.0

    def document(self) -> dict[str, object]:
        """The case as JSON values."""
        return {
            **self.case.document(),
            "verdict": self.verdict,
            "why": self.why,
            "steps": [each.document() for each in self.steps],
        }


class PackResult(Struct, frozen=True, kw_only=True):
    """The cases of a pack that were asked for."""

    pack: Pack
    cases: tuple[CaseResult, ...]

    def document(self) -> dict[str, object]:
        """The pack as JSON values."""
        return {
            "pack": self.pack.name,
            "title": self.pack.title,
            "file": self.pack.file,
            "verdict": together(self.cases),
            "cases": [each.document() for each in self.cases],
        }


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

    @property
    def moment(self) -> datetime:
        """When it was run, to the second, in UTC."""
        return datetime.fromtimestamp(self.run_at_ms // _MS, UTC)

    @property
    def judged(self) -> str:
        """What was judged, for a person."""
        where = self.target if self.url is None else shown(self.url, None)
        return where if self.engine is None else f"{where}, {self.engine[0]} {self.engine[1]}"

    def counts(self) -> dict[str, int]:
        """How many requirements hold, fail, were not judged, and wait (not counted as either)."""
        found = Counter("waits" if each.case.waits_for else each.verdict for each in self.cases)
        return {name: found[name] for name in ("holds", "fails", "not_judged", "waits")}

    def document(self) -> dict[str, object]:
        """The run as JSON values; docs/CONFORMANCE.md tells the shape."""
        engine = self.engine and {"name": self.engine[0], "version": self.engine[1]}
        return {
            "aegis_conformance": SHAPE,
            "run_at_ms": self.run_at_ms,
            "version": self.version,
            "target": {"kind": self.target, "url": self.url, "engine": engine},
            "verdict": self.verdict,
            "counts": self.counts(),
            "packs": [pack.document() for pack in self.packs],
        }


def together(cases: Iterable[CaseResult]) -> Compliance:
    """One verdict of several. What waits counts as neither; nothing judged is not compliance."""
    verdicts = {each.verdict for each in cases if each.case.waits_for is None}
    if "fails" in verdicts:
        return "fails"
    return "holds" if verdicts == {"holds"} else "not_judged"
