"""A small log with every kind of evidence, and the single-file verifier looking at files."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from aegisctl.main import main as aegisctl
from aegisd.core.log.canonical import encode
from aegisd.signing.keyring import Keyring, SigningKey
from conformance.verifier import aegis_verify
from conformance.verifier.aegis_verify import Report, read_checkpoint, read_key
from drills.attacks import evidence
from drills.attacks.evidence import checkpoint_line, export, proof_lines
from tests.core.builders import small_log

KEY = Keyring("example.com/log", [SigningKey(seed=b"\1" * 32)])
THIEF = Keyring("example.com/log", [SigningKey(seed=b"\2" * 32)])
BODIES = [row.body for row in small_log()]
DOCUMENTS = [("manifest", encode({"name": "é"})), ("bundle", encode(["a\nb"]))]
S2 = [position for position, row in enumerate(small_log()) if row.session_id == "s2"]

SALT = b"\5" * 32


def signed(bodies: Sequence[bytes], key: Keyring = KEY) -> str:
    return evidence.signed(key, "acme", bodies)


def whole(bodies: Sequence[bytes], note: str | None = None) -> bytes:
    lines = [] if note is None else [checkpoint_line(note)]
    return export("acme", bodies, DOCUMENTS, evidence=lines)


def one_session(size: int = len(BODIES)) -> bytes:
    """Session s2 with the proofs of what a checkpoint of so many events covers."""
    covered = [position for position in S2 if position < size]
    lines = [checkpoint_line(signed(BODIES[:size])), *proof_lines(BODIES, covered, size)]
    return export("acme", [BODIES[at] for at in S2], session_id="s2", evidence=lines)


class Look:
    """Writes files and looks at them."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "file"

    def __call__(
        self,
        data: bytes,
        keys: Sequence[Keyring] = (),
        kept: Sequence[str] = (),
        event: bytes | None = None,
    ) -> Report:
        self.path.write_bytes(data)
        known = [read_key(str(key.keys(0)[0])) for key in keys]
        return aegis_verify.check(self.path, event, known, [read_checkpoint(note) for note in kept])

    def rules(self, data: bytes, *keys: Keyring) -> set[str]:
        return {broken.rule for broken in self(data, keys).breaks}

    def aegisctl(self, data: bytes) -> int:
        self.path.write_bytes(data)
        with pytest.raises(SystemExit) as ended:
            aegisctl(["verify", str(self.path), "--json"])
        return int(str(ended.value.code or 0))


def ended(before: bytes) -> bytes:
    """A file of these lines with a trailer that agrees with them: what a forger would write."""
    heads, events = {}, 0
    for line in before.split(b"\n")[1:-1]:
        if line.startswith(b'{"$kind":'):
            continue
        events += 1
        try:
            told = msgspec.json.decode(line)
            digest = hashlib.sha256(line).hexdigest()
            heads[told["session_id"]] = {"hash": digest, "seq": told["seq"]}
        except (msgspec.MsgspecError, UnicodeError, KeyError, TypeError):
            continue  # No event any more; it is found as such.
    digest = hashlib.sha256(before).hexdigest()
    trailer = {"$kind": "trailer", "events": events, "heads": heads, "sha256": digest}
    return before + json.dumps(trailer, separators=(",", ":"), sort_keys=True).encode() + b"\n"


FILES = {"whole": whole(BODIES, signed(BODIES[:6])), "session": one_session(6)}
