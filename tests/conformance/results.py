"""A run as it might have ended, with texts that mean harm."""

from aegisd.conformance import step
from aegisd.conformance.comparison import Mismatch
from aegisd.conformance.pack import Case, Pack, PackStep
from aegisd.conformance.result import CaseResult, PackResult, Run, StepResult

HOSTILE = "<script>alert(1)</script>&\"'\x1b[2J\u202e\x00\ufffe]]>"


def _case(identifier: str, requirement: str, line: int, **more: str) -> Case:
    told = {"origin": None, "waits_for": None, **more}
    return Case(id=identifier, requirement=requirement, line=line, steps=(), **told)


def _step(number: int, line: int, verb: str) -> PackStep:
    return PackStep(number=number, line=line, verb=verb, action=step.StepText())


HELD = CaseResult(
    case=_case("SM-001", "It holds.", 18, origin="BS-001 SEC-001"),
    verdict="holds",
    steps=(StepResult(step=_step(1, 21, "verify")),),
    seconds=0.25,
)
FAILED = CaseResult(
    case=_case("SM-002", f"It fails {HOSTILE}", 22, origin=HOSTILE),
    verdict="fails",
    steps=(
        StepResult(step=_step(1, 25, "manifest")),
        StepResult(
            step=_step(2, 26, "post"),
            mismatches=(Mismatch(field="outcome", expected='"deny"', found=HOSTILE),),
        ),
    ),
)
UNJUDGED = CaseResult(case=_case("SM-003", "Who knows.", 30), verdict="not_judged", why=HOSTILE)
WAITING = CaseResult(
    case=_case("SM-004", "Later.", 34, waits_for="taint"),
    verdict="not_judged",
    why="waits for taint",
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
                pack=Pack(
                    name="small",
                    title=f"Title {HOSTILE}",
                    about=f"About {HOSTILE}",
                    file="packs/small.yaml",
                    manifests={},
                    policies={},
                    cases=(),
                ),
                cases=cases,
            ),
        ),
    )
