"""Check an Aegis log without trusting Aegis: one file, Python 3.10 or newer, nothing to install.

    python aegis_verify.py FILE [--key KEY]... [--checkpoint NOTE]... [--event EVENT] [--json]

FILE is an export (`aegisctl export`) or a proof of one event (`.tlog-proof`). KEY is the log's
public key, `name+id+base64`, or a file with one per line; get it from somebody other than whoever
gave you FILE. NOTE is a checkpoint that you kept from earlier; keep one each time you look.
This file shares no code with Aegis. It uses no network. Read it: it is written to be read.

What the verdicts mean, each more than the one before it:

  CHAIN    Every line is well formed, every event continues the one before it in its session, and
           sessions end where the file says. Somebody careless would have been caught. Somebody who
           rewrote the whole file, cut its end or left a session out would not.
  SIGNED   CHAIN, and the events lead to a Merkle root that the given key signed. Whoever changed,
           removed or moved an event that the checkpoint covers had the key. How many events it
           covers, from the first one on, is told: it is the others that nothing protects.

What no verdict here means: that the events tell the truth, that a tool was called only through
Aegis, that a time in an event is right, or that the operator shows everybody the same log. Only a
checkpoint that you kept yourself shows that the log you see now continues the one you saw then.
Nothing after the newest checkpoint that somebody else holds is protected. Of one session, or of one
event, you learn that it is in the log, and not that nothing came after it.

Exit code: 0 holds; 1 broken, also where KEY or NOTE was given and FILE does not show that it
answers to that; 2 could not tell (no such file, one that claims to be neither, keys or notes of
yours that cannot be used). Whoever made FILE cannot bring about 2 where you gave a key or a note.

Sections: 1 canonical JSON, 2 Ed25519, 3 Merkle tree, 4 signed notes and checkpoints, 5 the report,
6 exports, 7 proof files, 8 the command line.
"""

# ruff: noqa: PLR2004 - The numbers are those of the standards: 32 bytes of a hash, 64 of a signature.

import argparse
import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

Members = dict[str, Any]  # A JSON object; what its members are is checked by `members`.


class Broken(Exception):
    """Something does not hold: the rule that it breaks, and how."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule, self.detail = rule, detail


class Unknown(Exception):
    """It cannot be told whether it holds, and why."""


# ── 1. Canonical JSON, RFC 8785 ──────────────────────────────────────────────────────────────────
#
# One value has one spelling. Reading is therefore: decode, write again, compare. A key named twice,
# a space, another order of keys, another escape or another form of a number cannot come out again
# as they went in. What JSON readers disagree about is refused: lone surrogates, NaN, integers that
# a double does not hold, and nesting that not every reader takes.

INTEGER_MAX = 2**53 - 1
DEPTH_MAX = 128  # Levels of arrays and objects: twice as many as Aegis takes from anybody.


def canonical(line: bytes) -> object:
    """The value of canonical bytes. Raises `Broken` for any others."""
    if line.count(b"[") + line.count(b"{") > DEPTH_MAX and _is_deep(line):
        raise Broken("canonical", f"nested deeper than {DEPTH_MAX} levels")
    try:
        try:
            value, written = _as_plain(line)
        except _NotPlain:
            value = _ANY.decode(line.decode())
            written = write(value).encode()
    except (ValueError, RecursionError):
        raise Broken("canonical", "not JSON as RFC 8785 writes it") from None
    if written != line:
        raise Broken("canonical", "JSON, but not in the one form that RFC 8785 gives it")
    return value


def _is_deep(line: bytes) -> bool:
    """Whether arrays and objects are nested too deep, told without decoding them."""
    level, unescaped = 0, line.replace(b"\\\\", b"").replace(b'\\"', b"")
    for outside in unescaped.split(b'"')[::2]:
        for byte in outside:
            level += (byte in b"[{") - (byte in b"]}")
            if level > DEPTH_MAX:
                return True
    return False


def write(value: object) -> str:
    """A decoded value as RFC 8785 writes it."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{_quoted(name)}:{write(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    return number(value) if isinstance(value, float) else json.dumps(value)


def number(value: float) -> str:
    """A double as ECMAScript writes it (ECMA-262, Number::toString). Python finds the digits."""
    sign, figures, exponent = Decimal(repr(value)).normalize().as_tuple()
    digits, point = "".join(map(str, figures)), len(figures) + int(exponent)
    if value == 0:
        return "0"
    if 0 < point <= 21:
        text = digits.ljust(point, "0")
        text = text[:point] + ("." + text[point:] if text[point:] else "")
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        tail = "." + digits[1:] if digits[1:] else ""
        text = f"{digits[0]}{tail}e{point - 1:+d}"
    return "-" + text if sign else text


class _NotPlain(Exception):
    """The bytes need the slow way of reading."""


def _as_plain(line: bytes) -> tuple[object, bytes]:
    """Read and write ASCII without fractions by Python's own, where it agrees with RFC 8785."""
    if not line.isascii():
        raise _NotPlain
    value = _PLAIN.decode(line.decode())
    return value, _plain(value).encode()


def _integer(text: str) -> int:
    if len(text) > len(str(-INTEGER_MAX)) or abs(int(text)) > INTEGER_MAX:
        raise ValueError("an integer that a double does not hold")
    return int(text)


def _not_plain(_text: str) -> NoReturn:
    raise _NotPlain


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


_quoted = json.JSONEncoder(ensure_ascii=False).encode
_plain = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_ANY = json.JSONDecoder(parse_int=_integer, parse_constant=_no_constant)
_PLAIN = json.JSONDecoder(parse_int=_integer, parse_float=_not_plain, parse_constant=_no_constant)

# ── 2. Ed25519, RFC 8032 section 5.1 ─────────────────────────────────────────────────────────────
#
# Plain integers, made to be compared with the RFC and not to be fast: a few milliseconds for a
# signature. Refused: encodings of points and numbers that are not the shortest, keys of small order
# (for which anybody can sign), and signatures that hold only when multiplied by the cofactor.

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_SQRT_MINUS_1 = pow(2, (_P - 1) // 4, _P)

# A point (x, y) in extended coordinates: X/Z = x, Y/Z = y, T/Z = x * y.
Point = tuple[int, int, int, int]
_ZERO: Point = (0, 1, 1, 0)


def ed25519_holds(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the 64-byte signature over the message is that of the 32-byte public key."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, commitment = _point(public), _point(signature[:32])
    response = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or response >= _ORDER:
        return False
    if _same(_times(8, key), _ZERO):
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    challenge = int.from_bytes(digest, "little") % _ORDER
    return _same(_times(response, _BASE), _sum(commitment, _times(challenge, key)))


def _point(encoded: bytes) -> Point | None:
    """Decode a point, RFC 8032 section 5.1.3; None for what encodes none, or not in its form."""
    bits = int.from_bytes(encoded, "little")
    y, is_odd = bits & (2**255 - 1), bits >> 255
    if y >= _P:
        return None
    u, v = y * y - 1, _D * y * y + 1
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if (v * x * x + u) % _P == 0:
        x = x * _SQRT_MINUS_1 % _P
    if (v * x * x - u) % _P != 0 or (x == 0 and is_odd):
        return None
    x = _P - x if x % 2 != is_odd else x
    return x, y, 1, x * y % _P


def _sum(p: Point, q: Point) -> Point:
    """The sum of two points, RFC 8032 section 5.1.4."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(factor: int, point: Point) -> Point:
    found = _ZERO
    while factor:
        if factor % 2:
            found = _sum(found, point)
        point, factor = _sum(point, point), factor // 2
    return found


def _same(p: Point, q: Point) -> bool:
    return (p[0] * q[2] - q[0] * p[2]) % _P == 0 and (p[1] * q[2] - q[1] * p[2]) % _P == 0


_BASE = _point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little")) or _ZERO

# ── 3. The Merkle tree, RFC 6962 section 2.1, RFC 9162 section 2.1 ───────────────────────────────
#
# One tree per tenant. The leaf at index i is the SHA-256 of the event at position i.


def _leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """The root over all leaves so far. Keeps one hash for each bit that is set in `size`."""

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []

    def add(self, data: bytes) -> None:
        """Append one leaf."""
        node, size = _leaf(data), self.size
        while size % 2:
            node, size = _node(self._subtrees.pop(), node), size // 2
        self._subtrees.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self._subtrees:
            return hashlib.sha256(b"").digest()
        found = self._subtrees[-1]
        for left in self._subtrees[-2::-1]:
            found = _node(left, found)
        return found


def included(index: int, size: int, data: bytes, path: list[bytes], root: bytes) -> bool:
    """Whether the path leads from a leaf to the root, RFC 9162 section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    node, last, found = index, size - 1, _leaf(data)
    for sibling in path:
        if last == 0:
            return False
        if node % 2 or node == last:
            found = _node(sibling, found)
            while node % 2 == 0 and node:
                node, last = node // 2, last // 2
        else:
            found = _node(found, sibling)
        node, last = node // 2, last // 2
    return last == 0 and found == root


# ── 4. Signed notes and checkpoints, C2SP signed-note and tlog-checkpoint ────────────────────────


class Key(NamedTuple):
    """A verifier key: whose it is, and 32 bytes of Ed25519 public key."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """What stands before a signature of this key under this name."""
        return hashlib.sha256(self.name.encode() + b"\n\1" + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{shown(self.name)}+{self.id.hex()}"  # As its line begins.


class Checkpoint(NamedTuple):
    """A note that says: the tree of this origin had so many leaves, and this root."""

    origin: str
    size: int
    root: bytes
    text: str
    signatures: list[tuple[str, bytes, bytes]]  # name, key id, signature

    @property
    def tenant_id(self) -> str:
        """The tenant whose tree it is: origins are `<log>/<tenant>`."""
        return self.origin.rpartition("/")[2]


SIGNATURES_MAX = 16  # As many as C2SP asks a reader to take; each may cost milliseconds.
NOTE_BYTES_MAX = 131_072  # A note is three lines and its signatures.
_KEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+(\S+)")
_SIGNATURE = re.compile(r"— ([^\s+]+) (\S+)")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def read_key(text: str) -> Key:
    """Read `name+id+base64`. Raises `Unknown`."""
    found = _KEY.fullmatch(text.strip())
    raw = _base64(found[3]) if found else b""
    if found is None or len(raw) != 33 or raw[0] != 1:
        secret = text.lstrip().startswith("PRIVATE+KEY")
        told = ", but a private one: give its .pub" if secret else ""
        raise Unknown(f"not the verifier key of an Ed25519 key{told}")
    key = Key(found[1], raw[1:])
    point = _point(key.public)
    if point is not None and _same(_times(8, point), _ZERO):
        raise Unknown(f"anybody can sign for the key of {shown(key.name)}")
    if key.id.hex() != found[2]:
        raise Unknown(f"the key of {shown(key.name)} was mistyped: its id would be {key.id.hex()}")
    return key


def read_checkpoint(note: str) -> Checkpoint:
    """Read a signed checkpoint; no signature is checked. Raises `Broken`."""
    text, blank, lines = note.rpartition("\n\n")
    if len(note.encode()) > NOTE_BYTES_MAX or lines.count("\n") > SIGNATURES_MAX:
        raise Broken("checkpoint", f"over {NOTE_BYTES_MAX} bytes or {SIGNATURES_MAX} signatures")
    parts = text.split("\n")
    root = _base64(parts[2]) if len(parts) == 3 else b""
    if not blank or not lines.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f]", note):
        raise Broken("checkpoint", "not a signed note: text, a blank line and signature lines")
    if not parts[0] or len(root) != 32 or not _DECIMAL.fullmatch(parts[1]):
        raise Broken("checkpoint", "not a checkpoint: three lines with origin, size and root")
    signatures = []
    for line in lines[:-1].split("\n"):
        found = _SIGNATURE.fullmatch(line)
        raw = _base64(found[2]) if found else b""
        if found is None or len(raw) <= 4:
            raise Broken("checkpoint", "a line behind the blank one is no signature")
        signatures.append((found[1], raw[:4], raw[4:]))
    return Checkpoint(parts[0], int(parts[1]), root, text + "\n", signatures)


def signers(checkpoint: Checkpoint, keys: list[Key]) -> list[Key]:
    """Which of the keys signed, as they were given. Raises `Broken` for a forged signature.

    A key speaks for the origin that it is named after, and, named after a log, for its tenants.
    """
    names = (checkpoint.origin, checkpoint.origin.rpartition("/")[0])
    found = []
    for given in (key for key in keys if key.name in names):
        key = Key(checkpoint.origin, given.public)
        for name, key_id, signature in checkpoint.signatures:
            if (name, key_id) != (key.name, key.id):
                continue
            if not ed25519_holds(key.public, signature, checkpoint.text.encode()):
                raise Broken("signature", f"the signature of {given} does not verify")
            found.append(given)
    return list(dict.fromkeys(found))


def _base64(text: str) -> bytes:
    """Padded standard base64 in its one form; empty for anything else."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    return raw if base64.b64encode(raw).decode() == text else b""


# ── 5. The report ────────────────────────────────────────────────────────────────────────────────

LEVELS = ("CHAIN", "SIGNED")  # In rising order. A verdict is the highest that was reached.
BREAKS_MAX = 1000  # Breaks told one by one; all are counted.
SHOWN_MAX = 20  # Breaks printed for a person.
LINE_SHOWN_MAX = 2000  # Characters of a value printed for a person.


class Break(NamedTuple):
    """Where it breaks and which rule. -1 is a position or seq that is not known."""

    tenant_id: str
    position: int
    session_id: str
    seq: int
    rule: str
    detail: str


class Report:
    """What was checked and what was found. `covered` counts events under a signed checkpoint."""

    def __init__(self) -> None:
        self.tenant_id = ""
        self.session_id: str | None = None
        self.events = self.sessions = self.covered = self.breaks_found = 0
        self.breaks: list[Break] = []
        self.doubts: list[str] = []  # Why it could not be told.
        self.remarks: list[str] = []
        self.signers: list[str] = []  # The given keys that signed the file's checkpoint.
        self.proved: Members | None = None  # The event of a proof file.

    def add(self, broken: Broken, position: int = -1, session_id: str = "", seq: int = -1) -> None:
        """Count a break and keep it, if it is among the first."""
        self.breaks_found += 1
        if len(self.breaks) < BREAKS_MAX:
            where = (self.tenant_id, position, session_id, seq)
            self.breaks.append(Break(*where, broken.rule, broken.detail))

    def shorter(self, size: int) -> Broken:
        """A checkpoint covers more events than there are."""
        has_gap = any(each.rule == "seq" for each in self.breaks)
        why = "events are missing, see the gap" if has_gap else "its end was cut, or rolled back"
        detail = f"a checkpoint covers {size} events and the export holds {self.events}: {why}"
        return Broken("checkpoint", detail)

    @property
    def level(self) -> str:
        """The highest level reached. A signature that covers no event signs nothing."""
        return LEVELS[1 if self.covered else 0]

    @property
    def exit_code(self) -> int:
        """0 holds, 1 broken, 2 could not tell."""
        return 1 if self.breaks_found else 2 if self.doubts else 0

    @property
    def verdict(self) -> str:
        """BROKEN, UNKNOWN or the level reached."""
        return {0: self.level, 1: "BROKEN", 2: "UNKNOWN"}[self.exit_code]


def shown(text: str) -> str:
    """Text of a file that nobody trusts, without anything that a terminal would obey."""
    return text if re.fullmatch(r"[!-~]+", text) else ascii(text)


def anchor(report: Report, own: Checkpoint | None, keys: list[Key], held: int) -> None:
    """Say what the file's checkpoint is worth; `held` events lead to its root."""
    if own is None:
        return
    if not keys:
        report.remarks.append("the file holds a checkpoint; without --key nobody knows whose")
        return
    try:
        found = signers(own, keys)
    except Broken as broken:
        report.add(broken)
        return
    if not found:
        named = shown(own.origin)
        report.add(Broken("signature", f"the checkpoint of {named} is signed by none of the keys"))
        return
    report.covered, report.signers = held, [str(key) for key in found]
    names = " and ".join(report.signers)
    report.remarks.append(f"the checkpoint of {own.size} events is signed by {names}")


def hold_to(report: Report, old: Checkpoint, roots: Mapping[int, bytes], keys: list[Key]) -> None:
    """Hold the file to a checkpoint that the reader kept; `roots` are those of the file by size."""
    what = f"the kept checkpoint of {old.size} events"
    if old.tenant_id != report.tenant_id:
        detail = f"{what} is of {shown(old.origin)}, not of this log"
        report.add(Broken("checkpoint", detail))
    elif old.size not in roots:
        detail = f"{what} needs an export of the whole tenant to be compared with"
        report.add(Broken("checkpoint", detail))
    elif roots[old.size] != old.root:
        detail = f"the log does not continue {what}: it was rewritten before that, or has forked"
        report.add(Broken("checkpoint", detail))
    else:
        report.remarks.append(f"the log continues {what}")
        if keys and report.session_id is None:
            report.covered = max(report.covered, old.size)


# ── 6. Exports ───────────────────────────────────────────────────────────────────────────────────
#
# Line by line: a header; `bundle` and `manifest` lines; events, each exactly the bytes that were
# hashed; `detached` values; a `checkpoint`; a `proof` per event where it is one session; a trailer.
# Of a whole tenant, the root is computed from the events. Memory holds one head per session.

LINE_BYTES_MAX = 16_777_216  # Longer than any line that Aegis writes.
_ORDER_OF = ("bundle manifest", "event", "detached", "checkpoint", "proof", "trailer")
_MEMBERS: dict[str, dict[str, type]] = {
    "bundle": {"body": str, "digest": str},
    "manifest": {"body": str, "digest": str},
    "detached": {"pointer": str, "position": int, "salt": str, "subject": str, "value": str},
    "checkpoint": {"note": str},
    "proof": {"hashes": list, "index": int},
    "trailer": {"events": int, "heads": dict, "sha256": str},
}
_REQUIRED = {
    **dict.fromkeys(("event_type", "session_id", "tenant_id", "user_id"), str),
    **dict.fromkeys(("seq", "ts_unix_ms"), int),
    "payload": object,
}
# What the daemon writes by itself, with its own time as `now_ms`.
_DAEMONS = (
    *("SESSION_OPENED", "POLICY_DECISION", "MANIFEST_REGISTERED", "POLICY_ACTIVATED"),
    *("LOG_IMPORTED", "PAYLOAD_ERASED", "ROLLBACK_ACCEPTED", "SIGNING_KEYS_CHANGED"),
    "CLOCK_CORRECTED",
)
_OPTIONAL = {"agent_id": str, "idempotency_key": str, "prev_hash": str}


def members(value: object, required: Mapping[str, type], optional: Mapping[str, type]) -> Members:
    """An object with these members and no others. Raises `Broken`."""
    if not isinstance(value, dict) or not required.keys() <= value.keys():
        raise Broken("export", f"expected an object with {', '.join(required)}")
    for name, member in value.items():
        kind = required.get(name) or optional.get(name)
        if kind is None:
            raise Broken("export", f"an unknown member {shown(name)}")
        if not isinstance(member, kind) or (kind is int and isinstance(member, bool)):
            raise Broken("export", f"{name} is not of type {kind.__name__}")
    return value


def envelope(line: bytes) -> Members:
    """The members of an event. Raises `Broken`."""
    value = canonical(line)
    try:
        told = members(value, _REQUIRED, _OPTIONAL)
    except Broken as broken:
        raise Broken("envelope", broken.detail) from None
    if "prev_hash" in told and len(_base64(told["prev_hash"])) != 32:
        raise Broken("envelope", "prev_hash is not base64 of 32 bytes")
    return told


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of a file, each of one byte more than allowed at most."""
    with path.open("rb") as file:
        yield from iter(lambda: file.readline(LINE_BYTES_MAX + 1), b"")


def event_lines(path: Path) -> Iterator[bytes]:
    """The events of an export, as bytes that were hashed."""
    for number, raw in enumerate(lines_of(path)):
        if number and not raw.startswith(b'{"$kind":'):
            yield raw.removesuffix(b"\n")


def told_size(path: Path) -> int:
    """The size that the export's checkpoint tells, to take the root there; -1 without one."""
    for raw in lines_of(path):
        if raw.startswith(b'{"$kind":"checkpoint"'):
            try:
                return read_checkpoint(str(json.loads(raw)["note"])).size
            except (Broken, KeyError, ValueError, RecursionError):
                return -1  # The line itself is checked in its turn.
    return -1


class Export:
    """The state of one check of an export."""

    def __init__(self, path: Path, report: Report, sizes: set[int]) -> None:
        self.report = report
        self.own: Checkpoint | None = None
        self.proofs = 0
        self.roots = {0: Tree().root()} if 0 in sizes else {}
        self._sizes, self._tree, self._digest = sizes, Tree(), hashlib.sha256()
        self._heads: dict[str, tuple[int, bytes]] = {}
        self._number, self._places = 0, dict[str, tuple[int, int]]()  # Line and position of heads.
        self._kind, self._last, self._now_ms = "", ("", -1), 0
        self._named: set[tuple[str, str]] = set()
        self._held: set[tuple[str, str]] = set()
        # Detached values and proofs follow the events, so those are read along a second time.
        self._again, self._proved = enumerate(event_lines(path)), event_lines(path)
        self._holder, self._detached, self._index = Members(), (-1, ""), -1

    def take(self, number: int, raw: bytes) -> None:
        """Check the next line, with its newline."""
        line, self._number = raw.removesuffix(b"\n"), number
        try:
            if number == 1:
                self._header(line)
            elif line.startswith(b'{"$kind":'):
                self._other(line)
            else:
                self._event(line)
            if line == raw or len(raw) > LINE_BYTES_MAX:
                self.report.add(Broken("export", f"line {number} is cut short, or too long"))
        except Broken as broken:
            self.report.add(Broken(broken.rule, f"line {number}: {broken.detail}"))
        self._digest.update(raw)

    def _header(self, line: bytes) -> None:
        named = {"aegis_export": int, "tenant_id": str}
        told = members(canonical(line), named, {"session_id": str})
        self.report.tenant_id, self.report.session_id = told["tenant_id"], told.get("session_id")
        if told["aegis_export"] != 1:
            raise Broken("export", "of another version than 1; get a newer verifier if it is yours")

    def _follows(self, kind: str) -> None:
        last, self._kind = self._kind, kind
        if _RANK[kind] < _RANK.get(last, 0) or kind == last in ("checkpoint", "trailer"):
            raise Broken("export", f"a line of kind {kind} does not belong here")

    # Events.

    def _event(self, line: bytes) -> None:
        position, digest = self.report.events, hashlib.sha256(line).digest()
        self.report.events += 1
        self._tree.add(digest)
        if self.report.events in self._sizes:
            self.roots[self.report.events] = self._tree.root()
        self._follows("event")
        at = position if self.report.session_id is None else -1
        try:
            event = envelope(line)
        except Broken as broken:
            self.report.add(broken, at)
            return
        session_id, seq = event["session_id"], event["seq"]
        for rule, detail in self._faults(event, session_id, seq):
            self.report.add(Broken(rule, detail), at, session_id, seq)
        self._heads[session_id], self._last = (seq, digest), (session_id, seq)
        self._places[session_id] = (self._number, at)

    def _faults(self, event: Members, session_id: str, seq: int) -> Iterator[tuple[str, str]]:
        report, (before, head) = self.report, self._heads.get(session_id, (-1, b""))
        if event["tenant_id"] != report.tenant_id or report.session_id not in (None, session_id):
            yield "scope", "an event of another tenant or session than the export is of"
        if seq != before + 1:
            yield "seq", f"expected seq {before + 1}, found {seq}"
        if _base64(event.get("prev_hash", "")) != head:
            line = self._places.get(session_id, (0, -1))[0]
            which = f": that event (line {line}) was changed, or this link (line {self._number})"
            yield (
                "prev_hash",
                f"does not continue seq {before} as it stands here{which * (line > 0)}",
            )
        payload = event["payload"] if isinstance(event["payload"], dict) else {}
        self._name(event["event_type"], payload)
        # Two laws of the gate that show a moved event where no hash does.
        if event["event_type"] == "POLICY_DECISION" and self._last != (session_id, seq - 1):
            yield "position", "a decision that does not stand right behind its cause"
        # An operator may set the clock back, in `$control`; where two sessions are, all are.
        several = bool(self._heads.keys() - {session_id})
        back = event["event_type"] == "CLOCK_CORRECTED"
        times = payload if event["event_type"] in _DAEMONS else {}
        now_ms = times.get("from_ms" if back else "now_ms")
        if type(now_ms) is int and now_ms < self._now_ms and several:
            yield "position", f"the writer's clock ran back {self._now_ms - now_ms} ms to here"
        now_ms = times.get("to_ms") if back else now_ms
        if type(now_ms) is int:
            self._now_ms = now_ms if back else max(self._now_ms, now_ms)

    def _name(self, event_type: str, payload: Members) -> None:
        """Remember the documents that an event names."""
        acts = {"MANIFEST_REGISTERED": "manifest", "POLICY_ACTIVATED": "bundle"}
        pairs = [(acts.get(event_type), payload.get("digest"))]
        if event_type == "POLICY_DECISION":
            pairs = [(kind, payload.get(kind)) for kind in ("manifest", "bundle")]
        for kind, digest in pairs:
            if kind and digest and isinstance(digest, str):
                self._named.add((kind, digest))

    # Other lines.

    def _other(self, line: bytes) -> None:
        told = canonical(line)
        kind = told.get("$kind") if isinstance(told, dict) else None
        if not isinstance(kind, str) or kind not in _MEMBERS:
            raise Broken("export", "a line of a kind that this version does not have")
        self._follows(kind)
        told = members(told, {"$kind": str, **_MEMBERS[kind]}, {})
        if kind in ("bundle", "manifest"):
            self._held.add((kind, told["digest"]))
            if hashlib.sha256(told["body"].encode()).hexdigest() != told["digest"]:
                raise Broken("document", f"{kind} {shown(told['digest'])} has other bytes")
        elif kind == "detached":
            self._check_detached(told)
        elif kind == "checkpoint":
            self.own = read_checkpoint(told["note"])
            if self.own.tenant_id != self.report.tenant_id:
                raise Broken("checkpoint", f"of {shown(self.own.origin)}, not of this tenant")
        elif kind == "proof":
            self._check_proof(told)
        else:
            self._check_trailer(told)

    def _check_detached(self, told: Members) -> None:
        """A value kept beside its event, which holds a commitment to it."""
        place, salt, value = (told["position"], told["pointer"]), told["salt"], told["value"]
        if place <= self._detached:
            raise Broken("detached", "not in the order of positions and pointers")
        if place[0] != self._detached[0]:
            line = next((each for at, each in self._again if at == place[0]), None)
            self._holder = envelope(line) if line else {}
        self._detached, holder = place, self._holder
        digest = hashlib.sha256(_base64(salt) + value.encode()).hexdigest()
        expected = {"$detached": {"bytes": len(value.encode()), "sha256": digest}}
        found = at_pointer(holder.get("payload"), place[1])
        whose = holder.get("user_id") or holder.get("session_id")
        # As texts: to Python, true is 1.
        same = write([found, whose]) == write([expected, told["subject"]])
        if len(_base64(salt)) != 32 or not same:
            raise Broken("detached", f"event {place[0]} does not commit to {shown(place[1])}")

    def _check_proof(self, told: Members) -> None:
        """The path from the next event of a session to the root."""
        event, own, index = next(self._proved, None), self.own, told["index"]
        path = [_base64(each) if isinstance(each, str) else b"" for each in told["hashes"]]
        if own is None or event is None or self.report.session_id is None:
            raise Broken("proof", "a proof without its event, or without a checkpoint")
        digest, self.proofs = hashlib.sha256(event).digest(), self.proofs + 1
        if index <= self._index:
            raise Broken("proof", f"position {index} does not come after {self._index}")
        self._index = index
        if any(len(each) != 32 for each in path) or not included(
            index, own.size, digest, path, own.root
        ):
            raise Broken("proof", f"the event at position {index} does not lead to the root")

    def _check_trailer(self, told: Members) -> None:
        found = {name: {"hash": h.hex(), "seq": seq} for name, (seq, h) in self._heads.items()}
        for name in sorted(found.keys() | told["heads"].keys()):
            if write(found.get(name)) != write(told["heads"].get(name)):
                line, at = self._places.get(name, (0, -1))
                which = f"its last event here is line {line}" if line else "no event of it is here"
                broken = Broken("head", f"the session does not end as the trailer says: {which}")
                self.report.add(broken, at, name, self._heads.get(name, (-1,))[0])
        if told["sha256"] != self._digest.hexdigest():
            raise Broken("export", "the SHA-256 is not that of the lines before it")
        if told["events"] != self.report.events:
            raise Broken("head", f"counts {told['events']} events, found {self.report.events}")

    # The end.

    def end(self) -> int:
        """What shows only at the end. How many events lead to the export's checkpoint."""
        report, own = self.report, self.own
        report.sessions = len(self._heads)
        if self._kind != "trailer":
            report.add(Broken("export", "the file ends without a trailer"))
        for kind, digest in sorted(self._named - self._held):
            report.add(Broken("document", f"{kind} {shown(digest)} is named and missing"))
        if own is None:
            return 0
        if report.session_id is not None:
            return self.proofs
        if own.size > report.events:
            report.add(report.shorter(own.size))
        elif self.roots.get(own.size) != own.root:
            detail = "the events do not lead to the root of the checkpoint: one was changed, "
            report.add(Broken("root", detail + "removed, added or moved"))
        return own.size


_RANK = {each: rank for rank, kinds in enumerate(_ORDER_OF) for each in kinds.split()}


def at_pointer(value: object, pointer: str) -> object:
    """What stands at a JSON pointer, RFC 6901; None where nothing does."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and _DECIMAL.fullmatch(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value if pointer[:1] in ("", "/") else None


def check_export(path: Path, keys: list[Key], kept: list[Checkpoint], report: Report) -> None:
    """Check an export, and hold it against the checkpoints that the reader kept."""
    export = Export(path, report, {told_size(path), *(old.size for old in kept)})
    for number, raw in enumerate(lines_of(path), 1):
        export.take(number, raw)
    held, own = export.end(), export.own
    anchor(report, own, keys, held)
    roots = export.roots
    if report.session_id is not None:
        roots = {own.size: own.root} if own else {}
    for old in kept:
        if report.session_id is None and old.size > report.events:
            report.add(report.shorter(old.size))
        else:
            hold_to(report, old, roots, keys)


# ── 7. Proof files, C2SP tlog-proof ──────────────────────────────────────────────────────────────

MAGIC = b"c2sp.org/tlog-proof@v1\n"
PROOF_BYTES_MAX = LINE_BYTES_MAX + NOTE_BYTES_MAX


def check_proof(
    path: Path, event: bytes | None, keys: list[Key], kept: list[Checkpoint], report: Report
) -> None:
    """Check a proof of one event, given in its own file or beside the proof."""
    with path.open("rb") as file:
        data = file.read(PROOF_BYTES_MAX + 1)
    # Not as text, which would read other line ends as those that were signed.
    above, _, note = data.decode().partition("\n\n")
    lines = above.split("\n")[1:]
    if len(data) > PROOF_BYTES_MAX:
        raise Broken("proof", f"longer than {PROOF_BYTES_MAX} bytes")
    if lines and lines[0].startswith("extra "):
        extra = _base64(lines.pop(0)[6:])
        if not extra:
            raise Broken("proof", "the event in it is not base64")
        event = extra if event is None else event
    index = re.fullmatch(r"index (0|[1-9][0-9]{0,18})", lines[0]) if lines else None
    hashes = [_base64(line) for line in lines[1:]]
    if index is None or any(len(each) != 32 for each in hashes):
        raise Broken("proof", "expected a line with the index and lines with hashes of the path")
    own, position = read_checkpoint(note), int(index[1])
    report.tenant_id = own.tenant_id
    if not event:
        raise Unknown("the proof does not hold its event; give it with --event")
    report.events = report.sessions = 1
    if not included(position, own.size, hashlib.sha256(event).digest(), hashes, own.root):
        report.add(Broken("proof", "the event does not lead to the root"), position)
    told = envelope(event)
    report.session_id = told["session_id"]
    previous = {"prev_hash": _base64(told["prev_hash"]).hex()} if "prev_hash" in told else {}
    report.proved = {**told, **previous, "position": position}
    report.proved["hash"] = hashlib.sha256(event).hexdigest()
    if told["tenant_id"] != own.tenant_id:
        report.add(Broken("scope", f"an event of another tenant than {own.tenant_id}"), position)
    anchor(report, own, keys, 1)
    for old in kept:
        hold_to(report, old, {own.size: own.root}, keys)


# ── 8. The command line ──────────────────────────────────────────────────────────────────────────


def keys_of(text: str) -> list[Key]:
    """A verifier key, or the keys of a file."""
    if _KEY.fullmatch(text.strip()):
        return [read_key(text)]
    lines = Path(text).read_text("utf-8").splitlines()
    found = [read_key(line) for line in lines if line.strip() and not line.startswith("#")]
    if not found:
        raise Unknown(f"{text} holds no key")
    return found


def usable(kept: list[Checkpoint], keys: list[Key]) -> None:
    """Raise `Unknown` for a checkpoint of the reader's own that no key of theirs signed."""
    for old in kept:
        try:
            signing = signers(old, keys)
        except Broken as broken:
            raise Unknown(f"the kept checkpoint of {old.size} events: {broken.detail}") from None
        if keys and not signing:
            raise Unknown(f"the kept checkpoint of {old.size} events is signed by no given key")


def told_kind(path: Path, event: bytes | None) -> bytes:
    """How a file begins, as an export or a proof does. Raises `Unknown`, `OSError`."""
    if not path.is_file() and (path.exists() or path.is_symlink()):
        # Opened, a pipe would wait for a writer that never comes.
        raise Unknown("a folder, a pipe, a device, or a link that leads to no file")
    with path.open("rb") as file:
        start = file.readline(LINE_BYTES_MAX)
    if start.endswith(b"\r\n") and start.startswith((MAGIC[:-1], b'{"aegis_export":')):
        raise Broken("file", "its line endings were changed; get it again without that")
    for begins in (MAGIC, b'{"aegis_export":'):
        if start.startswith(begins):
            if event is not None and begins != MAGIC:
                raise Unknown("--event goes with a proof file, and this is none")
            return begins
    raise Unknown("neither an export nor a proof file; of a database, make an export")


def check(path: Path, event: bytes | None, keys: list[Key], kept: list[Checkpoint]) -> Report:
    """Check a file, told by how it begins. Raises `Unknown`, `OSError`.

    Whoever brings a key or a checkpoint is never told that a file which can be read is unknown: its
    maker would only have to bend it far enough.
    """
    usable(kept, keys)
    report = Report()
    try:
        if told_kind(path, event) == MAGIC:
            check_proof(path, event, keys, kept, report)
        else:
            check_export(path, keys, kept, report)
    except Unknown as unknown:
        if not (keys or kept):
            raise
        report.add(Broken("file", str(unknown)))
    except Broken as broken:
        report.add(broken)
    except UnicodeDecodeError:
        report.add(Broken("proof", "not UTF-8"))
    if keys and not report.covered and not report.breaks_found:
        detail = "a key was given, and no event is covered by what it signed"
        report.add(Broken("signature", detail))
    return report


def sentences(report: Report) -> Iterator[str]:
    """The report for a person; the verdict is the last line."""
    for broken in report.breaks[:SHOWN_MAX]:
        where = [f"position {broken.position}"] if broken.position >= 0 else []
        where += (
            [f"session {shown(broken.session_id)}, seq {broken.seq}"] if broken.session_id else []
        )
        yield f"BROKEN  {', '.join([*where, broken.rule])}: {broken.detail}"
    if report.breaks_found > SHOWN_MAX:
        yield f"        and {report.breaks_found - SHOWN_MAX} more"
    yield from (f"UNKNOWN {doubt}" for doubt in report.doubts)
    yield from (f"        {remark}" for remark in report.remarks)
    if report.tenant_id == "" and report.exit_code:
        yield f"{report.verdict}: nothing of the file was checked"
        return
    if report.proved is not None and report.exit_code == 0:
        yield from (f"        {line}" for line in event_lines_of(report.proved))
    what = f"tenant {shown(report.tenant_id)}"
    if report.session_id is not None:
        what += f", session {shown(report.session_id)}"
    if report.exit_code == 0:
        yield (
            f"        {report.covered} of {report.events} events are covered by what a given key "
            "signed. Nothing after the newest\n        checkpoint that you hold yourself is "
            "protected against whoever writes the log."
        )
    yield f"{report.verdict}: {what}, {report.events} events of {report.sessions} sessions"


# What a person looks for first in a payload. `--json` has all of it.
_HEART = (
    *("outcome", "reason", "reasons", "call_id", "tool_name", "args", "content", "result"),
    *("author", "subject"),
)


def event_lines_of(event: Members) -> Iterator[str]:
    """A proved event for a person: where it stands, and the heart of what it says."""
    place = f"position {event['position']}, session {shown(event['session_id'])}"
    yield f"the event: {place}, seq {event['seq']}, {shown(event['event_type'])}"
    told = {name: event[name] for name in ("user_id", "agent_id") if event.get(name)}
    payload = event["payload"] if isinstance(event["payload"], dict) else {}
    told |= {name: payload[name] for name in _HEART if name in payload} or {"payload": payload}
    told |= {name: event[name] for name in ("hash", "prev_hash") if name in event}
    for name, value in told.items():
        # Of ASCII, without anything that a terminal would obey.
        line = json.dumps(value).replace("\x7f", "\\u007f")
        more = "" if len(line) <= LINE_SHOWN_MAX else f"… ({len(line)} characters; see --json)"
        yield f"  {name}: {line[:LINE_SHOWN_MAX]}{more}"


def document(report: Report) -> Members:
    """The report as JSON values."""
    return {
        **vars(report),
        "breaks": [each._asdict() for each in report.breaks],
        "level": report.level if report.exit_code == 0 else None,
        "levels": LEVELS,
        "proved": report.proved if report.exit_code == 0 else None,
        "uncovered": report.events - report.covered,
        "verdict": report.verdict,
    }


def main(arguments: list[str] | None = None) -> int:
    """Check what the command line names. Gives the exit code."""
    about, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=about, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("--key", action="append", default=[], metavar="KEY|FILE")
    parser.add_argument("--checkpoint", action="append", default=[], metavar="NOTE", type=Path)
    parser.add_argument("--event", metavar="EVENT", type=Path, help="bytes of a proof's event")
    parser.add_argument("--json", action="store_true", help="one JSON document and nothing else")
    told = parser.parse_args(arguments)
    try:
        keys = [key for text in told.key for key in keys_of(text)]
        kept = [read_checkpoint(note.read_bytes().decode()) for note in told.checkpoint]
        event = None
        if told.event:
            with told.event.open("rb") as file:
                event = file.read(LINE_BYTES_MAX).removesuffix(b"\n")
        report = check(told.file, event, keys, kept)
    except (Unknown, Broken, OSError, UnicodeDecodeError) as error:
        report = Report()
        why = str(error)
        if isinstance(error, FileNotFoundError):
            why = f"there is no file {error.filename}"
        elif isinstance(error, OSError):
            why = f"{error.filename} cannot be read: {error.strerror}"
        report.doubts.append(why)
    if told.json:
        print(json.dumps(document(report), indent=1))
    else:
        print(*sentences(report), sep="\n")
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
