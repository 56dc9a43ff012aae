"""Export v1, read line by line; `core.log.export` says what the lines are."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

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
    Kept,
    Line,
    Scope,
    Trailer,
    plain,
)
from aegisd.core.quoting import misshapen

T = TypeVar("T", bound=Kept)

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


# A line with `$kind`, by what that is.
_SHAPES: dict[str, type[Kept]] = {
    **dict.fromkeys(DOCUMENT_KINDS, ExportedDocument),
    "detached": ExportedDetached,
    "checkpoint": ExportedCheckpoint,
    "proof": ExportedProof,
    "trailer": Trailer,
}


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
        return _shaped(_object(raw.removesuffix(b"\n"), 0), ExportedDetached)
    except (msgspec.ValidationError, ValueError) as error:
        raise ExportInvalid(f"not a detached value: {_why(error)}") from None


def _line(raw: bytes, number: int) -> bytes:
    if len(raw) > LINE_BYTES_MAX:
        raise ExportInvalid(f"line {number}: longer than LINE_BYTES_MAX = {LINE_BYTES_MAX} bytes")
    if raw.endswith(b"\r\n"):
        raise ExportInvalid(
            f"line {number}: ends in CR LF: line endings were changed on the way here, and the "
            "bytes are what was signed; get the file again without that (in git: `-text`)"
        )
    if not raw.endswith(b"\n"):
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
    shape = _SHAPES.get(kind) if isinstance(kind, str) else None
    if shape is None:
        raise ExportInvalid(f"line {number}: expected $kind to be one of {', '.join(_SHAPES)}")
    try:
        return _shaped(thing, shape)
    except (msgspec.ValidationError, ValueError) as error:
        raise ExportInvalid(f"line {number}: {_why(error)}") from None


def _header(header: dict[str, object]) -> Scope:
    version = header.pop("aegis_export", None)
    if type(version) is not int or version != VERSION:
        raise ExportInvalid(f"line 1: expected a header with aegis_export = {VERSION}")
    if header.get("session_id", "") is None:
        raise ExportInvalid("line 1: expected the header of a whole tenant to name no session")
    try:
        return msgspec.convert(header, Scope)
    except msgspec.ValidationError as error:
        raise ExportInvalid(f"line 1: {misshapen(error)}") from None


def _shaped(thing: dict[str, object], shape: type[T]) -> T:
    """A line as what it is. Raises `msgspec.ValidationError`, `ValueError`."""
    part = msgspec.convert(thing, shape)
    if plain(part) != thing:
        # The last character of base64 carries spare bits: only one spelling of each is ours.
        raise ValueError("expected padded standard base64 of 32 bytes")
    return part


def _why(error: Exception) -> str:
    return misshapen(error) if isinstance(error, msgspec.ValidationError) else str(error)


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
