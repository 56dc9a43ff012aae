"""`aegisctl import`: a foreign log, kept under an archive tenant of a server."""

from pathlib import Path
from typing import BinaryIO, cast

import click
from msgspec import Struct

from aegisctl import options
from aegisctl.display import count, note, progress, sentences, tell
from aegisctl.exits import BROKEN, HOLDS
from aegisd.audit import log
from aegisd.audit.progress import Progress
from aegisd.audit.verification.file import verify_file
from aegisd.core.errors import WrongFile
from aegisd.printable import shown
from aegisd.remote.client import UPLOAD_S_MAX, Client


class Imported(Struct):
    """What a server answers: the archive tenant, and how many events it now holds."""

    archive: str
    events: int


class Watched:
    """A file that tells how much of it was read."""

    def __init__(self, file: BinaryIO, step: Progress) -> None:
        self._file, self._step = file, step

    def read(self, length: int = -1) -> bytes:
        """The next bytes."""
        data = self._file.read(length)
        self._step(len(data))
        return data


@click.command("import", cls=options.Verb)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@options.server
@options.tenant_of("The tenant whose log records the import.", required=True)
@click.option("--author", required=True, metavar="ID", help="Who imports.")
@click.option("--reason", required=True, help="Why, in a sentence.")
@options.as_json
def command(
    file: str, server: str, tenant_id: str, author: str, reason: str, *, as_json: bool
) -> int:
    """Keep an export under an archive tenant of a server.

    The export is verified here first, and again by the server. Its events stay as they are: they
    can be verified and replayed, and are never continued. Any size will do; both sides need the
    disk, not the memory. Importing a file twice adds nothing, and one whose import was cut is
    finished by importing it again.

    Example:
      aegisctl import acme.jsonl --tenant audit --author ann --reason "case 12"

    Exit codes: 0 imported, 1 the export does not hold, 2 could not tell.

    """
    if log.kind(file) != "export":
        raise WrongFile(f"{shown(file)}: expected an export; make one with `aegisctl export`")
    with progress("verifying") as step:
        told = verify_file(file, progress=step)
    if not told.holds:
        for line in sentences(told):
            note(line)
        return BROKEN
    client = Client(server, timeout_s=UPLOAD_S_MAX)
    path = Path(file)
    size = path.stat().st_size
    with path.open("rb") as body, progress("sending", size) as step:
        answer = client.post(
            "/v1/imports",
            cast("BinaryIO", Watched(body, step)),
            size,
            tenant_id=tenant_id,
            author=author,
            reason=reason,
        )
    imported = client.read(answer, Imported)
    line = f"imported {count(imported.events, 'event')} as {shown(imported.archive)}"
    tell({"archive": imported.archive, "events": imported.events}, [line], as_json=as_json)
    return HOLDS
