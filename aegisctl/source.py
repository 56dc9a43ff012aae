"""Which log a verb reads: that of a FILE, or a server's where none is named."""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from aegisd.audit import log
from aegisd.audit.log import Log
from aegisd.audit.proofs import Proofs, StoredProofs
from aegisd.core.errors import NotFound, Unavailable
from aegisd.core.log import checkpoint
from aegisd.core.log.checkpoint import TreeHead
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX

if TYPE_CHECKING:
    from aegisd.remote.client import Client


@contextmanager
def opened(file: str | None, server: str) -> Iterator[Log]:
    """The log of a file, or of a server without one. Raises an `AegisError`, `OSError`."""
    if file is None:
        yield _served(server)[0]
        return
    with log.opened(file) as source:
        yield source


@contextmanager
def opened_with_proofs(database: str | None, server: str) -> Iterator[tuple[Log, Proofs]]:
    """The log of a database, or of a server where there is none, and what shows that it holds."""
    if database is None:
        served, client = _served(server)
        yield served, ServedProofs(client)
        return
    with log.opened_database(database) as reader:
        yield reader, StoredProofs(reader)


def _served(server: str) -> "tuple[Log, Client]":
    """A server's log, and who asks for it; imported here, since a FILE needs no HTTP."""
    from aegisd.remote.client import Client  # noqa: PLC0415
    from aegisd.remote.log import ServerLog  # noqa: PLC0415

    client = Client(server)
    return ServerLog(client), client


class _Note(Struct):
    note: str


class _Inclusion(Struct):
    hashes: list[str]


class ServedProofs:
    """`aegisd.audit.proofs.Proofs` of a server."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def signed(self, tenant_id: str) -> str:
        """See `Proofs.signed`: the server signs now."""
        try:
            if tenant_id.startswith(ARCHIVE_PREFIX):
                # Another log signed it, and the server has what came with it.
                answer = self._client.get("/v1/checkpoints/latest", tenant_id=tenant_id)
            else:
                answer = self._client.ask("/v1/checkpoints", {"tenant_id": tenant_id})
        except NotFound:
            return ""
        return self._client.read(answer, _Note).note

    def end(self, tenant_id: str, note: str) -> int | None:
        """See `Proofs.end`: what was appended since the server signed is left for another day."""
        if not note or tenant_id.startswith(ARCHIVE_PREFIX):
            return None
        return checkpoint.read(note)[0].size

    def path(self, tenant_id: str, position: int, head: TreeHead) -> Sequence[bytes]:
        """See `Proofs.path`. Raises `Unavailable` for what is no path."""
        answer = self._client.get(
            "/v1/proofs/inclusion", tenant_id=tenant_id, position=position, size=head.size
        )
        try:
            hashes = self._client.read(answer, _Inclusion).hashes
            return [base64.b64decode(each, validate=True) for each in hashes]
        except ValueError:
            raise Unavailable(f"{self._client.url} answered a path that is not base64") from None
