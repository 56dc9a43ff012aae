"""Somebody who keeps the key and the checkpoints of a log, and holds the gate to them.

What a gate says of its tree is compared with a tree made here from the events that it shows; what
it signed must be signed by the key that it named first.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TypeVar

import msgspec
from msgspec import Struct

from aegisd.audit.anchors import Anchors
from aegisd.conformance import comparison, tree
from aegisd.conformance.comparison import Mismatch, told
from aegisd.conformance.target import Reply, Target
from aegisd.core.errors import NoteInvalid
from aegisd.core.log import checkpoint, proof
from aegisd.core.log.checkpoint import TreeHead
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.note import Key, read_key
from aegisd.signing import ed25519


class _Keys(Struct):
    log_name: str
    keys: list[str]


class _Signed(Struct):
    origin: str
    size: int
    root: str
    note: str


class _Inclusion(Struct):
    position: int
    hash: str
    size: int
    hashes: list[str]
    checkpoint: str
    proof: str


class _Consistency(Struct):
    hashes: list[str]
    checkpoint: str | None
    to: int
    to_root: str
    from_root: str


T = TypeVar("T")


class Auditor:
    """Of one tenant, for one case."""

    def __init__(self, target: Target, tenant_id: str) -> None:
        self._target, self._tenant = target, tenant_id
        self._keys: tuple[Key, ...] = ()
        self._origin = ""
        self._kept: list[tuple[str, TreeHead]] = []

    @property
    def newest(self) -> str:
        """The note that was kept last; empty before the first."""
        return self._kept[-1][0] if self._kept else ""

    @property
    def first(self) -> str:
        """The note that was kept first; empty before it."""
        return self._kept[0][0] if self._kept else ""

    def anchors(self, *, kept: bool) -> Anchors:
        """What to hold an export against: the key, and with `kept` the checkpoints too.

        Raises `NoteInvalid` where the gate names no key.
        """
        heads = tuple(head for _, head in self._kept) if kept else ()
        return Anchors(keys=self._known_keys(), kept=heads)

    def keep(self, reply: Reply) -> Iterator[Mismatch]:
        """Where a fresh checkpoint is not one over exactly the events of the log; keep it."""
        answer = _converted(reply, _Signed)
        head = self.verified(answer.note)
        leaves = self._leaves()
        said = _told(head)
        yield from comparison.differing(self._tree(leaves), said)
        yield from comparison.differing(said, msgspec.to_builtins(answer), "answered ")
        self._kept.append((answer.note, head))

    def proved(self, reply: Reply, event: StoredEvent) -> Iterator[Mismatch]:
        """Where a proof is not that of this event, in a checkpoint that the key signed."""
        answer = _converted(reply, _Inclusion)
        head = self.verified(answer.checkpoint)
        leaves = self._leaves()
        yield from self._same_log(head, leaves)
        leaves = leaves[: head.size]
        if event.position >= len(leaves):
            size = f"more than {event.position}"
            yield Mismatch(field="size", expected=size, found=told(head.size))
            return
        expected = {
            "position": event.position,
            "hash": hashlib.sha256(event.body).hexdigest(),
            "size": head.size,
            "hashes": _spelled(tree.inclusion(event.position, leaves)),
        }
        yield from comparison.differing(expected, msgspec.to_builtins(answer))
        file = proof.read(answer.proof)
        if (file.extra, file.index) != (event.body, event.position):
            yield Mismatch(field="proof", expected="a file of this event", found="of another")

    def shows(self, reply: Reply, event: StoredEvent) -> bool:
        """Whether the proof file of an answer shows an event to somebody who has the key."""
        file = proof.read(_converted(reply, _Inclusion).proof)
        leaf = hashlib.sha256(event.body).digest()
        try:
            proof.verify(file, leaf, self._known_keys(), ed25519.check)
        except NoteInvalid:
            return False
        return True

    def continued(self, reply: Reply, before: TreeHead) -> Iterator[Mismatch]:
        """Where the newest checkpoint does not continue an earlier one, and each kept one."""
        answer = _converted(reply, _Consistency)
        leaves = self._leaves()
        yield from self._same_log(before, leaves)
        least = max([before.size, *(head.size for _, head in self._kept)])
        if not least <= answer.to <= len(leaves):
            size = f"{least} to {len(leaves)} events, as were signed and are there"
            yield Mismatch(field="to", expected=size, found=told(answer.to))
            return
        newest = leaves[: answer.to]
        expected = {
            "from_root": before.root.hex(),
            "to_root": tree.root(newest).hex(),
            "hashes": _spelled(tree.consistency(before.size, newest)),
        }
        yield from comparison.differing(expected, msgspec.to_builtins(answer))
        if answer.checkpoint is None:
            yield Mismatch(field="checkpoint", expected="a signed note", found="null")
            return
        head = self.verified(answer.checkpoint)
        yield from comparison.differing({"size": answer.to}, {"size": head.size}, "checkpoint.")
        yield from self._same_log(head, leaves)

    def _same_log(self, head: TreeHead, leaves: Sequence[bytes]) -> Iterator[Mismatch]:
        """Where a checkpoint is of other events than those that the log has."""
        found = self._tree(leaves[: head.size])
        yield from comparison.differing(_told(head), found, "the log's ")

    def _tree(self, leaves: Sequence[bytes]) -> dict[str, object]:
        return {"size": len(leaves), "root": tree.root(leaves).hex(), "origin": self._origin}

    def verified(self, note: str) -> TreeHead:
        """What a checkpoint says. Raises `NoteInvalid` for one that the log's key did not sign."""
        return checkpoint.verify(note, self._known_keys(), ed25519.check)

    def _known_keys(self) -> tuple[Key, ...]:
        """The keys that the gate named when it was asked first."""
        if not self._keys:
            answer = _converted(self._target.keys(), _Keys)
            self._keys = tuple(map(read_key, answer.keys))
            self._origin = checkpoint.origin(answer.log_name, self._tenant)
        return self._keys

    def _leaves(self) -> list[bytes]:
        with closing(self._target.log()) as log:
            return [hashlib.sha256(event.body).digest() for event in log.events(self._tenant)]


def _told(head: TreeHead) -> dict[str, object]:
    return {"size": head.size, "root": head.root.hex(), "origin": head.origin}


def _converted(reply: Reply, shape: type[T]) -> T:
    if reply.refusal is not None:
        raise NoteInvalid(f"the gate refused {reply.refusal.code}: {reply.refusal.message}")
    try:
        return msgspec.convert(reply.value, shape)
    except msgspec.ValidationError as error:
        raise NoteInvalid(f"the gate's answer is none of ours: {error}") from None


def _spelled(hashes: Sequence[bytes]) -> list[str]:
    return [base64.b64encode(each).decode() for each in hashes]
