"""Export v1, read line by line; `core.log.export` says what the lines are."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator

import msgspec
from msgspec import Struct

from aegisd.core.errors import ExportInvalid, InvalidJson
from aegisd.core.log.canonical import encode, parse
from aegisd.core.log.envelope import StoredEvent, restore
from aegisd.core.log.export import (
    DOCUMENT_KINDS,
    KIND_BEGINS,
    LINE_BYTES_MAX,
    VERSION,
    ExportedCheckpoint,
    ExportedDetached,
    ExportedDocument,
    ExportedProof,
    Line,
    Scope,
    Trailer,
)
from aegisd.core.log.merkle import HASH_BYTES, PROOF_HASHES_MAX

# The order of the lines; only the first, the checkpoint and the trailer stand once.
_ORDER: tuple[type[Line], ...] = (
    Scope,
    ExportedDocument,
    StoredEvent,
    ExportedDetached,
    ExportedCheckpoint,
    ExportedProof,
    Trailer,
)


class _DocumentLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: str = msgspec.field(name="$kind")
    body: str
    digest: str


class _DetachedLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: str = msgspec.field(name="$kind")
    pointer: str
    position: int
    salt: str
    subject: str
    value: str


class _CheckpointLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: str = msgspec.field(name="$kind")
    note: str


class _ProofLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: str = msgspec.field(name="$kind")
    hashes: tuple[str, ...]
    index: int


class _HeadLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    hash: str
    seq: int


class _TrailerLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: str = msgspec.field(name="$kind")
    events: int
    heads: dict[str, _HeadLine]
    sha256: str


class Reader:
    """Reads the parts of an export line by line; see `read`, which is how most read one.

    Whoever has checked event lines by another way tells it with `skip`.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._position = 0
        self._number = 0
        self._stage = 0

    @property
    def ended(self) -> bool:
        """Whether the trailer was read."""
        return self._stage == len(_ORDER)

    def skip(self, lines: bytes, events: int) -> None:
        """Take lines as read that are known to be so many events."""
        self._digest.update(lines)
        self._position += events
        self._number += events
        self._stage = _ORDER.index(StoredEvent)

    def take(self, raw: bytes) -> Line:
        """The part that the next line is. Raises `ExportInvalid`, naming the line."""
        self._number += 1
        number = self._number
        if self.ended:
            raise ExportInvalid(f"line {number}: nothing may follow the trailer")
        part = _part(_line(raw, number), number, self._position)
        self._advance(part)
        if isinstance(part, Trailer) and part.sha256 != self._digest.hexdigest():
            raise ExportInvalid(
                f"line {number}: the trailer's SHA-256 is not that of the lines before it"
            )
        self._digest.update(raw)
        self._position += isinstance(part, StoredEvent)
        return part

    def end(self) -> None:
        """Say that no line is left. Raises `ExportInvalid` where the trailer is missing."""
        if not self.ended:
            raise ExportInvalid(f"the export ends after line {self._number} without a trailer")

    def _advance(self, part: Line) -> None:
        stage = _ORDER.index(type(part))
        if stage < self._stage:
            raise ExportInvalid(f"line {self._number}: not in the order in which lines stand")
        once = isinstance(part, Scope | ExportedCheckpoint | Trailer)
        self._stage = stage + 1 if once else stage


def read(lines: Iterable[bytes]) -> Iterator[Line]:
    """The parts of an export in order, events restored with positions counted from 0.

    Raises `ExportInvalid`, naming the line, for what is not an export of a version known here, for
    a digest that does not hold, for lines out of order and for a file without its end.
    """
    reader = Reader()
    for raw in lines:
        yield reader.take(raw)
    reader.end()


def read_detached(raw: bytes) -> ExportedDetached:
    """A line of a detached value that was read before. Raises `ExportInvalid` for another one."""
    try:
        return _detached(_object(raw.removesuffix(b"\n"), 0))
    except (msgspec.ValidationError, ValueError) as error:
        raise ExportInvalid(f"not a detached value: {error}") from None


def _line(raw: bytes, number: int) -> bytes:
    if len(raw) > LINE_BYTES_MAX:
        raise ExportInvalid(f"line {number}: longer than LINE_BYTES_MAX = {LINE_BYTES_MAX} bytes")
    if not raw.endswith(b"\n") or raw.endswith(b"\r\n"):
        raise ExportInvalid(f"line {number}: expected a line that ends in one newline")
    return raw[:-1]


def _part(line: bytes, number: int, position: int) -> Line:
    if number == 1:
        return _header(_object(line, number))
    if not line.startswith(KIND_BEGINS):
        try:
            return restore(line, position)
        except (msgspec.MsgspecError, ValueError):
            raise ExportInvalid(f"line {number}: not an event") from None
    thing = _object(line, number)
    kind = thing["$kind"]
    reading = _READING.get(kind) if isinstance(kind, str) else None
    if reading is None:
        raise ExportInvalid(f"line {number}: expected $kind to be one of {', '.join(_READING)}")
    try:
        return reading(thing)
    except (msgspec.ValidationError, ValueError) as error:
        raise ExportInvalid(f"line {number}: {error}") from None


def _header(header: dict[str, object]) -> Scope:
    version = header.pop("aegis_export", None)
    if type(version) is not int or version != VERSION:
        raise ExportInvalid(f"line 1: expected a header with aegis_export = {VERSION}")
    try:
        return msgspec.convert(header, Scope)
    except msgspec.ValidationError as error:
        raise ExportInvalid(f"line 1: {error}") from None


def _document(thing: dict[str, object]) -> ExportedDocument:
    line = msgspec.convert(thing, _DocumentLine)
    return ExportedDocument(kind=line.kind, digest=line.digest, body=line.body.encode())


def _detached(thing: dict[str, object]) -> ExportedDetached:
    line = msgspec.convert(thing, _DetachedLine)
    return ExportedDetached(
        position=line.position,
        pointer=line.pointer,
        subject=line.subject,
        salt=_bytes(line.salt),
        value=line.value.encode(),
    )


def _checkpoint(thing: dict[str, object]) -> ExportedCheckpoint:
    return ExportedCheckpoint(note=msgspec.convert(thing, _CheckpointLine).note)


def _proof(thing: dict[str, object]) -> ExportedProof:
    line = msgspec.convert(thing, _ProofLine)
    if len(line.hashes) > PROOF_HASHES_MAX:
        raise ValueError(f"a proof of more than PROOF_HASHES_MAX = {PROOF_HASHES_MAX} hashes")
    return ExportedProof(index=line.index, hashes=tuple(map(_bytes, line.hashes)))


def _trailer(thing: dict[str, object]) -> Trailer:
    line = msgspec.convert(thing, _TrailerLine)
    heads = {session: (head.seq, head.hash) for session, head in line.heads.items()}
    return Trailer(events=line.events, heads=heads, sha256=line.sha256)


_READING: dict[str, Callable[[dict[str, object]], Line]] = {
    **dict.fromkeys(DOCUMENT_KINDS, _document),
    "detached": _detached,
    "checkpoint": _checkpoint,
    "proof": _proof,
    "trailer": _trailer,
}


def _bytes(text: str) -> bytes:
    """Padded standard base64 of 32 bytes: a salt or a hash. Raises `ValueError`."""
    raw = base64.b64decode(text, validate=True)
    # The last character carries spare bits: only one spelling of each is ours.
    if len(raw) != HASH_BYTES or base64.b64encode(raw).decode() != text:
        raise ValueError("expected padded standard base64 of 32 bytes")
    return raw


def _object(line: bytes, number: int) -> dict[str, object]:
    try:
        value = parse(line)
    except InvalidJson as error:
        raise ExportInvalid(f"line {number}: {error.message}") from None
    if not isinstance(value, dict):
        raise ExportInvalid(f"line {number}: expected a JSON object")
    if encode(value) != line:
        raise ExportInvalid(f"line {number}: not in RFC 8785 form")
    return value
