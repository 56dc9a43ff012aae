"""The single-file verifier's own JSON, Ed25519, tree and notes, each held to somebody else's."""

import ast
import hashlib
import itertools
import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from aegisd.core.errors import InvalidJson, NoteInvalid
from aegisd.core.log import checkpoint
from aegisd.core.log.canonical import encode, parse
from aegisd.core.log.checkpoint import TreeHead
from aegisd.core.log.merkle import Tree
from aegisd.core.log.note import Key
from aegisd.signing import ed25519
from aegisd.signing.keyring import Keyring, SigningKey
from conformance.verifier import aegis_verify
from conformance.verifier.aegis_verify import Broken, Unknown
from tests.core.builders import json_value, shared_files, shared_paths
from tests.effort import some
from tests.table import each

FILE = Path(aegis_verify.__file__)
KEY = Keyring("example.com/log", [SigningKey(seed=b"\1" * 32)])
VERIFIER = KEY.keys(0)[0]
HEAD = TreeHead(origin="example.com/log/acme", size=7, root=b"\2" * 32)


def signed(head: TreeHead, keys: Keyring = KEY) -> str:
    return keys.sign(head.origin, head.text, now_ms=0)


NOTE = signed(HEAD)

# ── the file itself ──────────────────────────────────────────────────────────────────────────────


def test_it_imports_the_standard_library_and_nothing_else() -> None:
    found = set()
    for node in ast.walk(ast.parse(FILE.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).partition(".")[0])
    assert found <= sys.stdlib_module_names
    assert {"socket", "urllib", "http", "subprocess", "os", "importlib"} & found == set()


def test_it_is_python_that_3_10_reads() -> None:
    ast.parse(FILE.read_text("utf-8"), feature_version=(3, 10))


def test_it_runs_alone_in_a_folder_without_packages(tmp_path: Path) -> None:
    shutil.copy(FILE, tmp_path)
    (tmp_path / "no.jsonl").write_bytes(b"{}\n")
    ran = subprocess.run(
        [sys.executable, "-I", "-S", FILE.name, "no.jsonl"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
    )
    assert (ran.returncode, ran.stderr) == (2, "")
    assert "neither an export nor a proof file" in ran.stdout


# ── canonical JSON ───────────────────────────────────────────────────────────────────────────────


def is_taken(data: bytes) -> bool:
    try:
        aegis_verify.canonical(data)
    except Broken:
        return False
    return True


def is_canonical(data: bytes) -> bool:
    """The daemon's own answer."""
    try:
        return encode(parse(data)) == data
    except InvalidJson:
        return False


@given(json_value)
def test_it_writes_what_the_reference_encoder_writes(value: object) -> None:
    body = rfc8785.dumps(value)  # type: ignore[arg-type]  # JSON values of any kind.
    assert aegis_verify.write(value).encode() == body
    assert aegis_verify.canonical(body) == value


@given(json_value, st.data())
def test_it_takes_exactly_the_bytes_that_the_daemon_takes(
    value: object, data: st.DataObject
) -> None:
    body = bytearray(rfc8785.dumps(value))  # type: ignore[arg-type]  # As above.
    at = data.draw(st.integers(0, len(body)))
    cut = data.draw(st.integers(0, 3))
    body[at : at + cut] = data.draw(
        st.binary(max_size=3)
        | st.sampled_from(
            [b" ", b"0", b".0", b"e1", b"-", b"\\u0061", b'"', b"\xef\xbb\xbf", b"\n"]
        )
    )
    assert is_taken(bytes(body)) == is_canonical(bytes(body))


NEAR_MISSES = [
    b'{"a":1,"a":1}',
    b'{"a":1,"\\u0061":1}',
    b'{"b":1,"a":1}',
    '{"\U00010000":1,"\ue000":2}'.encode(),
    '{"\ue000":1,"\U00010000":2}'.encode(),
    b"[1, 2]",
    b"[1] ",
    b" [1]",
    b"\xef\xbb\xbf[]",
    b"1.0",
    b"-0",
    b"-0.0",
    b"0e1",
    b"1e0",
    b"1E5",
    b"1e5",
    b"100000",
    b"1e21",
    b"1e+21",
    b"1e-7",
    b"1e-07",
    b"0.0000001",
    b"0.000001",
    b"1e-6",
    b"9007199254740991",
    b"9007199254740992",
    b"-9007199254740992",
    b"100000000000000000000",
    b"1000000000000000000000",
    b"1e400",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b'"\\u007f"',
    b'"\x7f"',
    b'"\\/"',
    b'"/"',
    b'"\\u000b"',
    b'"\\u000B"',
    b'"\\u0008"',
    b'"\\b"',
    b'"\x01"',
    b'"\\ud800"',
    b'"\xed\xa0\x80"',
    b'"\\u00e9"',
    '"é"'.encode(),
    b"",
    b"tru",
    b"[" * 100_000,
    b"9" * 5000,
]


@each("data", NEAR_MISSES)
def test_near_misses_are_told_apart_as_the_daemon_tells_them(data: bytes) -> None:
    assert is_taken(data) == is_canonical(data)


@given(st.integers(0, 2**64 - 1))
@example(0x3EB0C6F7A0B5ED8D)  # The least double that is written without an exponent: 1e-6.
@example(0x444B1AE4D6E2EF50)  # The least that is written with one: 1e21.
@example(0x4415AF1D78B58C40)  # 1e20, the longest without.
@example(0x0000000000000001)
@example(0x7FEFFFFFFFFFFFFF)
@example(0x8000000000000000)
def test_doubles_are_written_as_ecmascript_writes_them(bits: int) -> None:
    (value,) = struct.unpack(">d", struct.pack(">Q", bits))
    if value - value == 0:  # Finite.
        assert aegis_verify.number(value).encode() == rfc8785.dumps(value)


@pytest.mark.parametrize("path", shared_files("rfc8785", "input/*.json"))
def test_the_vectors_of_the_standards_author_are_byte_equal(path: Path) -> None:
    expected = (path.parents[1] / "output" / path.name).read_bytes()
    assert aegis_verify.write(json.loads(path.read_bytes())).encode() == expected
    assert aegis_verify.canonical(expected) == json.loads(path.read_bytes())


@each("path", shared_paths("jsontestsuite", "[nyi]_*.json"))
def test_documents_of_the_test_suite_are_taken_as_the_daemon_takes_them(path: Path) -> None:
    assert is_taken(path.read_bytes()) == is_canonical(path.read_bytes())


# ── Ed25519 ──────────────────────────────────────────────────────────────────────────────────────

# RFC 8032 section 7.1, tests 1 to 3: public key, message, signature.
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
            "4a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]


@pytest.mark.parametrize("vector", RFC_8032, ids=["empty", "one byte", "two bytes"])
def test_the_signatures_of_rfc_8032_hold(vector: tuple[str, str, str]) -> None:
    public, message, signature = map(bytes.fromhex, vector)
    assert aegis_verify.ed25519_holds(public, signature, message)
    assert not aegis_verify.ed25519_holds(public, signature, message + b"x")


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200))
def test_what_openssl_signs_holds(seed: bytes, message: bytes) -> None:
    signature = ed25519.signing(seed)(message)
    assert aegis_verify.ed25519_holds(ed25519.public_key(seed), signature, message)


SEED, TEXT = b"\7" * 32, b"example.com/log/acme\n7\n"
PUBLIC, SIGNATURE = ed25519.public_key(SEED), ed25519.signing(SEED)(TEXT)


def test_a_flipped_bit_is_refused_by_both() -> None:
    for bit in some(range(512), 5):
        signature = bytearray(SIGNATURE)
        signature[bit // 8] ^= 1 << bit % 8
        public = bytearray(PUBLIC)
        public[bit % 256 // 8] ^= 1 << bit % 8
        for key, told in ((PUBLIC, bytes(signature)), (bytes(public), SIGNATURE)):
            assert not aegis_verify.ed25519_holds(key, told, TEXT), f"bit {bit}"
            assert not ed25519.check(key, told, TEXT), f"bit {bit}"


def test_a_response_past_the_order_is_refused() -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    response = int.from_bytes(SIGNATURE[32:], "little") + order
    longer = SIGNATURE[:32] + response.to_bytes(32, "little")
    assert not aegis_verify.ed25519_holds(PUBLIC, longer, TEXT)
    assert not ed25519.check(PUBLIC, longer, TEXT)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_keys_and_signatures_of_other_lengths_are_refused(length: int) -> None:
    assert not aegis_verify.ed25519_holds(bytes(length), SIGNATURE, TEXT)
    assert not aegis_verify.ed25519_holds(PUBLIC, bytes(2 * length), TEXT)


# ── the tree ─────────────────────────────────────────────────────────────────────────────────────

LEAVES = [hashlib.sha256(bytes([n])).digest() for n in range(70)]


def leaves(first: int, count: int) -> list[bytes]:
    return LEAVES[first : first + count]


def test_roots_are_the_daemons_at_every_size() -> None:
    ours, theirs = aegis_verify.Tree(), Tree()
    for size, leaf in enumerate(LEAVES):
        assert (ours.size, ours.root()) == (size, theirs.root())
        ours.add(leaf)
        theirs.extend([leaf])


def test_every_inclusion_proof_of_the_daemon_is_taken_and_no_other() -> None:
    tree = Tree()
    tree.extend(LEAVES)
    for size in (1, 2, 3, 7, 8, 13, 64, 70):
        root = tree.root_at(size, leaves)
        for index in range(size):
            path = tree.inclusion(index, size, leaves)
            assert aegis_verify.included(index, size, LEAVES[index], path, root)
            for wrong in (index - 1, index + 1):
                assert not aegis_verify.included(wrong, size, LEAVES[index], path, root)
            assert not aegis_verify.included(index, size, bytes(32), path, root)
            assert not aegis_verify.included(index, size, LEAVES[index], [*path, root], root)
            assert not path or not aegis_verify.included(
                index, size, LEAVES[index], path[:-1], root
            )


# ── notes ────────────────────────────────────────────────────────────────────────────────────────


def verdicts(note: str) -> tuple[bool, bool]:
    """Whether the verifier, and whether the daemon, takes the note as signed by the key."""
    keys = [aegis_verify.read_key(str(VERIFIER))]
    try:
        ours = bool(aegis_verify.signers(aegis_verify.read_checkpoint(note), keys))
    except Broken:
        ours = False
    try:
        checkpoint.verify(note, [VERIFIER], ed25519.check)
    except NoteInvalid:
        return ours, False
    return ours, True


def test_a_signed_checkpoint_is_read_as_the_daemon_reads_it() -> None:
    found = aegis_verify.read_checkpoint(NOTE)
    assert (found.origin, found.size, found.root) == (HEAD.origin, HEAD.size, HEAD.root)
    assert found.tenant_id == "acme"
    assert verdicts(NOTE) == (True, True)


def test_a_changed_character_of_a_note_is_refused_by_both() -> None:
    characters = "A", "0", "\n", " ", "\x00", "é"
    for at, character in itertools.product(range(len(NOTE)), characters):
        changed = NOTE[:at] + character + NOTE[at + 1 :]
        if changed != NOTE:
            assert verdicts(changed) == (False, False), f"character {at}"


@given(st.data())
def test_notes_cut_and_joined_anyhow_are_refused_by_both(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(NOTE)))
    end = data.draw(st.integers(at, len(NOTE)))
    inserted = data.draw(
        st.sampled_from(["", "\n", "\n\n", "— x AAAA\n", NOTE, "x\n"]) | st.text(max_size=5)
    )
    changed = NOTE[:at] + inserted + NOTE[end:]
    ours, theirs = verdicts(changed)
    assert ours == theirs
    assert not ours or changed.startswith(HEAD.text + "\n")


def test_a_signature_of_a_stranger_beside_it_is_ignored() -> None:
    stranger = Keyring("example.com/other", [SigningKey(seed=b"\3" * 32)])
    line = signed(HEAD, stranger).rpartition("\n\n")[2]
    assert verdicts(NOTE + line) == (True, True)
    assert verdicts(HEAD.text + "\n" + line) == (False, False)


def test_a_forged_line_beside_a_good_one_refuses_the_note() -> None:
    good = NOTE.rpartition("\n\n")[2]
    forged = signed(TreeHead(origin=HEAD.origin, size=8, root=HEAD.root)).rpartition("\n\n")[2]
    assert verdicts(NOTE + forged) == (False, False)
    assert verdicts(HEAD.text + "\n" + forged + good) == (False, False)


def test_a_key_named_as_the_origin_speaks_for_it_and_one_of_another_log_does_not() -> None:
    own = Key(name=HEAD.origin, public=VERIFIER.public)
    other = Key(name="example.com", public=VERIFIER.public)
    found = aegis_verify.read_checkpoint(NOTE)
    assert aegis_verify.signers(found, [aegis_verify.read_key(str(own))])
    assert not aegis_verify.signers(found, [aegis_verify.read_key(str(other))])


def test_a_mistyped_key_is_refused() -> None:
    text = str(VERIFIER)
    for at, character in enumerate(text):
        with pytest.raises(Unknown):
            aegis_verify.read_key(text[:at] + ("0" if character != "0" else "1") + text[at + 1 :])
