"""`aegisctl export`: a log as lines that anybody can check, without trusting us."""

import sys
from pathlib import Path
from typing import BinaryIO

import click

from aegisctl import log, options
from aegisctl.display import count, note, progress, shown
from aegisctl.exits import HOLDS
from aegisctl.transfer import Written, replacing, write_export

STANDARD_OUTPUT = "-"


@click.command("export", cls=options.Verb)
@click.option(
    "--out", required=True, metavar="FILE|-", help="Where to write; `-` is standard output."
)
@click.option("--dsn", metavar="DB", help="A database to read instead of asking a server.")
@options.server
@options.tenant
@options.session
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def command(
    out: str,
    dsn: str | None,
    server: str,
    tenant_id: str | None,
    session_id: str | None,
    *,
    force: bool,
) -> int:
    """Write a log as an export that anybody can check.

    The export holds a tenant, or one session of it, with the manifests and bundles its events name.
    From a database and from its server it is the same, byte for byte. A log that does not hold is
    not exported. FILE is written whole or not at all.

    Examples:
      aegisctl export --dsn aegis.db --out acme.jsonl --tenant acme
      aegisctl export --tenant acme --session s1 --out - | gzip > s1.jsonl.gz

    Exit codes: 0 written, 1 the log does not hold, 2 could not tell.

    """
    options.refuse_two_sources(dsn, "--dsn")
    if out == STANDARD_OUTPUT:
        written = _write(sys.stdout.buffer, dsn, server, tenant_id, session_id)
        sys.stdout.buffer.flush()
    else:
        path = Path(out)
        if path.exists() and not force:
            raise click.UsageError(f"{shown(out)} exists; give --force to replace it")
        with replacing(path) as draft:
            written = _write(draft, dsn, server, tenant_id, session_id)
    note(
        f"wrote {count(written.events, 'event')} of {count(written.sessions, 'session')} and "
        f"{count(written.documents, 'document')} to {shown(out)}, SHA-256 {written.sha256}"
    )
    return HOLDS


def _write(
    out: BinaryIO, dsn: str | None, server: str, tenant_id: str | None, session_id: str | None
) -> Written:
    file = None
    if dsn is not None:
        from aegisd.store.dsn import sqlite_path  # noqa: PLC0415 - only databases need it

        file = sqlite_path(dsn)
    with log.opened(file, server) as source, progress("exporting") as step:
        tenant = log.one_tenant(source, tenant_id)
        return write_export(source, tenant, session_id, out, step)
