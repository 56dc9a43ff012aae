"""Evidence by hand: checkpoints and exports as whoever holds the database and a key can make them.

An attacker does not use our exporter, which refuses a log that does not hold.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from aegisd.core.log import checkpoint
from aegisd.core.log.canonical import encode
from aegisd.core.log.checkpoint import TreeHead
from aegisd.core.log.export import ExportWriter, Scope
from aegisd.core.log.merkle import Tree
from aegisd.signing.keyring import Keyring


def tree_of(bodies: Iterable[bytes]) -> Tree:
    """The Merkle tree over events, given as stored bytes in position order."""
    tree = Tree()
    tree.extend([hashlib.sha256(body).digest() for body in bodies])
    return tree


def signed(keys: Keyring, tenant_id: str, bodies: Sequence[bytes]) -> str:
    """The checkpoint of a tenant's log, as signed note, by whoever has the keys."""
    named = checkpoint.origin(keys.log_name, tenant_id)
    head = TreeHead(origin=named, size=len(bodies), root=tree_of(bodies).root())
    return keys.sign(named, head.text, now_ms=0)


def export(
    tenant_id: str,
    bodies: Sequence[bytes],
    documents: Iterable[tuple[str, bytes]] = (),
    *,
    session_id: str | None = None,
    evidence: Iterable[Mapping[str, object]] = (),
) -> bytes:
    """An export whose trailer agrees with its lines, whatever these say.

    `bodies` are stored bytes in position order, `documents` pairs of kind and bytes, `evidence` the
    lines that stand between the events and the trailer.
    """
    writer = ExportWriter()
    told = [(msgspec.json.decode(body, type=_Place), hashlib.sha256(body)) for body in bodies]
    ends = {at.session_id: (at.seq, seen.digest()) for at, seen in told}
    parts = [*bodies, *(encode(dict(line)) for line in evidence)]
    lines = [*writer.begin(Scope(tenant_id=tenant_id, session_id=session_id), documents)]
    lines += [writer.lines(part + b"\n") for part in parts]
    return b"".join((*lines, writer.end(ends, len(bodies))))


def checkpoint_line(signed_note: str) -> dict[str, object]:
    """The line of an export that holds a checkpoint."""
    return {"$kind": "checkpoint", "note": signed_note}


def proof_lines(
    all_bodies: Sequence[bytes], positions: Iterable[int], size: int
) -> list[dict[str, object]]:
    """The lines that prove events at positions to be in the tree of the first `size` of all."""
    leaves = [hashlib.sha256(body).digest() for body in all_bodies]
    tree = tree_of(all_bodies)
    return [
        {
            "$kind": "proof",
            "hashes": [
                base64.b64encode(each).decode()
                for each in tree.inclusion(
                    position, size, lambda first, count: leaves[first : first + count]
                )
            ],
            "index": position,
        }
        for position in positions
    ]


class _Place(Struct):
    session_id: str
    seq: int
