"""Whether an export holds: chain, order, trailer, and the evidence that came with it."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from aegisd.core.errors import ExportInvalid, NoteInvalid
from aegisd.core.log import checkpoint, detached
from aegisd.core.log.canonical import encode
from aegisd.core.log.chain import NOWHERE, Break, Chain, missing
from aegisd.core.log.checkpoint import TreeHead
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.log.export import (
    ExportedCheckpoint,
    ExportedDetached,
    ExportedDocument,
    ExportedProof,
    Head,
    Line,
    Scope,
    Trailer,
)
from aegisd.core.log.export_reading import read
from aegisd.core.log.foreign import Decode, decoder
from aegisd.core.log.form import STORED_DEPTH_MAX
from aegisd.core.log.merkle import HASH_BYTES, included
from aegisd.core.log.note import Key, SignatureCheck
from aegisd.core.log.roots import Roots

_decode: Decode[object] = decoder(object)
_decode_checkpoint = decoder(ExportedCheckpoint)


def announced(end: bytes) -> list[int]:
    """Sizes of the checkpoints among the last lines of an export; `end` is where the file ends.

    Told to `ExportCheck` beforehand, so that the root at that size is kept when it goes by. What
    cannot be read announces nothing, and shows when its line is checked.
    """
    sizes = []
    for line in end.rsplit(b"\n", 3)[1:]:
        try:
            told = _decode_checkpoint(line)
            sizes.append(checkpoint.read(told.note)[0].size)
        except (msgspec.MsgspecError, UnicodeError, NoteInvalid):
            continue
    return sizes


class ExportCheck:
    """Checks an export part by part, in the order of its lines.

    Holds a (seq, hash) per session, 32 bytes per event of an export of one session, a digest per
    detached value, and what a tree holds.
    """

    def __init__(
        self,
        keys: Sequence[Key] = (),
        check: SignatureCheck | None = None,
        *,
        sizes: Iterable[int] = (),
    ) -> None:
        """With `keys`, a checkpoint must be signed by one of them, as `check` tells.

        `sizes` are those of the tenant's tree whose roots are wanted: the checkpoint's, as
        `announced` reads it, and those of checkpoints that somebody kept.
        """
        self.scope: Scope | None = None
        self.head: TreeHead | None = None
        self.signers: tuple[Key, ...] = ()
        self.proofs = 0
        self.chain = Chain(whole=True)
        self.roots = Roots(sizes)
        self._keys, self._check_signature = keys, check
        self._hashes = bytearray()
        self._committed: set[bytes] = set()
        self._last_detached = (-1, "")
        self._last_index = -1
        self._line = 0
        # Where the newest event of each session stands, of events that were checked one by one:
        # its line and position.
        self._places: dict[str, tuple[int, int]] = {}
        self._has_gap = False

    @property
    def signed(self) -> bool:
        """Whether one of the keys signed the checkpoint."""
        return bool(self.signers)

    @property
    def whole(self) -> bool:
        """Whether the export is of a whole tenant."""
        return self.scope is not None and self.scope.session_id is None

    @property
    def covered(self) -> int:
        """How many of the events, from the first on, the checkpoint covers."""
        if self.head is None:
            return 0
        return min(self.head.size, self.chain.events) if self.whole else self.proofs

    def check(self, part: Line) -> list[Break]:
        """What is wrong with the next part; empty when it holds."""
        self._line += 1
        match part:
            case StoredEvent():
                return self._check_event(part)
            case Scope():
                self.scope = part
                return []
            case ExportedDocument():
                return list(self._check_document(part))
            case ExportedDetached():
                return list(self._check_detached(part))
            case ExportedCheckpoint():
                return list(self._check_checkpoint(part))
            case ExportedProof():
                return list(self._check_proof(part))
            case _:
                return list(self._check_trailer(part))

    def proven(self, heads: dict[str, tuple[int, bytes]], hashes: Sequence[bytes]) -> None:
        """Take events as checked that hold by themselves: as `audit.verification.segment` tells.

        `heads` are those of all sessions after these events, `hashes` theirs.
        """
        self.chain.go_on(heads, len(hashes))
        self._line += len(hashes)
        self._grow(hashes)

    def _grow(self, hashes: Sequence[bytes]) -> None:
        if self.whole:
            self.roots.extend(hashes)
        else:
            self._hashes += b"".join(hashes)

    def _check_event(self, event: StoredEvent) -> list[Break]:
        position = self.chain.events
        found = self._check_scope(event, position)
        found += (self._placed(each) for each in self.chain.check(event))
        self._places[event.session_id] = (self._line, position)
        if self.whole:
            self.roots.add(event.hash)
        else:
            self._hashes += event.hash
        if not found and detached.BEGINS in event.body:
            self.commit(event.body, position)
        return found

    def _placed(self, found: Break) -> Break:
        """A break of the chain, in words of lines: only the next event tells what a line was."""
        self._has_gap = self._has_gap or found.rule == "seq"
        line, position = self._places.get(found.session_id, (0, NOWHERE))
        if not self.whole:
            found = msgspec.structs.replace(found, position=NOWHERE)
        if found.rule != "prev_hash" or not line:
            return found
        where = f"line {line}, position {position}" if self.whole else f"line {line}"
        detail = f"{found.detail}: that event ({where}) was changed, or this link ({self._here})"
        return msgspec.structs.replace(found, detail=detail)

    @property
    def _here(self) -> str:
        return f"line {self._line}"

    def commit(self, body: bytes, position: int) -> None:
        """Keep what the event on event line `position`, which holds, says of values beside it."""
        told = unseal(body)
        payload = _decode(told.payload)
        subject = detached.subject_of(told.user_id, told.session_id)
        for pointer in detached.pointers(payload):
            committed = detached.at(payload, pointer)
            self._committed.add(_digest(position, pointer, subject, committed))

    def _check_scope(self, event: StoredEvent, position: int) -> list[Break]:
        scope = self.scope
        if (
            scope is not None
            and event.tenant_id == scope.tenant_id
            and scope.session_id in (None, event.session_id)
        ):
            return []
        detail = f"{self._here} is not of the export's scope"
        return [self._break("scope", detail, event.session_id, event.seq, position)]

    def _check_document(self, part: ExportedDocument) -> Iterator[Break]:
        if hashlib.sha256(part.body.encode()).hexdigest() != part.digest:
            yield self._break(
                "document", f"{self._here}: {part.kind} {part.digest} has other bytes"
            )

    def _check_detached(self, part: ExportedDetached) -> Iterator[Break]:
        place = (part.position, part.pointer)
        if place <= self._last_detached:
            detail = "not in the order of position and pointer"
        else:
            self._last_detached = place
            committed = detached.commitment(part.salt, part.value.encode())
            if _digest(*place, part.subject, committed) in self._committed:
                return
            detail = "the event did not commit to this salt and value, or tells another subject"
        found = self._break("detached", f"pointer {part.pointer}: {detail}")
        yield msgspec.structs.replace(found, position=part.position)

    def _check_checkpoint(self, part: ExportedCheckpoint) -> Iterator[Break]:
        try:
            self.head = checkpoint.read(part.note)[0]
        except NoteInvalid as error:
            yield self._break("checkpoint", error.message)
            return
        yield from self._check_head(self.head)
        if self._keys and self._check_signature is not None:
            try:
                _, self.signers = checkpoint.signed(part.note, self._keys, self._check_signature)
            except NoteInvalid as error:
                yield self._break("signature", error.message)

    def _check_head(self, head: TreeHead) -> Iterator[Break]:
        tenant_id = "" if self.scope is None else self.scope.tenant_id
        if head.origin.rpartition("/")[2] != tenant_id:
            detail = f"the checkpoint is of {head.origin}, not of tenant {tenant_id}"
            yield self._break("checkpoint", detail)
        elif self.whole and head.size > self.chain.events:
            told = f"the checkpoint covers {head.size} events, the export holds {self.chain.events}"
            yield self._break("checkpoint", f"{told}: {missing(has_gap=self._has_gap)}")
        elif self.whole:
            yield from self._check_root(head)

    def _check_root(self, head: TreeHead) -> Iterator[Break]:
        """Hold a checkpoint of at most as many events against the tree over the export's events."""
        self.roots.tree()
        root = self.roots.at.get(head.size)
        if root is None:
            detail = f"a checkpoint of {head.size} events does not stand right before the trailer"
            yield self._break("checkpoint", detail)
        elif root != head.root:
            detail = f"the first {head.size} events do not have the root that was signed"
            yield self._break("root", detail)

    def _check_proof(self, part: ExportedProof) -> Iterator[Break]:
        number, head = self.proofs, self.head
        self.proofs += 1
        if head is None or self.whole or number >= self.chain.events:
            yield self._break("proof", "a proof without its event or its checkpoint")
            return
        leaf = bytes(self._hashes[number * HASH_BYTES : (number + 1) * HASH_BYTES])
        last, self._last_index = self._last_index, part.index
        if part.index <= last:
            detail = f"the event of seq {number} is proven at {part.index}, behind one at {last}"
        elif included(part.index, head.size, leaf, part.hashes, head.root):
            return
        else:
            detail = f"the path does not lead from the event of seq {number} to the root"
        session_id = (self.scope.session_id if self.scope else None) or ""
        yield self._break("proof", detail, session_id, number)

    def _check_trailer(self, trailer: Trailer) -> Iterator[Break]:
        if trailer.events != self.chain.events:
            detail = f"the trailer counts {trailer.events} events, found {self.chain.events}"
            yield self._break("head", detail)
        found = {
            name: Head(seq=seq, hash=head.hex()) for name, (seq, head) in self.chain.heads.items()
        }
        for session in sorted(set(found) | set(trailer.heads)):
            if found.get(session) != trailer.heads.get(session):
                yield self._misheaded(session, found.get(session), trailer.heads.get(session))

    def _misheaded(self, session_id: str, found: Head | None, told: Head | None) -> Break:
        """A session that ends elsewhere than the trailer says."""
        line, position = self._places.get(session_id, (0, NOWHERE))
        seq = NOWHERE if found is None else found.seq
        if found is not None and told is not None and found.seq == told.seq:
            detail = f"its last event (line {line}) is not the one that the trailer names"
        elif found is None:
            detail = "the trailer names the session, and none of its events is here"
        elif told is None:
            detail = "the trailer does not name the session"
        else:
            detail = f"its last event here is seq {seq}, by the trailer it is seq {told.seq}"
        place = position if self.whole else NOWHERE
        return self._break("head", detail, session_id, seq, place)

    def _break(
        self,
        rule: str,
        detail: str,
        session_id: str = "",
        seq: int = NOWHERE,
        position: int = NOWHERE,
    ) -> Break:
        tenant_id = "" if self.scope is None else self.scope.tenant_id
        return Break(rule, detail, tenant_id, position, session_id, seq)


def _digest(position: int, pointer: str, subject: str, committed: object) -> bytes:
    """One digest for what an event says of a value, so that each takes as little memory."""
    said = encode([position, pointer, subject, committed], depth_max=STORED_DEPTH_MAX)
    return hashlib.sha256(said).digest()


def holding(check: ExportCheck, lines: Iterable[bytes]) -> Iterator[Line]:
    """The parts of an export that holds. Raises `ExportInvalid`, naming the first break."""
    for part in read(lines):
        for broken in check.check(part):
            raise ExportInvalid(
                f"session {broken.session_id}, seq {broken.seq}, rule {broken.rule}: "
                f"{broken.detail}; a log that does not verify is not imported"
            )
        yield part
