"""A run for people on a terminal, and for programs as JSON."""

from collections.abc import Iterator

import msgspec

from aegisctl.conformance.result import CaseResult, PackResult, Run, Verdict
from aegisctl.display import coloured, table
from aegisd.printable import shown

# The version of the JSON document's shape: members may be added, none changes its meaning.
SHAPE = 1

_SAID: dict[Verdict, tuple[str, str]] = {
    "holds": ("holds", "good"),
    "fails": ("FAILS", "bad"),
    "not_judged": ("not judged", "doubt"),
}


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
                "verdict": "fails" if each.findings else "holds",
                "findings": msgspec.to_builtins(each.findings),
            }
            for each in case.steps
        ],
    }


def lines(run: Run) -> Iterator[str]:
    """The run for a person: a line per pack, then what fails and what nobody knows."""
    heading = ("pack", "holds", "fails", "not judged", "title")
    rows = (
        (
            pack.name,
            *(str(_number(pack, verdict)) for verdict in _SAID),
            shown(pack.title),
        )
        for pack in run.packs
    )
    yield from table(heading, rows)
    for pack in run.packs:
        for case in pack.cases:
            if case.verdict == "fails":
                yield ""
                yield from failure(pack, case)
    yield from _unjudged(run)
    yield ""
    yield conclusion(run)


def failure(pack: PackResult, case: CaseResult) -> Iterator[str]:
    """A case that fails: where it stands, what was expected, what was found."""
    yield f"{coloured(*_SAID['fails'])}  {case.id}  {shown(case.requirement, None)}"
    for each in case.steps:
        for found in each.findings:
            place = f"{shown(pack.file, None)}:{each.line}"
            yield f"  {place}: {case.id}: step {each.number} ({each.verb}): {shown(found.field)}"
            yield f"    expected  {shown(found.expected, None)}"
            yield f"    found     {shown(found.found, None)}"


def _unjudged(run: Run) -> Iterator[str]:
    for pack in run.packs:
        for case in pack.cases:
            if case.verdict == "not_judged":
                said = coloured(*_SAID["not_judged"])
                place = f"{shown(pack.file, None)}:{case.line}"
                yield f"{said}  {place}: {case.id}: {shown(case.why or '', None)}"


def conclusion(run: Run) -> str:
    """The last line: what the whole run says, of what."""
    counts = run.counts()
    counted = counts["holds"] + counts["fails"] + counts["not_judged"]
    told = f"{counts['holds']} of {counted} requirements hold"
    if counts["fails"]:
        told += f", {counts['fails']} fail"
    if counts["not_judged"]:
        told += f", {counts['not_judged']} not judged"
    if counts["waits"]:
        told += f"; {counts['waits']} wait for what this version does not have"
    verdict = {
        "holds": coloured("complies", "good"),
        "fails": coloured("does not comply", "bad"),
        "not_judged": coloured("could not tell", "doubt"),
    }[run.verdict]
    return f"{verdict}: {told} ({of_what(run)})"


def of_what(run: Run) -> str:
    """What was judged."""
    where = run.target if run.url is None else shown(run.url, None)
    return where if run.engine is None else f"{where}, {run.engine[0]} {run.engine[1]}"


def _number(pack: PackResult, verdict: Verdict) -> int:
    return sum(case.verdict == verdict for case in pack.cases)
