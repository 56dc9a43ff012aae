"""Proof files: an event, its place, its path, a signed checkpoint; nothing else is believed."""

import base64
import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import NoteInvalid
from aegisd.core.log import proof
from aegisd.core.log.merkle import PROOF_HASHES_MAX
from aegisd.core.log.proof import MAGIC, Proof, read, verify, write
from aegisd.signing import ed25519
from aegisd.signing.keyring import Keyring, SigningKey
from drills.attacks.evidence import proof_lines, signed
from tests.core.builders import small_log

KEYS = Keyring("example.com/log", [SigningKey(seed=b"\1" * 32)])
(KEY,) = KEYS.keys(0)
BODIES = [row.body for row in small_log()]
NOTE = signed(KEYS, "acme", BODIES)


def of(position: int, extra: bytes = b"") -> Proof:
    (line,) = proof_lines(BODIES, [position], len(BODIES))
    hashes = tuple(map(base64.b64decode, line["hashes"]))  # type: ignore[call-overload]  # Texts.
    return Proof(index=position, hashes=hashes, checkpoint=NOTE, extra=extra)


def leaf(position: int) -> bytes:
    return hashlib.sha256(BODIES[position]).digest()


TEXT = write(of(3, BODIES[3]))


@pytest.mark.parametrize("position", range(len(BODIES)))
def test_a_proof_shows_its_event_at_its_place_and_no_other(position: int) -> None:
    told = read(write(of(position)))
    assert told == of(position)
    head = verify(told, leaf(position), [KEY], ed25519.check)
    assert (head.origin, head.size) == ("example.com/log/acme", len(BODIES))
    other = (position + 1) % len(BODIES)
    for wrong, data in ((told, leaf(other)), (of(other), leaf(position))):
        with pytest.raises(NoteInvalid, match="does not lead"):
            verify(wrong, data, [KEY], ed25519.check)


def test_a_proof_is_these_lines() -> None:
    path = "".join(base64.b64encode(each).decode() + "\n" for each in of(3).hashes)
    extra = base64.b64encode(BODIES[3]).decode()
    assert write(of(3, BODIES[3])) == f"{MAGIC}\nextra {extra}\nindex 3\n{path}\n{NOTE}"
    assert write(of(3)) == f"{MAGIC}\nindex 3\n{path}\n{NOTE}"


def test_what_stands_beside_a_proof_is_kept_and_proves_nothing() -> None:
    told = read(write(of(3, b"anything")))
    assert told.extra == b"anything"
    assert verify(told, leaf(3), [KEY], ed25519.check).size == len(BODIES)


def test_a_proof_under_another_key_is_refused() -> None:
    (thief,) = Keyring(KEYS.log_name, [SigningKey(seed=b"\2" * 32)]).keys(0)
    with pytest.raises(NoteInvalid, match="not signed by"):
        verify(of(3), leaf(3), [thief], ed25519.check)
    with pytest.raises(NoteInvalid, match="no key"):
        verify(of(3), leaf(3), [], ed25519.check)


def test_a_changed_character_is_refused_or_changes_nothing_that_is_proven() -> None:
    for at, character in itertools.product(range(0, len(TEXT), 2), ("A", "1", "\n", " ")):
        changed = TEXT[:at] + character + TEXT[at + 1 :]
        if changed == TEXT:
            continue
        try:
            told = read(changed)
            verify(told, hashlib.sha256(told.extra).digest(), [KEY], ed25519.check)
        except NoteInvalid:
            continue
        pytest.fail(f"character {at} was changed to {character!r}, and the proof still holds")


HASH = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT.replace("@v1", "@v2"),
        TEXT.replace(MAGIC + "\n", ""),
        TEXT.replace("index 3\n", ""),
        TEXT.replace("index 3", "index 03"),
        TEXT.replace("index 3", "index -3"),
        TEXT.replace("index 3", "index  3"),
        TEXT.replace("index 3", "index ٣"),
        TEXT.replace("index 3", f"index {10**19}"),
        f"{MAGIC}\n\n{NOTE}",
        f"{MAGIC}\nindex 3\nextra AAAA\n\n{NOTE}",
        f"{MAGIC}\nextra \nindex 3\n\n{NOTE}",
        f"{MAGIC}\nextra AAA\nindex 3\n\n{NOTE}",
        f"{MAGIC}\nextra AAB=\nindex 3\n\n{NOTE}",
        f"{MAGIC}\nindex 3\n{HASH[:-1]}\n\n{NOTE}",
        f"{MAGIC}\nindex 3\nAAAA\n\n{NOTE}",
        f"{MAGIC}\nindex 3\n{HASH} \n\n{NOTE}",
        f"{MAGIC}\r\nindex 3\r\n\r\n{NOTE}",
        f"{MAGIC}\nindex 3\n{HASH}\n{NOTE}",
    ],
)
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        verify(read(text), leaf(3), [KEY], ed25519.check)


@pytest.mark.parametrize("length", [1, 31, 33])
def test_a_hash_of_another_length_is_none(length: int) -> None:
    line = base64.b64encode(bytes(length)).decode()
    with pytest.raises(NoteInvalid, match="32 bytes"):
        read(f"{MAGIC}\nindex 3\n{line}\n\n{NOTE}")


def test_the_longest_path_is_read_and_none_that_is_longer() -> None:
    def path(hashes: int) -> str:
        return f"{MAGIC}\nindex 3\n{(HASH + chr(10)) * hashes}\n{NOTE}"

    assert len(read(path(PROOF_HASHES_MAX)).hashes) == PROOF_HASHES_MAX
    with pytest.raises(NoteInvalid, match="PROOF_HASHES_MAX"):
        read(path(PROOF_HASHES_MAX + 1))


def test_the_longest_proof_is_read_and_none_that_is_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proof, "NOTE_BYTES_MAX", 100)
    monkeypatch.setattr(proof, "PROOF_BYTES_MAX", len(TEXT) - 100)
    assert read(TEXT) == of(3, BODIES[3])
    monkeypatch.setattr(proof, "PROOF_BYTES_MAX", len(TEXT) - 101)
    with pytest.raises(NoteInvalid, match="PROOF_BYTES_MAX"):
        read(TEXT)


@given(
    index=st.integers(0, 10**18),
    hashes=st.lists(st.binary(min_size=32, max_size=32), max_size=PROOF_HASHES_MAX),
    extra=st.binary(max_size=100),
)
def test_any_proof_reads_back(index: int, hashes: list[bytes], extra: bytes) -> None:
    told = Proof(index=index, hashes=tuple(hashes), checkpoint=NOTE, extra=extra)
    assert read(write(told)) == told


@given(st.text() | st.text("extra indx0123=AB\n", max_size=120).map(f"{MAGIC}\n".__add__))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        told = read(text)
    except NoteInvalid:
        return
    assert write(told) == text
