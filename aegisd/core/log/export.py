"""Export v1: a log as lines of text that anybody can check with a SHA-256 and patience.

Line 1 is a canonical header. Each event line is exactly the stored bytes, so its hash is the hash
of the line. Lines with `$kind` carry what events name by digest. The last line is a canonical
trailer: heads, counts, and the SHA-256 of everything before it. Two exports of one log are
byte-equal, and a later version adds kinds without changing lines.
"""

import hashlib
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from aegisd.core.errors import ExportInvalid, InvalidJson
from aegisd.core.log.canonical import encode, parse
from aegisd.core.log.chain import Break, Chain
from aegisd.core.log.envelope import StoredEvent, restore

VERSION = 1

# What this version writes and reads beside events and the trailer.
DOCUMENT_KINDS = ("bundle", "manifest")

# Longer than any event (a payload of 1 MiB, escaped) or document line may be.
LINE_BYTES_MAX = 16_777_216


class Scope(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an export holds: a whole tenant, or one of its sessions."""

    tenant_id: str
    session_id: str | None = None


class ExportedDocument(Struct, frozen=True, kw_only=True):
    """A manifest or bundle: `kind`, hex digest, and the canonical bytes as text."""

    kind: str
    digest: str
    body: bytes


class Trailer(Struct, frozen=True, kw_only=True):
    """The end of an export: counts, each session's head, and the digest of all lines before."""

    events: int
    heads: dict[str, tuple[int, str]]
    sha256: str


class _DocumentLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: str = msgspec.field(name="$kind")
    body: str
    digest: str


class _HeadLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    hash: str
    seq: int


class _TrailerLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: str = msgspec.field(name="$kind")
    events: int
    heads: dict[str, _HeadLine]
    sha256: str


Line = Scope | ExportedDocument | StoredEvent | Trailer


def write(
    scope: Scope, documents: Iterable[tuple[str, bytes]], events: Iterable[StoredEvent]
) -> Iterator[bytes]:
    """The lines of an export, each with its newline. `documents` are (kind, canonical bytes)."""
    digest = hashlib.sha256()
    heads: dict[str, tuple[int, str]] = {}
    count = 0

    def emit(line: bytes) -> bytes:
        digest.update(line + b"\n")
        return line + b"\n"

    header: dict[str, object] = {"aegis_export": VERSION, "tenant_id": scope.tenant_id}
    if scope.session_id is not None:
        header["session_id"] = scope.session_id
    yield emit(encode(header))
    for kind, body in sorted(set(documents)):
        text = {"$kind": kind, "body": body.decode(), "digest": hashlib.sha256(body).hexdigest()}
        yield emit(encode(text))
    for event in events:
        heads[event.session_id] = (event.seq, event.hash.hex())
        count += 1
        yield emit(event.body)
    trailer = {
        "$kind": "trailer",
        "events": count,
        "heads": {session: {"seq": s, "hash": h} for session, (s, h) in sorted(heads.items())},
        "sha256": digest.hexdigest(),
    }
    yield encode(trailer) + b"\n"


def read(lines: Iterable[bytes]) -> Iterator[Line]:
    """The parts of an export in order, events restored with positions counted from 0.

    Raises `ExportInvalid`, naming the line, for what is not an export of a version known here, for
    a digest that does not hold and for a file without its end.
    """
    digest = hashlib.sha256()
    position = 0
    ended = False
    number = 0
    for number, raw in enumerate(lines, 1):
        if ended:
            raise ExportInvalid(f"line {number}: nothing may follow the trailer")
        line = _line(raw, number)
        part = _part(line, number, position)
        if isinstance(part, Trailer):
            ended = True
            if part.sha256 != digest.hexdigest():
                raise ExportInvalid(
                    f"line {number}: the trailer's SHA-256 is not that of the lines before it"
                )
        digest.update(raw)
        position += isinstance(part, StoredEvent)
        yield part
    if not ended:
        raise ExportInvalid(f"the export ends after line {number} without a trailer")


class ExportCheck:
    """Checks an export part by part: chain, order and trailer."""

    def __init__(self) -> None:
        self.scope: Scope | None = None
        self._chain: Chain = Chain(whole=True)

    @property
    def events(self) -> int:
        """Events checked so far."""
        return self._chain.events

    @property
    def sessions(self) -> int:
        """Sessions seen so far."""
        return len(self._chain.heads)

    def check(self, part: Line) -> list[Break]:
        """What is wrong with the next part; empty when it holds."""
        if isinstance(part, Scope):
            self.scope = part
            return []
        if isinstance(part, StoredEvent):
            return self._check_scope(part) + self._chain.check(part)
        if isinstance(part, Trailer):
            return self._check_trailer(part)
        if hashlib.sha256(part.body).hexdigest() != part.digest:
            return [self._break("", -1, "document", f"{part.kind} {part.digest} has other bytes")]
        return []

    def _check_scope(self, event: StoredEvent) -> list[Break]:
        scope = self.scope
        foreign = scope is None or event.tenant_id != scope.tenant_id
        if scope is not None and scope.session_id not in (None, event.session_id):
            foreign = True
        if not foreign:
            return []
        return [self._break(event.session_id, event.seq, "scope", "not of the export's scope")]

    def _check_trailer(self, trailer: Trailer) -> list[Break]:
        breaks = []
        if trailer.events != self._chain.events:
            detail = f"the trailer counts {trailer.events} events, found {self._chain.events}"
            breaks.append(self._break("", -1, "head", detail))
        found = {name: (seq, head.hex()) for name, (seq, head) in self._chain.heads.items()}
        for session in sorted(set(found) | set(trailer.heads)):
            if found.get(session) != trailer.heads.get(session):
                seq = trailer.heads.get(session, (-1, ""))[0]
                detail = "the session does not end where the trailer says"
                breaks.append(self._break(session, seq, "head", detail))
        return breaks

    def _break(self, session_id: str, seq: int, rule: str, detail: str) -> Break:
        return Break(
            tenant_id=self.scope.tenant_id if self.scope else "",
            position=self._chain.events,
            session_id=session_id,
            seq=seq,
            rule=rule,
            detail=detail,
        )


def _line(raw: bytes, number: int) -> bytes:
    if len(raw) > LINE_BYTES_MAX:
        raise ExportInvalid(f"line {number}: longer than LINE_BYTES_MAX = {LINE_BYTES_MAX} bytes")
    if not raw.endswith(b"\n") or raw.endswith(b"\r\n"):
        raise ExportInvalid(f"line {number}: expected a line that ends in one newline")
    return raw[:-1]


def _part(line: bytes, number: int, position: int) -> Line:
    if number == 1:
        return _header(_object(line, number))
    if not line.startswith(b'{"$kind":'):
        try:
            return restore(line, position)
        except (msgspec.MsgspecError, ValueError):
            raise ExportInvalid(f"line {number}: not an event") from None
    thing = _object(line, number)
    try:
        if thing["$kind"] == "trailer":
            return _trailer(thing)
        document = msgspec.convert(thing, _DocumentLine)
    except msgspec.ValidationError as error:
        raise ExportInvalid(f"line {number}: {error}") from None
    if document.kind not in DOCUMENT_KINDS:
        raise ExportInvalid(f"line {number}: expected $kind to be {' or '.join(DOCUMENT_KINDS)}")
    return ExportedDocument(kind=document.kind, digest=document.digest, body=document.body.encode())


def _header(header: dict[str, object]) -> Scope:
    version = header.pop("aegis_export", None)
    if type(version) is not int or version != VERSION:
        raise ExportInvalid(f"line 1: expected a header with aegis_export = {VERSION}")
    try:
        return msgspec.convert(header, Scope)
    except msgspec.ValidationError as error:
        raise ExportInvalid(f"line 1: {error}") from None


def _trailer(thing: dict[str, object]) -> Trailer:
    line = msgspec.convert(thing, _TrailerLine)
    heads = {session: (head.seq, head.hash) for session, head in line.heads.items()}
    return Trailer(events=line.events, heads=heads, sha256=line.sha256)


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
