"""An export, changed as by somebody who holds the file: bytes, lines, and what must fit again."""

import base64
import hashlib
from collections.abc import Callable

import msgspec
from msgspec import UNSET, Struct

from aegisd.conformance import tree
from aegisd.conformance.step import At, EventReplacement, Nothing, Replacement, Tampering
from aegisd.core.errors import AegisError, ExportInvalid
from aegisd.core.log import checkpoint
from aegisd.core.log.canonical import encode, parse
from aegisd.core.log.checkpoint import TreeHead
from aegisd.core.log.export import KIND_BEGINS
from aegisd.core.log.form import STORED_DEPTH_MAX
from aegisd.signing import ed25519
from aegisd.signing.keyring import Keyring, SigningKey

_NOTE = b'{"$kind":"checkpoint"'


class _Told(Struct):
    """What is read of an event line."""

    session_id: str
    seq: int


class _Lines:
    """The lines of an export, without their newlines."""

    def __init__(self, data: bytes, session_id: str) -> None:
        self.lines = data.removesuffix(b"\n").split(b"\n")
        self._session_id = session_id

    def at(self, seq: int) -> int:
        """The index of an event of the session. Raises `ExportInvalid` where it is not there."""
        found = [number for number, told in self.told() if told.seq == seq]
        if not found:
            raise ExportInvalid(f"the export has no event {seq} of session {self._session_id}")
        return found[0]

    def told(self) -> list[tuple[int, _Told]]:
        """Index, session and seq of the session's events in order."""
        own: list[tuple[int, _Told]] = []
        for number, line in enumerate(self.lines[1:-1], 1):
            if line.startswith(KIND_BEGINS):
                continue
            try:
                told = msgspec.json.decode(line, type=_Told)
            except (msgspec.MsgspecError, UnicodeError):
                continue
            if told.session_id == self._session_id:
                own.append((number, told))
        return own

    def replace(self, number: int, change: Replacement) -> None:
        """Change one line. Raises `ExportInvalid` where the text is not there exactly once."""
        old, line = change.old.encode(), self.lines[number]
        found = line.count(old)
        if found != 1:
            raise ExportInvalid(f"expected {change.old!r} once in the line, found it {found} times")
        self.lines[number] = line.replace(old, change.new.encode())

    def relink(self, start: int) -> None:
        """Make every link of the session after a line fit, and its head in the trailer."""
        last = start
        for number, _ in [each for each in self.told() if each[0] > start]:
            link = base64.b64encode(hashlib.sha256(self.lines[last]).digest()).decode()
            self.lines[number] = _with(self.lines[number], prev_hash=link)
            last = number
        trailer = _object(self.lines[-1])
        heads = trailer.get("heads")
        head = heads.get(self._session_id) if isinstance(heads, dict) else None
        if isinstance(head, dict):
            head["hash"] = hashlib.sha256(self.lines[last]).hexdigest()
        self.lines[-1] = encode(trailer)

    def note(self) -> int:
        """The index of the checkpoint. Raises `ExportInvalid` where there is none."""
        for number, line in enumerate(self.lines):
            if line.startswith(_NOTE):
                return number
        raise ExportInvalid("the export carries no checkpoint; a step before must ask for one")

    def hashes(self) -> list[bytes]:
        """The hashes of all events in order."""
        events = (line for line in self.lines[1:-1] if not line.startswith(KIND_BEGINS))
        return [hashlib.sha256(line).digest() for line in events]

    def shorten(self, seq: int) -> None:
        """Make the trailer say that the session ends before `seq`."""
        trailer = _object(self.lines[-1])
        heads = trailer.get("heads")
        own = [number for number, told in self.told() if told.seq < seq]
        if isinstance(heads, dict):
            heads.pop(self._session_id, None)
            if own:
                digest = hashlib.sha256(self.lines[own[-1]]).hexdigest()
                heads[self._session_id] = {"hash": digest, "seq": seq - 1}
        trailer["events"] = len(self.hashes())
        self.lines[-1] = encode(trailer)

    def seal(self) -> None:
        """Make the trailer's SHA-256 fit."""
        before = b"".join(line + b"\n" for line in self.lines[:-1])
        self.lines[-1] = _with(self.lines[-1], sha256=hashlib.sha256(before).hexdigest())

    def data(self) -> bytes:
        """The export."""
        return b"".join(line + b"\n" for line in self.lines)


def tamper(data: bytes, change: Tampering, session_id: str) -> bytes:
    """A changed export. Raises `ExportInvalid` where there is nothing to change as told."""
    export = _Lines(data, session_id)
    if change.trailer is not UNSET:
        export.replace(len(export.lines) - 1, change.trailer)
        return export.data()
    for name, act in _ACTS.items():
        told = getattr(change, name)
        if told is not UNSET:
            act(export, told)
    export.seal()
    return export.data()


def _rechain(export: _Lines, told: EventReplacement) -> None:
    number = export.at(told.seq)
    export.replace(number, told)
    export.relink(number)


def _truncate(export: _Lines, told: At) -> None:
    first = export.at(told.seq)
    cut = {number for number, _ in export.told() if number >= first}
    export.lines = [line for number, line in enumerate(export.lines) if number not in cut]


def _swap(export: _Lines, told: At) -> None:
    one, other = export.at(told.seq), export.at(told.seq + 1)
    lines = export.lines
    lines[one], lines[other] = lines[other], lines[one]


def _repeat(export: _Lines, told: At) -> None:
    number = export.at(told.seq)
    export.lines.insert(number, export.lines[number])


def _cut(export: _Lines, told: At) -> None:
    _truncate(export, told)
    export.shorten(told.seq)


def _unsigned(export: _Lines, _told: Nothing) -> None:
    del export.lines[export.note()]


def _resign(export: _Lines, _told: Nothing) -> None:
    number = export.note()
    said = _object(export.lines[number]).get("note")
    hashes = export.hashes()
    named = checkpoint.read(str(said))[0].origin
    head = TreeHead(origin=named, size=len(hashes), root=tree.root(hashes))
    own = Keyring(named, [SigningKey(seed=ed25519.new_seed())])
    export.lines[number] = _with(export.lines[number], note=own.sign(named, head.text, 0))


_ACTS: dict[str, Callable[..., None]] = {
    "edit": lambda export, told: export.replace(export.at(told.seq), told),
    "rechain": _rechain,
    "delete": lambda export, told: export.lines.pop(export.at(told.seq)),
    "truncate": _truncate,
    "swap": _swap,
    "repeat": _repeat,
    "header": lambda export, told: export.replace(0, told),
    "cut": _cut,
    "note": lambda export, told: export.replace(export.note(), told),
    "unsigned": _unsigned,
    "resign": _resign,
}


def _with(line: bytes, **members: object) -> bytes:
    return encode({**_object(line), **members}, depth_max=STORED_DEPTH_MAX)


def _object(line: bytes) -> dict[str, object]:
    try:
        value = parse(line, depth_max=STORED_DEPTH_MAX)
    except AegisError as error:
        raise ExportInvalid(f"a line that must fit again is no JSON: {error.message}") from None
    if not isinstance(value, dict):
        raise ExportInvalid("a line that must fit again is no JSON object")
    return value
