"""A `.tlog-proof` file: one event, its path, and the checkpoint that its root was signed in."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from aegisctl.integrity import anchors
from aegisctl.integrity.anchors import Anchors, tenant_of
from aegisctl.integrity.report import Report, broken
from aegisd.core.errors import ConfigInvalid, NoteInvalid
from aegisd.core.log import checkpoint, proof
from aegisd.core.log.chain import Break
from aegisd.core.log.envelope import Envelope, unseal
from aegisd.core.log.export import LINE_BYTES_MAX
from aegisd.core.log.form import is_canonical
from aegisd.core.log.note import NOTE_BYTES_MAX
from aegisd.core.log.proof import PROOF_BYTES_MAX, Proof
from aegisd.signing import ed25519


def check_proof(path: str, event: str | None, brought: Anchors) -> Report:
    """Check a proof of the event in the file `event`, or of the one that it holds itself.

    Raises `ConfigInvalid` where there is no event, `OSError`.
    """
    report = Report()
    try:
        read = proof.read(_text(path))
    except NoteInvalid as error:
        report.add(broken("proof", error.message))
        return report
    body = read.extra if event is None else _event(event)
    if not body:
        raise ConfigInvalid("the proof does not hold its event; give the event's bytes by --event")
    for found in _breaks(read, body, brought):
        report.add(found)
    if report.holds:
        head = checkpoint.read(read.checkpoint)[0]
        tenant_id = tenant_of(head)
        report.count(tenant_id, 1, 1, signed=bool(brought.keys), covered=1)
        for kept in brought.of(tenant_id):
            root = head.root if head.size == kept.size else None
            anchors.compare(report, tenant_id, kept, kept.size, root)
        anchors.require_answers(report, brought, [tenant_id])
    return report


def _breaks(read: Proof, body: bytes, brought: Anchors) -> Iterator[Break]:
    try:
        head = checkpoint.read(read.checkpoint)[0]
    except NoteInvalid as error:
        yield broken("checkpoint", error.message, position=read.index)
        return
    if brought.keys:
        try:
            checkpoint.verify(read.checkpoint, brought.keys, ed25519.check)
        except NoteInvalid as error:
            yield broken("signature", error.message, position=read.index)
    if not proof.covers(read, hashlib.sha256(body).digest(), head):
        detail = "the path does not lead from this event to the root of the checkpoint"
        yield broken("proof", detail, position=read.index)
    envelope = _envelope(body)
    if envelope is None:
        yield broken("envelope", "the event's bytes are not an envelope", position=read.index)
    elif envelope.tenant_id != tenant_of(head):
        yield broken(
            "checkpoint",
            f"the checkpoint is of {head.origin}, the event of tenant {envelope.tenant_id}",
            tenant_id=envelope.tenant_id,
            position=read.index,
            session_id=envelope.session_id,
            seq=envelope.seq,
        )


def _envelope(body: bytes) -> Envelope | None:
    try:
        return unseal(body) if is_canonical(body) else None
    except (msgspec.MsgspecError, UnicodeError):
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
