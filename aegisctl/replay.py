"""`aegisctl replay`: every decision of a log, made again from what was recorded, and compared."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from aegisctl import options, source, window
from aegisctl.display import coloured, count, note, progress, sentences, table, tell
from aegisctl.exits import BROKEN, HOLDS, UNKNOWN
from aegisd.audit import derivation, log, rules
from aegisd.audit.export_writing import write_export
from aegisd.audit.verification.file import verify_file
from aegisd.core.replay.counterfactual import Change, Wanted
from aegisd.printable import shown
from aegisd.rego.engines import installed
from aegisd.rego.query import OPINIONS, engines

# Differences and changes shown to a person; `--json` has all of them.
SHOWN_ROWS_MAX = 40

# Characters of what a call reaches for in a row: the whole of it is in `--json`.
TARGET_CHARACTERS = 40

_ALONE = "other sessions' facts were taken as recorded: this log does not hold them"


@click.command("replay", cls=options.Verb)
@options.file
@options.server
@options.tenant
@options.session
@click.option(
    "--policy",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="What if these rules had judged? Lists the calls they change.",
)
@options.engine(
    OPINIONS, "auto: the one that decided, where it is installed. `both` reports what each derives."
)
@click.option(
    "--strict",
    is_flag=True,
    help="Fail on whatever cannot be known, too: other makers, other zones, facts on trust.",
)
@window.since
@window.until
@options.as_json
def command(  # noqa: PLR0913 - click passes each option by its name
    file: str | None,
    server: str,
    tenant_id: str | None,
    session_id: str | None,
    policy: Path | None,
    engine: str,
    since: window.Place | None,
    until: window.Place | None,
    *,
    strict: bool,
    as_json: bool,
) -> int:
    """Decide a log again and report every difference.

    Nothing is executed. The log is verified first. Then each decision is derived from its session
    and the facts recorded in it, and those facts from the whole tenant. A difference is `tampered`;
    or `upgrade` where another version of Aegis decided, `fault` where an evaluator failed then,
    `zone` where the manifest's zone has another offset by this machine's data, `unreplayable` where
    a manifest or bundle is gone, and `unreplayable (erased)` where a value kept beside its event
    was erased, or is not in this log.

    A log that one engine decided is judged by any: `--engine both` is the second opinion. What only
    another engine decides otherwise is an `upgrade`.

    A decision may name an engine or rules that are not here: its outcome is compared, and who made
    it is counted as told. With --strict that fails, and so does any difference, and facts of other
    sessions that this log does not hold.

    With --policy each recorded call is judged by the base rules and DIR, on the state as it was;
    other sessions' facts stay as recorded. Changed outcomes stand first.

    Examples:
      aegisctl replay aegis.db
      aegisctl replay acme.jsonl --json > report.json
      aegisctl replay aegis.db --tenant acme --policy rules/
      aegisctl replay aegis.db --policy rules/ --since 2026-07-22T09:00:00Z --until 2000
      aegisctl replay aegis.db --engine both

    Exit codes: 0 no difference, 1 tampered or, with --strict, not certain or, with --policy, calls
    that change; 2 could not tell, also where every difference is an upgrade, a fault, a zone or
    unreplayable, or an engine is missing.

    """
    options.refuse_two_sources(file)
    if policy is None and (since or until):
        raise click.UsageError("--since and --until are for --policy: a replay needs all of a log")
    # `auto` is each decision's own engine, so it stays what it is.
    names = (engine,) if engine == "auto" else engines(engine)
    with ExitStack() as stack:
        supposed = {
            name: stack.enter_context(rules.Supposition(policy, name))
            for name in names
            if policy is not None
        }
        place, tenant = stack.enter_context(_local(file, server, tenant_id))
        with progress("verifying") as step:
            told = verify_file(place, tenant, session_id, progress=step)
        if not told.holds:
            document = {"holds": False, "verification": told.document()}
            tell(document, sentences(told), as_json=as_json)
            return BROKEN
        if supposed:
            wanted = window.between(since, until)
            return _counterfactual(place, tenant, session_id, supposed, wanted, as_json=as_json)
        return _derive(place, tenant, session_id, names, strict=strict, as_json=as_json)


@contextmanager
def _local(
    file: str | None, server: str, tenant_id: str | None
) -> Iterator[tuple[str, str | None]]:
    """The log as a file, and the tenant in it: a server's is exported first, to be read twice.

    A server exports a tenant whole, because the facts of a session come from all the others.
    """
    if file is not None:
        yield file, tenant_id
        return
    with TemporaryDirectory(prefix="aegisctl-") as folder:
        place = Path(folder) / "export.jsonl"
        with (
            source.opened(None, server) as served,
            progress("downloading") as step,
            place.open("wb") as out,
        ):
            tenant = log.one_tenant(served, tenant_id)
            write_export(served, tenant, out, progress=step)
        # An archive's lines carry the tenant they came from.
        yield str(place), None


def _derive(
    place: str,
    tenant_id: str | None,
    session_id: str | None,
    names: Sequence[str],
    *,
    strict: bool,
    as_json: bool,
) -> int:
    reports: dict[str, derivation.Derivation] = {}
    for name in names:
        with log.opened(place) as opened, progress(f"replaying on {name}") as step:
            judging = rules.judge(opened.document, name)
            tenants = log.known_tenants(opened, tenant_id)
            reports[name] = derivation.derive(opened, tenants, session_id, judging, step)
    lines = _by_engine(
        {name: _report_lines(told, name, strict=strict) for name, told in reports.items()}
    )
    tell(derivation.document(reports), lines, as_json=as_json)
    if strict:
        return HOLDS if all(report.is_certain for report in reports.values()) else BROKEN
    if not any(report.differences for report in reports.values()):
        return HOLDS
    return BROKEN if any("tampered" in told.by_class() for told in reports.values()) else UNKNOWN


def _counterfactual(
    place: str,
    tenant_id: str | None,
    session_id: str | None,
    supposed: Mapping[str, rules.Supposition],
    wanted: Wanted,
    *,
    as_json: bool,
) -> int:
    reports: dict[str, derivation.WhatIf] = {}
    for name, supposition in supposed.items():
        bundle = supposition.bundle()
        with log.opened(place) as opened, progress(f"asking what if on {name}") as step:
            judging = supposition.judge(opened.document)
            tenants = log.known_tenants(opened, tenant_id)
            reports[name] = derivation.what_if(
                opened, tenants, session_id, judging, bundle, step, wanted
            )
    lines = _by_engine(
        {name: _change_lines(told, supposed[name]) for name, told in reports.items()}
    )
    tell(derivation.document(reports), lines, as_json=as_json)
    if not as_json:
        note("each call was judged on the state as recorded; other sessions' facts stay so too")
    return BROKEN if any(told.changes for told in reports.values()) else HOLDS


def _by_engine(lines: Mapping[str, Iterator[str]]) -> Iterator[str]:
    """Each engine's lines, under its name where there are several."""
    for name, told in lines.items():
        if len(lines) > 1:
            yield f"engine {name}:"
        yield from told


def _report_lines(report: derivation.Derivation, engine: str, *, strict: bool) -> Iterator[str]:
    for each in report.tenants:
        yield (
            f"tenant {shown(each.tenant_id)}: {count(each.decisions, 'decision')} in "
            f"{count(each.sessions, 'session')}, {count(each.compared, 'outcome')} compared, "
            f"{each.equal} derived equal"
        )
        if each.changed_inputs or each.changed_facts:
            yield (
                f"  under other rules than today's: {count(each.changed_inputs, 'input')} and "
                f"{count(each.changed_facts, 'decision')}' facts read otherwise"
            )
        if not each.whole:
            yield f"  {_ALONE}"
    for maker, number in report.others:
        yield (
            f"{count(number, 'decision')} by {shown(maker.evaluator)} "
            f"{shown(maker.evaluator_version)} under rules {shown(maker.rules_version)}, as told: "
            "not those here, so outcomes were compared and who decided is not known"
        )
    if engine == "auto":
        yield from _engine_lines(report)
    rows = [
        (
            str(found.position),
            f"{shown(found.session_id)}/{found.seq}",
            found.klass,
            f"{found.place}.{found.field}",
            shown(found.recorded, 40),
            shown(found.derived, 40),
        )
        for _tenant, found in report.differences[:SHOWN_ROWS_MAX]
    ]
    if rows:
        heading = ("position", "session/seq", "class", "place", "recorded", "derived")
        yield from table(heading, rows)
    hidden = len(report.differences) - len(rows)
    if hidden > 0:
        yield f"and {hidden} more"
    yield from _uncompared_lines(report)
    if report.differences:
        classes = ", ".join(f"{number} {name}" for name, number in report.by_class().items())
        colour = "bad" if "tampered" in report.by_class() else "doubt"
        yield f"{coloured(count(len(report.differences), 'difference'), colour)}: {classes}"
    else:
        yield f"{coloured('replays', 'good')}: 0 differences"
    if strict and not report.is_certain:
        yield f"{coloured('not certain', 'bad')}, so --strict fails: {_uncertain(report)}"


def _engine_lines(report: derivation.Derivation) -> Iterator[str]:
    """Which engines judged, where that is not just the one that anything else is judged on."""
    if {name for (name, _), _ in report.engines} - {installed()[0]}:
        used = (
            f"{name} {version} ({count(number, 'decision')})"
            for (name, version), number in report.engines
        )
        yield f"  judged on the engine that decided: {', '.join(used)}"


def _uncompared_lines(report: derivation.Derivation) -> Iterator[str]:
    """Why outcomes were not compared, and of which decisions."""
    by_reason: dict[str, list[int]] = {}
    for found in report.uncompared:
        gone = f"its {found.field} is gone" if found.klass == "unreplayable" else found.derived
        why = "its recorded input is not the one derived" if found.klass == "tampered" else gone
        by_reason.setdefault(why, []).append(found.position)
    for why, positions in by_reason.items():
        named = ", ".join(map(str, positions[:SHOWN_ROWS_MAX]))
        if len(positions) > SHOWN_ROWS_MAX:
            named += f" and {len(positions) - SHOWN_ROWS_MAX} more"
        outcomes = f"{count(len(positions), 'outcome')} not compared"
        yield f"  {outcomes}, at position {named}: {shown(why, None)}"


def _uncertain(report: derivation.Derivation) -> str:
    """What of a replay is not known, in words."""
    reasons = []
    if report.differences:
        reasons.append("there are differences")
    if report.others:
        reasons.append("who made some decisions was taken as told")
    if not all(each.whole for each in report.tenants):
        reasons.append("other sessions' facts were taken as recorded")
    return "; ".join(reasons)


def _change_lines(what_if: derivation.WhatIf, supposed: rules.Supposition) -> Iterator[str]:
    """Changed outcomes first, and apart from them what is decided alike on other grounds."""
    changes = [change for _tenant, change in what_if.changes]
    turned = [change for change in changes if change.turns]
    others = [change for change in changes if not change.turns]
    yield from _change_table(turned)
    if turned and others:
        yield "the same outcome, for other reasons or on other terms:"
    yield from _change_table(others)
    failed = Counter(change.message for change in changes if change.message)
    for message, number in failed.items():
        yield f"POLICY_ERROR in {count(number, 'decision')}: {shown(supposed.named(message), None)}"
    apart = f": {len(turned)} in outcome" if others else ""
    yield f"{len(changes)} of {count(what_if.decisions, 'decision')} would change{apart}"
    if what_if.unjudged:
        gone = "a value, a manifest or a bundle that is erased or not in this log"
        yield f"{what_if.unjudged} could not be judged: they need {gone}"


def _change_table(changes: Sequence[Change]) -> Iterator[str]:
    rows = [
        (
            f"{shown(change.session_id)}/{change.seq}",
            shown(change.subject or change.event_type),
            shown(change.target, TARGET_CHARACTERS),
            f"{change.recorded_outcome} {change.recorded_reason}",
            f"{change.outcome} {change.reason}",
            shown(", ".join(change.rules)),
        )
        for change in changes[:SHOWN_ROWS_MAX]
    ]
    if rows:
        yield from table(("session/seq", "call", "target", "recorded", "what if", "rules"), rows)
    hidden = len(changes) - len(rows)
    if hidden > 0:
        yield f"and {hidden} more"
