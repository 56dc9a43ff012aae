"""The signing keys of a log, in a file outside its database that only its owner can read.

A line per key, in the form Go's sumdb tools use for a note's private key. The first signs. While a
key is being replaced the one before signs beside it, so that an auditor who knows only the old one
can go on, up to the time written behind it.
"""

import base64
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from aegisd.core.errors import ConfigInvalid, NoteInvalid
from aegisd.core.log import checkpoint, note
from aegisd.core.log.checkpoint import is_log_name
from aegisd.core.log.note import ED25519, PRIVATE_KEY, Key
from aegisd.signing import ed25519
from aegisd.signing.private_file import read_private
from aegisd.whole_file import replacing

# Keys of one file: the one that signs and a few it replaced; a note has `note.SIGNATURES_MAX`.
KEYS_MAX = 8

# Bytes of a key file: `KEYS_MAX` lines of names of 255 characters, with comments.
KEY_FILE_BYTES_MAX = 16_384

_LINE = re.compile(
    re.escape(PRIVATE_KEY) + r"(?P<name>[^\s+]+)\+(?P<id>[0-9a-f]{8})\+(?P<seed>[A-Za-z0-9+/]+=*)"
    r"(?: until (?P<until>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z))?\Z"
)

_TIME = "%Y-%m-%dT%H:%M:%SZ"

_HEADER = (
    "# Signing keys of an Aegis log. Whoever reads this file can sign checkpoints in its name.\n"
    "# The first key signs; one with `until` signs beside it up to then. See docs/EVIDENCE.md.\n"
)


class SigningKey(Struct, frozen=True, kw_only=True):
    """A private key, and until when it signs (milliseconds since the Unix epoch; None: always)."""

    seed: bytes
    until_ms: int | None = None

    def __repr__(self) -> str:
        return f"SigningKey(until_ms={self.until_ms})"

    def signs(self, now_ms: int) -> bool:
        """Whether the key signs at that time."""
        return self.until_ms is None or now_ms < self.until_ms


class Keyring:
    """A `ports.Signer` over keys in memory."""

    def __init__(self, log_name: str, keys: Sequence[SigningKey]) -> None:
        self.log_name = log_name
        self._keys = [(key, ed25519.public_key(key.seed)) for key in keys]
        self._sign = {key.seed: ed25519.signing(key.seed) for key in keys}

    def sign(self, origin: str, text: str, now_ms: int) -> str:
        """See `aegisd.ports.Signer.sign`."""
        signed = [
            (Key(name=origin, public=public), self._sign[key.seed](text.encode()))
            for key, public in self._keys
            if key.signs(now_ms)
        ]
        return note.write(text, signed)

    def signed(self, note: str, now_ms: int) -> bool:
        """See `aegisd.ports.Signer.signed`."""
        return is_signed(note, self.keys(now_ms))

    def keys(self, now_ms: int) -> tuple[Key, ...]:
        """See `aegisd.ports.Signer.keys`."""
        return tuple(
            Key(name=self.log_name, public=public)
            for key, public in self._keys
            if key.signs(now_ms)
        )


def is_signed(text: str, keys: Sequence[Key]) -> bool:
    """Whether one of the keys signed a checkpoint, and all of them that claim to."""
    try:
        checkpoint.verify(text, keys, ed25519.check)
    except NoteInvalid:
        return False
    return True


def public_path(path: Path) -> Path:
    """Where the verifier keys of a key file are written for everybody to read."""
    return path.with_name(f"{path.name}.pub")


def create(path: Path, log_name: str) -> Keyring:
    """Make a key file with one new key, and the file of its verifier key beside it.

    Raises `ConfigInvalid` where one is there already or cannot be made.
    """
    if not is_log_name(log_name):
        raise ConfigInvalid(
            f"expected a log name such as aegis.example.com/prod, found {log_name!r}: letters, "
            "digits and . _ : / -, not ending in a slash"
        )
    keys = (SigningKey(seed=ed25519.new_seed()),)
    _write(path, log_name, keys, new=True)
    return Keyring(log_name, keys)


def load(path: Path) -> Keyring:
    """Read a key file. Raises `ConfigInvalid`, never repeating what is in it."""
    log_name, keys = _read(path)
    return Keyring(log_name, keys)


def rotate(path: Path, now_ms: int, overlap_ms: int) -> Keyring:
    """Put a new key in front; the one that signed until now signs beside it for `overlap_ms`.

    Keys whose time has passed are dropped. Raises `ConfigInvalid`.
    """
    log_name, keys = _read(path)
    current = SigningKey(seed=keys[0].seed, until_ms=now_ms + overlap_ms)
    older = [key for key in keys[1:] if key.signs(now_ms)]
    kept = [SigningKey(seed=ed25519.new_seed()), current, *older]
    if len(kept) > KEYS_MAX:
        raise ConfigInvalid(
            f"{path} would hold {len(kept)} keys that still sign, KEYS_MAX is {KEYS_MAX}; wait "
            "until the oldest have ended"
        )
    _write(path, log_name, kept, new=False)
    return Keyring(log_name, kept)


def _read(path: Path) -> tuple[str, list[SigningKey]]:
    text = _text(path)
    keys: list[SigningKey] = []
    names: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.match(line)
        seed = _seed(found["seed"]) if found else b""
        if found is None or not seed:
            raise ConfigInvalid(f"{path}, line {number}: expected a line {PRIVATE_KEY}name+id+key")
        public = Key(name=found["name"], public=ed25519.public_key(seed))
        if public.id.hex() != found["id"] or not is_log_name(found["name"]):
            raise ConfigInvalid(f"{path}, line {number}: the id is not that of the key and name")
        names.add(found["name"])
        keys.append(SigningKey(seed=seed, until_ms=_until(found["until"])))
    if not keys or len(names) != 1 or len(keys) > KEYS_MAX:
        raise ConfigInvalid(f"{path}: expected 1 to {KEYS_MAX} keys of one log, found {len(keys)}")
    if keys[0].until_ms is not None:
        raise ConfigInvalid(f"{path}: the first key signs without end, so it has no `until`")
    return names.pop(), keys


def _text(path: Path) -> str:
    read = read_private(path, KEY_FILE_BYTES_MAX)
    try:
        text = read.decode("ascii")
    except UnicodeDecodeError:
        text = ""
    if not text or len(read) > KEY_FILE_BYTES_MAX:
        raise ConfigInvalid(f"{path} is not a key file; make one with `aegisctl keys new`")
    return text


def _write(path: Path, log_name: str, keys: Sequence[SigningKey], *, new: bool) -> None:
    lines = [_HEADER]
    for key in keys:
        public = Key(name=log_name, public=ed25519.public_key(key.seed))
        seed = base64.b64encode(ED25519 + key.seed).decode()
        until = "" if key.until_ms is None else f" until {_spelled(key.until_ms)}"
        lines.append(f"{PRIVATE_KEY}{log_name}+{public.id.hex()}+{seed}{until}\n")
    publics = [str(Key(name=log_name, public=ed25519.public_key(key.seed))) for key in keys]
    try:
        if new and path.exists():
            raise ConfigInvalid(f"{path} exists and was left alone; `aegisctl keys rotate` it")
        with replacing(path) as file:
            file.write("".join(lines).encode("ascii"))
        with replacing(public_path(path), 0o644) as file:
            file.write("".join(f"{key}\n" for key in publics).encode("ascii"))
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be written: {error.strerror}") from None


def _seed(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    fits = len(raw) == 1 + ed25519.SEED_BYTES and raw[:1] == ED25519
    return raw[1:] if fits else b""


def _until(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        when = datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise ConfigInvalid(f"a key's `until` is no time: {text}") from None
    return int(when.timestamp()) * 1000


def _spelled(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime(_TIME)
