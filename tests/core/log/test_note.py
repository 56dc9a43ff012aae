"""Signed notes: read as C2SP writes them, and never believed before a key has spoken."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import NoteInvalid
from aegisd.core.log import note
from aegisd.core.log.note import (
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    Key,
    Signature,
    read,
    read_key,
    signature_line,
    verify,
    write,
)
from aegisd.signing import ed25519
from tests.table import each

# The example of the specification, and the one in the documentation of Go's sumdb/note.
VECTORS = {
    "C2SP": (
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "This is an example message.\n",
        (
            "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYj"
            "OBH3mFXmRKuwHjG1Yu72IneyaQM="
        ),
    ),
    "Go": (
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        (
            "If you think cryptography is the answer to your problem,\n"
            "then you don't know what your problem is.\n"
        ),
        (
            "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
            "KvqfqdngotpRZb6KE6RyyBwJnAM="
        ),
    ),
}

SEED = b"\1" * 32
KEY = Key(name="example.com/log", public=ed25519.public_key(SEED))
OTHER_SEED = b"\2" * 32
OTHER = Key(name="example.com/log", public=ed25519.public_key(OTHER_SEED))
TEXT = "one\n\nthree\n"
NOTE = write(TEXT, [(KEY, ed25519.signing(SEED)(TEXT.encode()))])


def signers(text: str, *keys: Key) -> tuple[Key, ...]:
    return verify(read(text), keys, ed25519.check)


@pytest.mark.parametrize("name", VECTORS)
def test_the_notes_of_others_verify_and_come_out_as_they_went_in(name: str) -> None:
    text, message, signature = VECTORS[name]
    key = read_key(text)
    line = f"— {key.name} {signature}\n"
    assert str(key) == text
    found = read(f"{message}\n{line}")
    assert found.text == message
    assert verify(found, [key], ed25519.check) == (key,)
    assert write(message, [(key, found.signatures[0].signature)]) == f"{message}\n{line}"
    with pytest.raises(NoteInvalid, match="does not verify"):
        signers(f"{message}x\n\n{line}", key)


def test_a_note_is_text_a_blank_line_and_a_line_per_signature() -> None:
    found = read(NOTE)
    assert found.text == TEXT  # The last blank line ends the text; others belong to it.
    (signature,) = found.signatures
    assert (signature.name, signature.key_id) == (KEY.name, KEY.id)
    assert signers(NOTE, KEY) == (KEY,)


def test_a_key_id_is_the_hash_of_name_type_and_key() -> None:
    told = hashlib.sha256(KEY.name.encode() + b"\n\x01" + KEY.public).digest()
    assert KEY.id == told[:4]
    assert str(KEY).startswith(f"{KEY.name}+{told[:4].hex()}+")
    assert read_key(f"  {KEY}\n") == KEY


@given(
    name=st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="+"), min_size=1),
    public=st.binary(min_size=32, max_size=32).map(ed25519.public_key),
)
def test_any_key_reads_back(name: str, public: bytes) -> None:
    key = Key(name=name, public=public)
    assert read_key(str(key)) == key


def spelled(name: str, raw: bytes) -> str:
    """A verifier key of any type, with an id that agrees."""
    told = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4].hex()
    return f"{name}+{told}+{base64.b64encode(raw).decode()}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/log",
        str(KEY)[:-1],
        str(KEY).replace("+A", "+ A"),
        str(KEY).upper(),
        spelled("example.com/log", b"\4" + KEY.public),
        spelled("example.com/log", b"\1" + KEY.public[:-1]),
        spelled("example.com/log", b"\1" + KEY.public + b"x"),
        spelled("a b", b"\1" + KEY.public),
        spelled("a+b", b"\1" + KEY.public),
        spelled("", b"\1" + KEY.public),
    ],
)
def test_what_is_no_verifier_key_of_ours_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        read_key(text)


@each("at", range(len(str(KEY))))
def test_a_mistyped_key_is_refused_at_every_character(at: int) -> None:
    text = str(KEY)
    with pytest.raises(NoteInvalid):
        read_key(text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1 :])


def test_signatures_of_strangers_are_ignored_and_never_enough() -> None:
    line = signature_line(OTHER, ed25519.signing(OTHER_SEED)(TEXT.encode()))
    assert signers(NOTE + line, KEY) == (KEY,)
    assert signers(NOTE + line, OTHER) == (OTHER,)
    assert signers(NOTE + line, KEY, OTHER) == (KEY, OTHER)
    with pytest.raises(NoteInvalid, match="not signed by"):
        signers(NOTE, OTHER)
    with pytest.raises(NoteInvalid, match="no key"):
        signers(NOTE)


def test_a_key_is_known_by_name_and_id_together() -> None:
    same_name = read(NOTE).signatures[0]
    for name, key_id in ((KEY.name, OTHER.id), ("example.com/logs", KEY.id)):
        stranger = Signature(name=name, key_id=key_id, signature=same_name.signature)
        with pytest.raises(NoteInvalid, match="not signed by"):
            verify(note.Note(text=TEXT, signatures=(stranger,)), [KEY], ed25519.check)


def test_one_forged_signature_of_a_known_key_refuses_the_whole_note() -> None:
    forged = signature_line(OTHER, ed25519.signing(OTHER_SEED)(b"other text"))
    with pytest.raises(NoteInvalid, match="does not verify"):
        signers(NOTE + forged, KEY, OTHER)
    assert signers(NOTE + forged, KEY) == (KEY,)


@pytest.mark.parametrize("length", [1, 63, 65, 100])
def test_a_signature_of_another_length_does_not_verify(length: int) -> None:
    with pytest.raises(NoteInvalid, match="does not verify"):
        signers(write(TEXT, [(KEY, bytes(length))]), KEY)


LINE = NOTE.rpartition("\n\n")[2]


@each(
    "text",
    [
        "",
        "\n",
        "\n\n",
        TEXT,
        LINE,
        "text\n" + LINE,
        "text\n\n",
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—"),
        NOTE.replace("— ", "—  "),
        NOTE.replace(LINE, LINE[:-1] + " \n"),
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("one", "o\tne"),
        NOTE.replace("one", "o\x00ne"),
        NOTE.replace("one", "o\x1fne"),
        TEXT + "\n" + "— example.com/log AAAAAA==\n",  # A key id and no signature.
        TEXT + "\n" + "— example.com/log AAAA\n",
        TEXT + "\n" + "— example.com/log AAAAAB==\n",  # Bits left over.
        TEXT + "\n" + "— example.com/log AAAAAA\n",  # No padding.
        TEXT + "\n" + "— a+b AAAAAAAA\n",
        TEXT + "\n" + "— a\u00a0b AAAAAAAA\n",
        TEXT + "\n" + "—  AAAAAAAA\n",
    ],
)
def test_what_is_no_note_is_refused_before_any_key_is_asked(text: str) -> None:
    with pytest.raises(NoteInvalid):
        read(text)


def test_sixteen_signatures_are_read_and_no_more() -> None:
    body, line = TEXT + "\n", LINE
    assert SIGNATURES_MAX >= 16  # What the specification asks of every reader.
    assert len(read(body + line * SIGNATURES_MAX).signatures) == SIGNATURES_MAX
    with pytest.raises(NoteInvalid, match="SIGNATURES_MAX"):
        read(body + line * (SIGNATURES_MAX + 1))


def test_a_note_of_the_greatest_length_is_read_and_none_that_is_longer() -> None:
    rest = NOTE_BYTES_MAX - len(f"é\n\n{LINE}".encode())
    assert len(read(f"é{'x' * rest}\n\n{LINE}").text) == rest + 2
    with pytest.raises(NoteInvalid, match="NOTE_BYTES_MAX"):
        read(f"é{'x' * (rest + 1)}\n\n{LINE}")


@given(st.text() | st.text("—é \n+/=aA0\t", max_size=80))
def test_any_text_is_read_as_a_note_that_it_is_or_refused(text: str) -> None:
    try:
        found = read(text)
    except NoteInvalid:
        return
    lines = "".join(
        f"— {each.name} {base64.b64encode(each.key_id + each.signature).decode()}\n"
        for each in found.signatures
    )
    assert f"{found.text}\n{lines}" == text


@given(st.integers(0, len(NOTE)), st.integers(0, len(NOTE)), st.text(max_size=3))
def test_a_note_changed_anywhere_in_its_text_is_not_signed(
    one: int, other: int, inserted: str
) -> None:
    start, end = sorted((one, other))
    changed = NOTE[:start] + inserted + NOTE[end:]
    try:
        assert signers(changed, KEY) == (KEY,)
    except NoteInvalid:
        assert changed != NOTE
        return
    assert read(changed).text == TEXT


@given(st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32), min_size=1))
def test_what_is_written_and_signed_reads_back(line: str) -> None:
    text = line + "\n"
    signed = write(text, [(KEY, ed25519.signing(SEED)(text.encode()))])
    assert signers(signed, KEY) == (KEY,)
    assert read(signed).text == text


# The points of low order, and the spellings of a coordinate past the prime: C2SP's CCTV, ed25519.
WEAK = (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)


@pytest.mark.parametrize("encoded", WEAK)
def test_a_key_that_anybody_can_sign_for_is_refused(encoded: str) -> None:
    key = Key(name="example.com/log", public=bytes.fromhex(encoded))
    with pytest.raises(NoteInvalid, match="anybody can sign"):
        read_key(str(key))


@pytest.mark.parametrize(
    "text", ["PRIVATE+KEY+acme/prod+23c9def1+AV4hSJxjGTxokq8JtftoyHW", "s3cret"]
)
def test_what_is_no_verifier_key_is_never_repeated(text: str) -> None:
    with pytest.raises(NoteInvalid) as refused:
        read_key(text)
    assert text not in refused.value.message
    assert ("private key" in refused.value.message) is text.startswith("PRIVATE")
