"""`aegisctl verify`: does this log hold? Hashes everything again from stored bytes."""

from pathlib import Path

import click
import msgspec

from aegisctl import log, options
from aegisctl.display import Step, coloured, count, progress, say, say_json, shown
from aegisctl.exits import BROKEN, HOLDS
from aegisctl.integrity.database import check_database
from aegisctl.integrity.exported import check_export
from aegisctl.integrity.report import NOWHERE, Report, broken
from aegisctl.integrity.served import check_server
from aegisd.core.errors import LogCorrupt, NotFound
from aegisd.core.log.chain import Break

# Breaks shown to a person; `--json` has `BREAKS_MAX` of them.
SHOWN_BREAKS_MAX = 20


@click.command("verify", cls=options.Verb)
@options.file
@options.server
@options.tenant
@options.session
@options.as_json
def command(
    file: str | None, server: str, tenant_id: str | None, session_id: str | None, *, as_json: bool
) -> int:
    """Check every hash, link and column of a log.

    FILE is a database, also one that a daemon is writing to, or an export. Without --tenant all
    tenants of a file are checked. The first lines name what broke: tenant, position, session, seq
    and the rule. A log that ends early shows against the recorded head, never from nothing: keep
    an export elsewhere.

    Examples:
      aegisctl verify aegis.db
      aegisctl verify acme.jsonl --session s1
      aegisctl verify --server http://127.0.0.1:8080 --tenant acme --json

    Exit codes: 0 holds, 1 broken, 2 could not tell.

    """
    options.refuse_two_sources(file)
    report = examine(file, server, tenant_id, session_id)
    if as_json:
        say_json(document(report))
    else:
        for line in sentences(report):
            say(line)
    return HOLDS if report.holds else BROKEN


def examine(file: str | None, server: str, tenant_id: str | None, session_id: str | None) -> Report:
    """Check a file, or a server where there is none.

    Raises `NotFound` or `SessionUnknown` for what is not there, and what opening raises.
    """
    with progress("verifying") as step:
        if file is not None and log.kind(file) == "export":
            return _examine_export(file, tenant_id, session_id, step)
        try:
            with log.opened(file, server) as source:
                tenants = log.known_tenants(source, tenant_id)
                return _examine_log(source, tenants, session_id, step)
        except LogCorrupt as error:
            # Not even the list of tenants, or the file's own marks, can be read.
            report = Report(session_id=session_id)
            report.add(broken("row", error.message))
            return report


def _examine_log(source: log.Log, tenants: list[str], session_id: str | None, step: Step) -> Report:
    from aegisctl.database import DatabaseLog  # noqa: PLC0415 - only files need it

    if not isinstance(source, DatabaseLog):
        return check_server(source, tenants[0], session_id, step)
    return check_database(source, tenants, session_id, step)


def _examine_export(file: str, tenant_id: str | None, session_id: str | None, step: Step) -> Report:
    with Path(file).open("rb") as opened:
        report = check_export(opened, session_id, step)
    held = [tenant.tenant_id for tenant in report.tenants]
    if tenant_id is not None and report.holds and held != [tenant_id]:
        raise NotFound(f"the export holds no event of tenant {shown(tenant_id)}")
    return report


def document(report: Report) -> dict[str, object]:
    """The report as JSON values. -1 stands for a position or seq that is not known."""
    plain: dict[str, object] = msgspec.to_builtins(report)
    return {**plain, "events": report.events, "holds": report.holds}


def sentences(report: Report) -> list[str]:
    """The report for a person."""
    lines = [
        f"{coloured('BROKEN', 'bad')}  {sentence(found)}"
        for found in report.breaks[:SHOWN_BREAKS_MAX]
    ]
    hidden = report.breaks_found - len(lines)
    if hidden > 0:
        lines.append(f"        and {count(hidden, 'break')} more")
    lines += [
        f"tenant {shown(tenant.tenant_id)}: {count(tenant.events, 'event')} in "
        f"{count(tenant.sessions, 'session')}"
        for tenant in report.tenants
    ]
    if report.session_id is not None and report.elsewhere:
        lines.append(
            f"{count(report.elsewhere, 'break')} in other sessions; verify without --session"
        )
    what = "the log" if report.session_id is None else f"session {shown(report.session_id)}"
    if report.holds:
        checked = f"{count(report.events, 'event')}, {count(report.documents, 'document')}"
        lines.append(f"{coloured('holds', 'good')}: {what} ({checked})")
    else:
        found = count(report.breaks_found, "break")
        lines.append(f"{coloured('does not hold', 'bad')}: {what} ({found})")
    return lines


def sentence(found: Break) -> str:
    """Where and how a log does not hold."""
    places = [f"tenant {shown(found.tenant_id)}"] if found.tenant_id else []
    if found.position != NOWHERE:
        places.append(f"position {found.position}")
    if found.session_id:
        places.append(f"session {shown(found.session_id)}")
    if found.seq != NOWHERE:
        places.append(f"seq {found.seq}")
    where = ", ".join(places) or "the file"
    return f"{where}: {found.rule}: {shown(found.detail, None)}"
