"""`aegisctl verify`: does this log hold? Hashes everything again from stored bytes."""

from pathlib import Path

import click
import msgspec

from aegisctl import log, options, trust
from aegisctl.display import Step, coloured, count, progress, say, say_json, shown
from aegisctl.exits import BROKEN, HOLDS, UNKNOWN
from aegisctl.integrity import anchors
from aegisctl.integrity.anchors import Anchors
from aegisctl.integrity.database import check_database
from aegisctl.integrity.exported import check_export
from aegisctl.integrity.proven import check_proof
from aegisctl.integrity.report import NOWHERE, SIGNED, Report, TenantCount, broken
from aegisctl.integrity.served import check_server
from aegisd.core.errors import ConfigInvalid, LogCorrupt, NotFound
from aegisd.core.log.chain import Break
from aegisd.core.log.note import Key

# Breaks shown to a person; `--json` has `BREAKS_MAX` of them.
SHOWN_BREAKS_MAX = 20


@click.command("verify", cls=options.Verb)
@click.argument("file", required=False, metavar="[FILE]")
@options.server
@options.tenant
@options.session
@trust.key
@click.option(
    "--checkpoint",
    "kept",
    multiple=True,
    metavar="FILE",
    help="A checkpoint kept from earlier, which the log must continue. May be given again.",
)
@click.option("--event", metavar="FILE", help="The event's bytes, for a proof without them.")
@options.as_json
def command(
    file: str | None,
    server: str,
    tenant_id: str | None,
    session_id: str | None,
    keys: tuple[Key, ...],
    kept: tuple[str, ...],
    event: str | None,
    *,
    as_json: bool,
) -> int:
    """Check every hash, link and column of a log, and what of it is signed.

    FILE is a database, also one that a daemon is writing to, a postgresql:// URL, an export or a
    .tlog-proof. Without --tenant all tenants of a file are checked. The first lines name what
    broke: tenant, position, session, seq and the rule.

    The verdict is CHAIN where every event continues the one before it, and SIGNED where events also
    lead to a root that a --key signed. Nothing after the newest checkpoint is covered. Get the key
    from somebody else than the file, and keep a checkpoint each time: only --checkpoint shows that
    this log continues the one you saw then.

    Examples:
      aegisctl verify aegis.db
      aegisctl verify acme.jsonl --key acme.pub --checkpoint monday.checkpoint
      aegisctl verify seven.tlog-proof --key acme.pub
      aegisctl verify --server http://127.0.0.1:8080 --tenant acme --json

    Exit codes: 0 holds, 1 broken, 2 could not tell, or not signed by a --key.

    """
    options.refuse_two_sources(file)
    report = examine(
        file, server, tenant_id, session_id, brought=anchors.read(keys, kept), event=event
    )
    if as_json:
        say_json(document(report))
    else:
        for line in sentences(report, keyed=bool(keys)):
            say(line)
    if not report.holds:
        return BROKEN
    return UNKNOWN if report.unknown else HOLDS


def examine(
    file: str | None,
    server: str,
    tenant_id: str | None,
    session_id: str | None,
    *,
    brought: Anchors = anchors.NONE,
    event: str | None = None,
) -> Report:
    """Check a file, or a server where there is none.

    Raises `NotFound` or `SessionUnknown` for what is not there, and what opening raises.
    """
    kind = None if file is None or log.is_postgres(file) else log.kind(file)
    if file is not None and kind == "proof":
        if session_id is not None:
            raise ConfigInvalid("a proof is of one event; it takes no --session")
        return _of_tenant(check_proof(file, event, brought), tenant_id, "proof")
    if event is not None:
        raise ConfigInvalid("--event goes with a .tlog-proof file, and FILE is none")
    if file is None and (brought.keys or brought.kept):
        raise ConfigInvalid(
            "a server is held against a key and a checkpoint by `aegisctl checkpoint --since`; "
            "name a FILE for --key and --checkpoint"
        )
    with progress("verifying") as step:
        if file is not None and kind == "export":
            return _examine_export(file, tenant_id, session_id, brought, step)
        try:
            if file is None:
                with log.opened(None, server) as source:
                    tenants = log.known_tenants(source, tenant_id)
                    return check_server(source, tenants[0], session_id, step)
            with log.opened_database(file) as reader:
                tenants = log.known_tenants(reader, tenant_id)
                return check_database(reader, tenants, session_id, step, brought)
        except LogCorrupt as error:
            # Not even the list of tenants, or the file's own marks, can be read.
            report = Report(session_id=session_id)
            report.add(broken("row", error.message))
            return report


def _examine_export(
    file: str, tenant_id: str | None, session_id: str | None, brought: Anchors, step: Step
) -> Report:
    with Path(file).open("rb") as opened:
        report = check_export(opened, session_id, step, brought, path=file)
    return _of_tenant(report, tenant_id, "export")


def _of_tenant(report: Report, tenant_id: str | None, what: str) -> Report:
    """A report of the tenant that was asked about, if any. Raises `NotFound`."""
    held = [tenant.tenant_id for tenant in report.tenants]
    if tenant_id is not None and report.holds and held != [tenant_id]:
        raise NotFound(f"the {what} holds no event of tenant {shown(tenant_id)}")
    return report


def document(report: Report) -> dict[str, object]:
    """The report as JSON values. -1 stands for a position or seq that is not known."""
    plain: dict[str, object] = msgspec.to_builtins(report)
    return {**plain, "events": report.events, "holds": report.holds}


def sentences(report: Report, *, keyed: bool = False) -> list[str]:
    """The report for a person; `keyed` tells that they gave a key."""
    lines = [
        f"{coloured('BROKEN', 'bad')}  {sentence(found)}"
        for found in report.breaks[:SHOWN_BREAKS_MAX]
    ]
    hidden = report.breaks_found - len(lines)
    if hidden > 0:
        lines.append(f"        and {count(hidden, 'break')} more")
    lines += [_tenant(tenant, holds=report.holds, keyed=keyed) for tenant in report.tenants]
    if report.session_id is not None and report.elsewhere:
        lines.append(
            f"{count(report.elsewhere, 'break')} in other sessions; verify without --session"
        )
    lines += [f"{coloured('unknown', 'doubt')}: {told}" for told in report.unknown]
    what = "the log" if report.session_id is None else f"session {shown(report.session_id)}"
    if report.holds:
        checked = f"{count(report.events, 'event')}, {count(report.documents, 'document')}"
        lines.append(f"{coloured('holds', 'good')}: {what} ({checked})")
    else:
        found = count(report.breaks_found, "break")
        lines.append(f"{coloured('does not hold', 'bad')}: {what} ({found})")
    return lines


def _tenant(told: TenantCount, *, holds: bool, keyed: bool) -> str:
    line = (
        f"tenant {shown(told.tenant_id)}: {count(told.events, 'event')} in "
        f"{count(told.sessions, 'session')}"
    )
    if not holds or not told.covered:
        return line
    behind = told.events - told.covered
    rest = f"; {count(behind, 'event')} after it covered by the chain alone" if behind else ""
    lead = "leads" if told.covered == 1 else "lead"
    signed = f"{count(told.covered, 'event')} {lead} to a checkpoint"
    if told.level == SIGNED:
        return f"{line}: SIGNED, {signed} that the key signed{rest}"
    why = "the key did not sign" if keyed else "whose signature was not checked without --key"
    return f"{line}: CHAIN, {signed} {why}{rest}"


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
