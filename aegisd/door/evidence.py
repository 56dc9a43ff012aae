"""What a door answers about evidence: signed checkpoints, the keys behind them, and proofs."""

import base64
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from aegisd.core.log import checkpoint, proof
from aegisd.core.log.note import Key
from aegisd.engine.signed_log import Consistency, Inclusion
from aegisd.rows import Checkpoint

_FROM_TO = {"first": "from", "first_root": "from_root", "second": "to", "second_root": "to_root"}


class SignedCheckpoint(Struct, frozen=True, kw_only=True):
    """A signed tree head. `root` is hex; `note` is the C2SP text that holds all of it, signed."""

    tenant_id: str
    origin: str
    size: int
    root: str
    note: str


class SigningKeys(Struct, frozen=True, kw_only=True):
    """The verifier keys that sign now, the newest first, under the log's name.

    A convenience: an auditor gets them from the operator by another way than from the daemon.
    """

    log_name: str
    keys: list[str]
    algorithm: Literal["Ed25519"] = "Ed25519"


class InclusionProof(Struct, frozen=True, kw_only=True):
    """That the event at `position` is in the tree of `size` events, RFC 9162 section 2.1.3.

    `hash` is the event's, hex; `hashes` the path in base64, leaf to root; `checkpoint` the signed
    note. `proof` is all of it as a C2SP tlog-proof file, with the event's stored bytes as `extra`.
    """

    tenant_id: str
    position: int
    hash: str
    size: int
    hashes: list[str]
    checkpoint: str
    proof: str


class ConsistencyProof(Struct, frozen=True, kw_only=True, rename=_FROM_TO):
    """That the tree of `to` events continues the one of `from`, RFC 9162 section 2.1.4.

    Roots are hex, `hashes` base64. `checkpoint` is the signed note of `to`, null where that size
    was never signed.
    """

    tenant_id: str
    first: int
    first_root: str
    second: int
    second_root: str
    hashes: list[str]
    checkpoint: str | None


def signed_checkpoint(signed: Checkpoint) -> SignedCheckpoint:
    """A checkpoint that was signed."""
    return SignedCheckpoint(
        tenant_id=signed.tenant_id,
        origin=checkpoint.read(signed.note)[0].origin,
        size=signed.size,
        root=signed.root.hex(),
        note=signed.note,
    )


def signing_keys(log_name: str, keys: Sequence[Key]) -> SigningKeys:
    """The keys that sign a log now."""
    return SigningKeys(log_name=log_name, keys=list(map(str, keys)))


def inclusion_proof(tenant_id: str, found: Inclusion) -> InclusionProof:
    """The proof of an event, also as a file."""
    event, signed = found.event, found.checkpoint
    file = proof.Proof(
        index=event.position, hashes=found.hashes, checkpoint=signed.note, extra=event.body
    )
    return InclusionProof(
        tenant_id=tenant_id,
        position=event.position,
        hash=event.hash.hex(),
        size=signed.size,
        hashes=_spelled(found.hashes),
        checkpoint=signed.note,
        proof=proof.write(file),
    )


def consistency_proof(tenant_id: str, found: Consistency) -> ConsistencyProof:
    """The proof that one tree continues another."""
    return ConsistencyProof(
        tenant_id=tenant_id,
        first=found.first,
        first_root=found.first_root.hex(),
        second=found.second,
        second_root=found.second_root.hex(),
        hashes=_spelled(found.hashes),
        checkpoint=None if found.checkpoint is None else found.checkpoint.note,
    )


def _spelled(hashes: Sequence[bytes]) -> list[str]:
    return [base64.b64encode(each).decode() for each in hashes]
