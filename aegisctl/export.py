"""`aegisctl export`: a log as lines that anybody can check, without trusting us."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import click
from msgspec import Struct

from aegisctl import options, source
from aegisctl.display import count, note, progress
from aegisctl.exits import HOLDS
from aegisd.audit import log
from aegisd.audit.export_writing import Written, complete, plan_of
from aegisd.audit.log import Log
from aegisd.audit.partial_export import SUFFIX, PartialExport
from aegisd.audit.proofs import Proofs
from aegisd.core.errors import ConfigInvalid, Unavailable
from aegisd.printable import shown
from aegisd.whole_file import replacing

STANDARD_OUTPUT = "-"


class Wanted(Struct, frozen=True, kw_only=True):
    """What was typed: where from, which part, and what beside."""

    dsn: str | None
    server: str
    tenant_id: str | None
    session_id: str | None
    values: bool


class Source(NamedTuple):
    """The log that is exported, what shows that it holds, and the tenant that is meant."""

    log: Log
    proofs: Proofs
    tenant_id: str


@click.command("export", cls=options.Verb)
@click.option(
    "--out", required=True, metavar="FILE|-", help="Where to write; `-` is standard output."
)
@click.option("--dsn", metavar="DB", help="A database to read instead of asking a server.")
@options.server
@options.tenant
@options.session
@click.option(
    "--detached",
    "values",
    is_flag=True,
    help="Also the personal, secret and long values kept beside events. Only with --dsn.",
)
@click.option("--resume", is_flag=True, help="Go on with FILE.partial, which a cut export left.")
@click.option("--force", is_flag=True, help="Replace FILE if it exists; begin again.")
def command(
    out: str,
    dsn: str | None,
    server: str,
    tenant_id: str | None,
    session_id: str | None,
    *,
    values: bool,
    resume: bool,
    force: bool,
) -> int:
    """Write a log as an export that anybody can check.

    The export holds a tenant, or one session of it, with the manifests and bundles its events name,
    and the newest signed checkpoint; of one session also a proof per event. A server signs all it
    has first; from a database comes the newest checkpoint that was signed. A log that does not hold
    is not exported. FILE is written whole or not at all. An export of a whole tenant that is cut
    leaves FILE.partial; --resume checks that again and goes on, to the same bytes.

    Examples:
      aegisctl export --dsn aegis.db --out acme.jsonl --tenant acme
      aegisctl export --dsn aegis.db --out acme.jsonl --tenant acme --resume
      aegisctl export --tenant acme --session s1 --out - | gzip > s1.jsonl.gz

    Exit codes: 0 written, 1 the log does not hold, 2 could not tell.

    """
    options.refuse_two_sources(dsn, "--dsn")
    if values and dsn is None:
        raise click.UsageError("--detached needs --dsn: a server does not give out such values")
    if resume and (session_id is not None or out == STANDARD_OUTPUT):
        raise click.UsageError("--resume is for a whole tenant in a FILE; begin again without it")
    wanted = Wanted(
        dsn=dsn, server=server, tenant_id=tenant_id, session_id=session_id, values=values
    )
    if out == STANDARD_OUTPUT:
        written = _write(sys.stdout.buffer, wanted)
        sys.stdout.buffer.flush()
    else:
        written = _write_file(Path(out), wanted, resume=resume, force=force)
    note(
        f"wrote {count(written.events, 'event')} of {count(written.sessions, 'session')} and "
        f"{count(written.documents, 'document')} to {shown(out)}, SHA-256 {written.sha256}"
    )
    note(f"{count(written.covered, 'event')} of {written.events} covered by a signed checkpoint")
    return HOLDS


def _write_file(path: Path, wanted: Wanted, *, resume: bool, force: bool) -> Written:
    if path.exists() and not force:
        raise click.UsageError(f"{shown(str(path))} exists; give --force to replace it")
    partial = path.with_name(path.name + SUFFIX)
    if wanted.session_id is not None:
        with replacing(path) as file:
            return _write(file, wanted)
    if partial.exists() and not (resume or force):
        raise click.UsageError(
            f"{shown(str(partial))} was left by an export that was cut; give --resume to go on "
            "with it, or --force to begin again"
        )
    if resume and not partial.exists():
        raise click.UsageError(f"there is no {shown(str(partial))} to go on with")
    with _opened(wanted) as read:
        if resume:
            begun = PartialExport.resume(partial)
            _require_plan(begun, read.tenant_id, wanted)
        else:
            plan = plan_of(read.proofs, read.tenant_id, None, values=wanted.values)
            begun = PartialExport.begin(partial, plan)
        with _kept_when_cut(begun), replacing(path) as file:
            return _complete(read, begun, file)


def _write(out: BinaryIO, wanted: Wanted) -> Written:
    """Write an export that nobody could go on with."""
    with _opened(wanted) as read:
        plan = plan_of(read.proofs, read.tenant_id, wanted.session_id, values=wanted.values)
        with closing(PartialExport.temporary(plan)) as begun:
            return _complete(read, begun, out)


def _complete(read: Source, begun: PartialExport, out: BinaryIO) -> Written:
    session_id, total = begun.plan.session_id, begun.plan.end
    if session_id is not None:
        head = read.log.session_head(begun.plan.tenant_id, session_id)
        total = None if head is None else head.seq + 1
    with progress("exporting", total) as step:
        return complete(read.log, read.proofs, begun, out, step)


@contextmanager
def _opened(wanted: Wanted) -> Iterator[Source]:
    database = None if wanted.dsn is None else log.database(wanted.dsn)
    with source.opened_with_proofs(database, wanted.server) as (opened, proofs):
        yield Source(opened, proofs, log.one_tenant(opened, wanted.tenant_id))


def _require_plan(begun: PartialExport, tenant_id: str, wanted: Wanted) -> None:
    """Refuse to go on with an export of something else. Raises `ConfigInvalid`."""
    plan = begun.plan
    if (plan.tenant_id, plan.session_id, plan.values) != (tenant_id, None, wanted.values):
        asked = "with" if plan.values else "without"
        begun.close()
        raise ConfigInvalid(
            f"{shown(begun.name)} is of tenant {shown(plan.tenant_id)}, {asked} --detached; name "
            "the same, or begin again with --force"
        )


@contextmanager
def _kept_when_cut(begun: PartialExport) -> Iterator[None]:
    """Leave what was read where whatever cut it may pass: a server, a disk, somebody's hand."""
    keep = False
    try:
        yield
    except (Unavailable, OSError, KeyboardInterrupt):
        keep = True
        note(f"what was read is in {shown(begun.name)}; go on with --resume")
        raise
    finally:
        if keep:
            begun.close()
        else:
            begun.remove()
