"""`aegisctl conformance`: whether a build is the gate that it promises to be."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import click
from click.core import ParameterSource

from aegisctl import options
from aegisctl.display import coloured, count, progress, say, table, tell
from aegisctl.exits import BROKEN, HOLDS, UNKNOWN
from aegisd import resources
from aegisd.conformance import loading, schema
from aegisd.conformance.pack import Pack
from aegisd.conformance.result import CONCLUSIONS, CaseResult, Compliance, PackResult, Run
from aegisd.conformance.source import PackInvalid
from aegisd.conformance.target import Target
from aegisd.printable import shown
from aegisd.rego.engines import CHOICES

_EXITS: dict[Compliance, int] = {"holds": HOLDS, "fails": BROKEN, "not_judged": UNKNOWN}

_SAID: dict[Compliance, tuple[str, str]] = {
    "holds": ("holds", "good"),
    "fails": ("FAILS", "bad"),
    "not_judged": ("not judged", "doubt"),
}

_PLACE = click.Path(exists=True, path_type=Path)
_packs = click.argument("places", nargs=-1, type=_PLACE, metavar="[PACK]...")
_REPORT = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.group("conformance", cls=options.Verbs)
def command() -> None:
    """Hold a gate to the packs of what it promises.

    A PACK is a YAML file of cases, or a folder of them; each case judges one requirement. Without a
    PACK, those that are installed with Aegis.

    Examples:
      aegisctl conformance run
      aegisctl conformance run --daemon --html report.html
      aegisctl conformance check my-packs/

    """


@command.command("run")
@_packs
@click.option("--server", metavar="URL", help="Judge the gate that answers at URL.")
@click.option("--daemon", is_flag=True, help="Judge an aegisd started for this run.")
@options.engine(CHOICES, "The policy engine to judge with; not with --server.")
@click.option("--case", "ids", multiple=True, metavar="ID", help="Only this case; repeat for more.")
@click.option("--junit", type=_REPORT, metavar="FILE", help="Also write the verdicts as JUnit XML.")
@click.option(
    "--html", type=_REPORT, metavar="FILE", help="Also write the verdicts as one HTML page."
)
@options.as_json
def run(
    places: Sequence[Path],
    server: str | None,
    engine: str,
    ids: Sequence[str],
    junit: Path | None,
    html: Path | None,
    *,
    daemon: bool,
    as_json: bool,
) -> int:
    """Run the cases and give a verdict per requirement.

    The gate is this installation's, in this process, on a temporary log; or an aegisd started for
    the run (--daemon); or somebody's server (--server), in tenants of the run's own, where a case
    that restarts the gate is not judged. All packs are read before any case is run. --junit and
    --html also write the verdicts for a build server and for a reader.

    Examples:
      aegisctl conformance run
      aegisctl conformance run packs/egress.yaml --case EG-001
      aegisctl conformance run --server http://127.0.0.1:8080 --json

    Exit codes: 0 every requirement holds, 1 one does not, 2 one was not judged, or none was. What
    waits for a later version counts as neither.

    """
    _refuse_two_targets(server, daemon=daemon)
    _refuse_unwritable("--junit", junit)
    _refuse_unwritable("--html", html)
    from aegisd.conformance import play, replaying  # noqa: PLC0415 - load the engine

    packs = loading.chosen(_load(places), ids)
    total = sum(len(pack.cases) for pack in packs)
    with (
        closing(_target(server, engine, daemon=daemon)) as target,
        progress("judging", total) as step,
    ):
        found = play.run(packs, target, replaying.Replays(engine), step)
    _write(found, junit, html)
    tell(found.document(), lines(found), as_json=as_json)
    return _EXITS[found.verdict]


@command.command("list")
@_packs
@options.as_json
def list_(places: Sequence[Path], *, as_json: bool) -> int:
    """List packs, cases and the requirement that each case judges.

    Example:
      aegisctl conformance list

    Exit codes: 0 listed, 2 a pack cannot be read.

    """
    packs = _load(places)
    listed = [
        {
            "pack": pack.name,
            "title": pack.title,
            "about": pack.about,
            "file": pack.file,
            "cases": [case.document() for case in pack.cases],
        }
        for pack in packs
    ]
    tell({"packs": listed}, _list_lines(packs), as_json=as_json)
    return HOLDS


def _list_lines(packs: Sequence[Pack]) -> Iterator[str]:
    for pack in packs:
        yield f"{coloured(pack.name, 'good')}: {shown(pack.title, None)}"
        rows = (
            (f"  {case.id}", f"{shown(case.requirement, None)}{_waiting(case.waits_for)}")
            for case in pack.cases
        )
        yield from list(table(("  case", "requirement"), rows))[1:]
    cases = sum(len(pack.cases) for pack in packs)
    yield f"{count(len(packs), 'pack')}, {count(cases, 'requirement')}"


@command.command("check")
@click.argument("places", nargs=-1, required=True, type=_PLACE, metavar="PACK...")
@options.as_json
def check(places: Sequence[Path], *, as_json: bool) -> int:
    """Read packs without running them and name every fault's line.

    Example:
      aegisctl conformance check my-packs/

    Exit codes: 0 they would run, 1 they would not, 2 there is no pack.

    """
    faults = []
    try:
        packs = loading.load(places)
        cases = sum(len(pack.cases) for pack in packs)
        counted = f"{count(len(packs), 'pack')}, {count(cases, 'case')}"
        lines = [f"{coloured('loads', 'good')}: {counted}"]
    except PackInvalid as error:
        faults = list(error.faults)
        lines = [shown(str(fault), None) for fault in faults]
    told = [
        {"file": f.file, "line": f.line, "case": f.case, "step": f.step, "fault": f.sentence}
        for f in faults
    ]
    tell({"loads": not faults, "faults": told}, lines, as_json=as_json)
    return BROKEN if faults else HOLDS


@command.command("schema")
def schema_() -> int:
    """Print the JSON Schema of packs, which editors complete and check by.

    Example:
      aegisctl conformance schema > pack.schema.json

    Exit codes: 0 printed.

    """
    say(schema.text().removesuffix("\n"))
    return HOLDS


def _write(found: Run, junit: Path | None, html: Path | None) -> None:
    from aegisd.conformance import junit as xml  # noqa: PLC0415 - only who asks for it waits
    from aegisd.conformance import page  # noqa: PLC0415 - as above

    if junit is not None:
        junit.write_bytes(xml.document(found))
    if html is not None:
        html.write_bytes(page.document(found))


def _refuse_unwritable(option: str, file: Path | None) -> None:
    """Said before any case runs: a report that cannot be kept would cost the whole run."""
    if file is None:
        return
    existed = file.exists()
    try:
        file.open("ab").close()
        if not existed:
            file.unlink()
    except OSError as error:
        raise click.UsageError(
            f"{option}: {shown(str(file), None)} cannot be written: {error.strerror}; name a file "
            "in a folder that exists and that you may write to"
        ) from None


def _load(places: Sequence[Path]) -> tuple[Pack, ...]:
    return loading.load(places or (_near(resources.packs()),))


def _near(folder: Path) -> Path:
    """A folder as a person here would write it: a report names no more of a machine than needed."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def _waiting(waits_for: str | None) -> str:
    return "" if waits_for is None else f" (waits for {shown(waits_for)})"


def _refuse_two_targets(server: str | None, *, daemon: bool) -> None:
    if server is None:
        return
    if daemon:
        raise click.UsageError("give either --server or --daemon, not both")
    source = click.get_current_context().get_parameter_source("engine")
    if source is not ParameterSource.DEFAULT:
        raise click.UsageError("--engine: a server judges with its own; start it with that engine")


def _target(server: str | None, engine: str, *, daemon: bool) -> Target:
    """What is judged. Adapters are imported here: none needs another's libraries."""
    if server is not None:
        from aegisd.conformance.served import Served  # noqa: PLC0415

        return Served(server)
    if daemon:
        from aegisd.conformance.served import OwnDaemon  # noqa: PLC0415

        return OwnDaemon(engine)
    from aegisd.conformance.embedded import Embedded  # noqa: PLC0415

    return Embedded(engine)


def lines(run: Run) -> Iterator[str]:
    """The run for a person: a line per pack, then what fails and what nobody knows."""
    heading = ("pack", "holds", "fails", "not judged", "title")
    rows = (
        (
            each.pack.name,
            *(str(_number(each, verdict)) for verdict in _SAID),
            shown(each.pack.title),
        )
        for each in run.packs
    )
    yield from table(heading, rows)
    judgements = [(each.pack, judged) for each in run.packs for judged in each.cases]
    for pack, judged in judgements:
        if judged.verdict == "fails":
            yield ""
            yield from _failure(pack, judged)
    for pack, judged in judgements:
        if judged.verdict == "not_judged":
            said = coloured(*_SAID["not_judged"])
            place = f"{shown(pack.file, None)}:{judged.case.line}"
            yield f"{said}  {place}: {judged.case.id}: {shown(judged.why or '', None)}"
    yield ""
    yield _conclusion(run)


def _failure(pack: Pack, judged: CaseResult) -> Iterator[str]:
    """A case that fails: where it stands, what was expected, what was found."""
    case = judged.case
    yield f"{coloured(*_SAID['fails'])}  {case.id}  {shown(case.requirement, None)}"
    for each in judged.steps:
        step = each.step
        for found in each.mismatches:
            place = f"{shown(pack.file, None)}:{step.line}"
            yield f"  {place}: {case.id}: step {step.number} ({step.verb}): {shown(found.field)}"
            yield f"    expected  {shown(found.expected, None)}"
            yield f"    found     {shown(found.found, None)}"


def _conclusion(run: Run) -> str:
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
    _, colour = _SAID[run.verdict]
    return f"{coloured(CONCLUSIONS[run.verdict], colour)}: {told} ({run.judged})"


def _number(pack: PackResult, verdict: Compliance) -> int:
    return sum(case.verdict == verdict for case in pack.cases)
