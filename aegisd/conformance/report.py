"""A run for programs, as JSON, and what it judged for everybody."""

import msgspec

from aegisd.conformance.result import CaseResult, PackResult, Run
from aegisd.printable import shown

# The version of the JSON document's shape: members may be added, none changes its meaning.
SHAPE = 1


def document(run: Run) -> dict[str, object]:
    """The run as JSON values; docs/CONFORMANCE.md tells the shape."""
    engine = run.engine and {"name": run.engine[0], "version": run.engine[1]}
    return {
        "aegis_conformance": SHAPE,
        "run_at_ms": run.run_at_ms,
        "version": run.version,
        "target": {"kind": run.target, "url": run.url, "engine": engine},
        "verdict": run.verdict,
        "counts": run.counts(),
        "packs": [_pack(pack) for pack in run.packs],
    }


def _pack(pack: PackResult) -> dict[str, object]:
    return {
        "pack": pack.name,
        "title": pack.title,
        "file": pack.file,
        "verdict": pack.verdict,
        "cases": [_case(case) for case in pack.cases],
    }


def _case(case: CaseResult) -> dict[str, object]:
    return {
        "id": case.id,
        "requirement": case.requirement,
        "from": case.origin,
        "line": case.line,
        "verdict": case.verdict,
        "why": case.why,
        "waits_for": case.waits_for,
        "steps": [
            {
                "step": each.number,
                "line": each.line,
                "verb": each.verb,
                "verdict": "fails" if each.mismatches else "holds",
                "findings": msgspec.to_builtins(each.mismatches),
            }
            for each in case.steps
        ],
    }


def of_what(run: Run) -> str:
    """What was judged."""
    where = run.target if run.url is None else shown(run.url, None)
    return where if run.engine is None else f"{where}, {run.engine[0]} {run.engine[1]}"
