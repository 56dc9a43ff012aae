"""`aegisctl export`: a log as lines that anybody can check, without trusting us."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

import click

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
    help="Also the personal and long values kept beside events. Only with --dsn.",
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
    path = None if out == STANDARD_OUTPUT else Path(out)
    partial = None if path is None or session_id is not None else _partial(path)
    if path is not None:
        _refuse_existing(path, partial, resume=resume, force=force)
    database = None if dsn is None else log.database(dsn)
    with source.opened_with_proofs(database, server) as (read, proofs):
        tenant = log.one_tenant(read, tenant_id)
        if partial is not None and resume:
            begun = PartialExport.resume(partial)
            _require_plan(begun, tenant, values=values)
        else:
            plan = plan_of(proofs, tenant, session_id, values=values)
            begun = PartialExport.begin(partial, plan) if partial else PartialExport.temporary(plan)
        with _kept_when_cut(begun) if partial else closing(begun), _file(path) as file:
            written = _complete(read, proofs, begun, file)
    note(
        f"wrote {count(written.events, 'event')} of {count(written.sessions, 'session')} and "
        f"{count(written.documents, 'document')} to {shown(out)}, SHA-256 {written.sha256}"
    )
    note(f"{count(written.covered, 'event')} of {written.events} covered by a signed checkpoint")
    return HOLDS


def _partial(path: Path) -> Path:
    """Where an export of a whole tenant is kept on its way to a path."""
    return path.with_name(path.name + SUFFIX)


def _refuse_existing(path: Path, partial: Path | None, *, resume: bool, force: bool) -> None:
    options.refuse_existing(path, force=force)
    if partial is None:
        return
    if partial.exists() and not (resume or force):
        raise click.UsageError(
            f"{shown(str(partial))} was left by an export that was cut; give --resume to go on "
            "with it, or --force to begin again"
        )
    if resume and not partial.exists():
        raise click.UsageError(f"there is no {shown(str(partial))} to go on with")


@contextmanager
def _file(path: Path | None) -> Iterator[BinaryIO]:
    """The file that the export is written to, whole or not at all, or standard output."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with replacing(path) as file:
        yield file


def _complete(read: Log, proofs: Proofs, begun: PartialExport, out: BinaryIO) -> Written:
    session_id, total = begun.plan.session_id, begun.plan.end
    if session_id is not None:
        head = read.session_head(begun.plan.tenant_id, session_id)
        total = None if head is None else head.seq + 1
    with progress("exporting", total) as step:
        return complete(read, proofs, begun, out, step)


def _require_plan(begun: PartialExport, tenant_id: str, *, values: bool) -> None:
    """Refuse to go on with an export of something else. Raises `ConfigInvalid`."""
    plan = begun.plan
    if (plan.tenant_id, plan.session_id, plan.values) != (tenant_id, None, values):
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
