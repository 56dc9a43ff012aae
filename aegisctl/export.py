"""`aegisctl export`: a log as lines that anybody can check, without trusting us."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

import click
from msgspec import Struct

from aegisctl import log, options
from aegisctl.display import count, note, progress, shown
from aegisctl.draft import SUFFIX, Draft
from aegisctl.exits import HOLDS
from aegisctl.log import Log
from aegisctl.transfer import Written, replacing, scope_of, write_draft
from aegisd.core.errors import ConfigInvalid, Unavailable

STANDARD_OUTPUT = "-"


class Wanted(Struct, frozen=True, kw_only=True):
    """What was typed: where from, which part, and what beside."""

    dsn: str | None
    server: str
    tenant_id: str | None
    session_id: str | None
    values: bool


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
    with _opened(wanted) as (source, tenant_id):
        if resume:
            draft = Draft.resume(partial)
            _require_scope(draft, tenant_id, wanted)
        else:
            draft = Draft.begin(partial, scope_of(source, tenant_id, None, values=wanted.values))
        with _kept_when_cut(draft), replacing(path) as file:
            return _write_draft(source, draft, file)


def _write(out: BinaryIO, wanted: Wanted) -> Written:
    """Write an export that nobody could go on with."""
    with _opened(wanted) as (source, tenant_id):
        scope = scope_of(source, tenant_id, wanted.session_id, values=wanted.values)
        with closing(Draft.temporary(scope)) as draft:
            return _write_draft(source, draft, out)


def _write_draft(source: Log, draft: Draft, out: BinaryIO) -> Written:
    session_id, total = draft.scope.session_id, draft.scope.end
    if session_id is not None:
        head = source.session_head(draft.scope.tenant_id, session_id)
        total = None if head is None else head.seq + 1
    with progress("exporting", total) as step:
        return write_draft(source, draft, out, step)


@contextmanager
def _opened(wanted: Wanted) -> Iterator[tuple[Log, str]]:
    file = None if wanted.dsn is None else log.database(wanted.dsn)
    with log.opened(file, wanted.server) as source:
        yield source, log.one_tenant(source, wanted.tenant_id)


def _require_scope(draft: Draft, tenant_id: str, wanted: Wanted) -> None:
    """Refuse a draft of something else. Raises `ConfigInvalid`."""
    scope = draft.scope
    if (scope.tenant_id, scope.session_id, scope.values) != (tenant_id, None, wanted.values):
        asked = "with" if scope.values else "without"
        draft.close()
        raise ConfigInvalid(
            f"{shown(draft.name)} is of tenant {shown(scope.tenant_id)}, {asked} --detached; name "
            "the same, or begin again with --force"
        )


@contextmanager
def _kept_when_cut(draft: Draft) -> Iterator[None]:
    """Leave the draft where whatever cut the export may pass: a server, a disk, somebody's hand."""
    keep = False
    try:
        yield
    except (Unavailable, OSError, KeyboardInterrupt):
        keep = True
        note(f"what was read is in {shown(draft.name)}; go on with --resume")
        raise
    finally:
        if keep:
            draft.close()
        else:
            draft.remove()
