"""A `.tlog-proof` file: one event, its path, and the checkpoint that its root was signed in."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from aegisd.audit.anchors import NONE, Anchors, tenant_of
from aegisd.audit.verification.result import Verification
from aegisd.core.errors import NoteInvalid, WrongFile
from aegisd.core.log import checkpoint, proof
from aegisd.core.log.chain import Break
from aegisd.core.log.envelope import Envelope, StoredEvent, restore, unseal
from aegisd.core.log.export import LINE_BYTES_MAX
from aegisd.core.log.form import is_canonical
from aegisd.core.log.note import NOTE_BYTES_MAX, Key
from aegisd.core.log.proof import PROOF_BYTES_MAX, Proof
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX
from aegisd.signing import ed25519


def verify_proof(path: str, event_file: str | None = None, anchors: Anchors = NONE) -> Verification:
    """Check a proof of the event in the file `event_file`, or of the one that it holds itself.

    Raises `WrongFile` where there is no event, `OSError`.
    """
    told = Verification()
    try:
        read = proof.read(_text(path))
    except NoteInvalid as error:
        told.add(Break("proof", error.message))
        return told
    body = read.extra if event_file is None else _event(event_file)
    if not body:
        raise WrongFile("the proof does not hold its event; give the event's bytes by --event")
    for found in _breaks(read, body, anchors):
        told.add(found)
    if told.holds:
        head = checkpoint.read(read.checkpoint)[0]
        tenant_id = tenant_of(head)
        signers: Sequence[Key] = ()
        if anchors.keys:
            _, signers = checkpoint.signed(read.checkpoint, anchors.keys, ed25519.check)
        told.count(tenant_id, 1, 1, signed=bool(signers), covered=1, signers=signers)
        for kept in anchors.of(tenant_id):
            root = head.root if head.size == kept.size else None
            told.hold(tenant_id, kept, kept.size, root)
        told.require_answers(anchors, [tenant_id])
        event = msgspec.json.decode(body)
        if "prev_hash" in event:
            event["prev_hash"] = base64.b64decode(event["prev_hash"]).hex()
        told.proved = {**event, "position": read.index, "hash": hashlib.sha256(body).hexdigest()}
    return told


def _breaks(read: Proof, body: bytes, anchors: Anchors) -> Iterator[Break]:
    try:
        head = checkpoint.read(read.checkpoint)[0]
    except NoteInvalid as error:
        yield Break("checkpoint", error.message, position=read.index)
        return
    if anchors.keys:
        try:
            checkpoint.verify(read.checkpoint, anchors.keys, ed25519.check)
        except NoteInvalid as error:
            yield Break("signature", error.message, position=read.index)
    if not proof.covers(read, hashlib.sha256(body).digest(), head):
        detail = "the path does not lead from this event to the root of the checkpoint"
        yield Break("proof", detail, position=read.index)
    event = _event_of(body, read.index)
    if event is None:
        yield Break("envelope", "the event's bytes are not an envelope", position=read.index)
    elif event.tenant_id != tenant_of(head):
        detail = f"the checkpoint is of {head.origin}, the event of tenant {event.tenant_id}"
        yield Break.of(event, "checkpoint", detail)


def _event_of(body: bytes, position: int) -> StoredEvent | None:
    try:
        return restore(body, position) if is_canonical(body) else None
    except (msgspec.MsgspecError, ValueError):
        return None


def _text(path: str) -> str:
    with Path(path).open("rb") as file:
        read = file.read(PROOF_BYTES_MAX + NOTE_BYTES_MAX + 1)
    try:
        return read.decode()
    except UnicodeDecodeError:
        raise NoteInvalid("expected UTF-8 text") from None


def _event(path: str) -> bytes:
    """Stored bytes, as an export has them on a line, with or without its end."""
    with Path(path).open("rb") as file:
        return file.read(LINE_BYTES_MAX).removesuffix(b"\n")


def require_event(text: str, position: int, digest: str, keys: Sequence[Key]) -> Envelope:
    """The event that a server's proof holds, once the proof was held to itself.

    `digest` is the event's hash as the server told it, in hex. Raises `NoteInvalid` for a proof
    that does not hold, that no given key signed, or that is of another position.
    """
    read = proof.read(text)
    leaf = hashlib.sha256(read.extra).digest()
    if read.index != position:
        raise NoteInvalid(f"the server proved position {read.index}")
    if digest != leaf.hex():
        raise NoteInvalid("the event in the proof has another hash than the server told")
    if keys:
        head = proof.verify(read, leaf, keys, ed25519.check)
    else:
        head = checkpoint.read(read.checkpoint)[0]
        if not proof.covers(read, leaf, head):
            raise NoteInvalid("the path does not lead to the checkpoint's root")
    try:
        event = unseal(read.extra)
    except (msgspec.MsgspecError, UnicodeError):
        raise NoteInvalid("the event in the proof is no envelope") from None
    if event.tenant_id != tenant_of(head):
        raise NoteInvalid(f"the checkpoint is of {head.origin}, the event of {event.tenant_id}")
    return event


def require_asked(event: Envelope, tenant_id: str, session_id: str | None, seq: int | None) -> None:
    """Hold a proved event to the one that was asked for. Raises `NoteInvalid`."""
    # An archive holds another tenant's events under a name of its own.
    is_tenant = tenant_id.startswith(ARCHIVE_PREFIX) or event.tenant_id == tenant_id
    is_event = session_id is None or (event.session_id, event.seq) == (session_id, seq)
    if not is_tenant or not is_event:
        raise NoteInvalid(
            f"the server proved seq {event.seq} of session {event.session_id} of tenant "
            f"{event.tenant_id}, and was asked for another event"
        )
