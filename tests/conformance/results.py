"""A run as it might have ended, with texts that mean harm."""

from aegisd.conformance.comparison import Mismatch
from aegisd.conformance.result import CaseResult, PackResult, Run, StepResult

HOSTILE = "<script>alert(1)</script>&\"'\x1b[2J\u202e\x00\ufffe]]>"

HELD = CaseResult(
    id="SM-001",
    requirement="It holds.",
    origin="BS-001 SEC-001",
    line=18,
    verdict="holds",
    steps=(StepResult(number=1, line=21, verb="verify"),),
    seconds=0.25,
)
FAILED = CaseResult(
    id="SM-002",
    requirement=f"It fails {HOSTILE}",
    origin=HOSTILE,
    line=22,
    verdict="fails",
    steps=(
        StepResult(number=1, line=25, verb="manifest"),
        StepResult(
            number=2,
            line=26,
            verb="post",
            mismatches=(Mismatch(field="outcome", expected='"deny"', found=HOSTILE),),
        ),
    ),
)
UNJUDGED = CaseResult(
    id="SM-003", requirement="Who knows.", origin=None, line=30, verdict="not_judged", why=HOSTILE
)
WAITING = CaseResult(
    id="SM-004",
    requirement="Later.",
    origin=None,
    line=34,
    verdict="not_judged",
    why="waits for taint",
    waits_for="taint",
)


def ended(*cases: CaseResult, url: str | None = None) -> Run:
    """A run of one pack with these cases."""
    return Run(
        run_at_ms=1_700_000_000_000,
        version="0.1.0",
        target="server" if url else "in-process",
        url=url,
        engine=None if url else ("regopy", "1.5.2"),
        packs=(
            PackResult(
                name="small",
                title=f"Title {HOSTILE}",
                about=f"About {HOSTILE}",
                file="packs/small.yaml",
                cases=cases,
            ),
        ),
    )
