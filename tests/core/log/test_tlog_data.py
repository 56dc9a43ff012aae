"""A transparency log that others wrote, checked by our tree, our notes and the lone verifier."""

import hashlib
from pathlib import Path

import pytest

from aegisd.core.errors import NoteInvalid
from aegisd.core.log import checkpoint
from aegisd.core.log.merkle import EMPTY_ROOT, Tree, consistent, included, leaf_hash
from aegisd.core.log.note import read_key
from aegisd.signing import ed25519
from conformance.verifier import aegis_verify
from tests.core.builders import SHARED, shared_files
from tests.effort import some

# Both as the log's SOURCE.txt tells them.
KEY = read_key("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx")
WORDS = b"one two three four five six seven eit nain ten ileven twelf threeten fourten fivten"
LEAVES = WORDS.split()
SIZES = range(len(LEAVES) + 1)

LOG = SHARED / "tlog" / "log"
CHECKPOINTS = shared_files("tlog", "log/checkpoint.*")
needs_log = pytest.mark.skipif(
    not LOG.is_dir(), reason="test material 'tlog' is not beside this checkout"
)


def leaves(first: int, count: int) -> list[bytes]:
    return LEAVES[first : first + count]


def tree(size: int = len(LEAVES)) -> Tree:
    grown = Tree()
    grown.extend(LEAVES[:size])
    return grown


@needs_log
def test_the_log_has_a_checkpoint_of_every_size_and_a_newest() -> None:
    names = {path.name for path in LOG.glob("checkpoint*")}
    assert names == {"checkpoint", *(f"checkpoint.{size}" for size in SIZES)}
    newest = (LOG / "checkpoint").read_bytes()
    assert newest == (LOG / f"checkpoint.{len(LEAVES)}").read_bytes()


@pytest.mark.parametrize("path", CHECKPOINTS)
def test_every_checkpoint_verifies_and_has_the_root_of_its_leaves(path: Path) -> None:
    head = checkpoint.verify(path.read_text("utf-8"), [KEY], ed25519.check)
    assert head.origin == KEY.name
    assert path.name == f"checkpoint.{head.size}"
    assert head.root == tree(head.size).root() == tree().root_at(head.size, leaves)
    assert head.size or head.root == EMPTY_ROOT


@pytest.mark.parametrize("path", CHECKPOINTS)
def test_the_lone_verifier_says_the_same_of_every_checkpoint(path: Path) -> None:
    found = aegis_verify.read_checkpoint(path.read_text("utf-8"))
    key = aegis_verify.read_key(str(KEY))
    assert aegis_verify.signers(found, [key]) == [key]
    grown = aegis_verify.Tree()
    for leaf in LEAVES[: found.size]:
        grown.add(leaf)
    assert found.root == grown.root()


@needs_log
def test_every_size_is_consistent_with_every_later_one_and_with_no_other_root() -> None:
    roots = {}
    for size in SIZES:
        text = (LOG / f"checkpoint.{size}").read_text("utf-8")
        roots[size] = checkpoint.verify(text, [KEY], ed25519.check).root
    for first in SIZES:
        for second in range(first, len(LEAVES) + 1):
            path = tree().consistency(first, second, leaves)
            assert consistent(first, second, roots[first], roots[second], path)
            other = hashlib.sha256(roots[first]).digest()
            assert not consistent(first, second, other, roots[second], path)
            assert not consistent(first, second, roots[first], roots[second], [*path, other])
            if first != second and first:
                assert not consistent(first, second, roots[first], other, path)


@needs_log
def test_every_word_is_proven_in_the_root_that_was_signed() -> None:
    text = (LOG / f"checkpoint.{len(LEAVES)}").read_text("utf-8")
    head = checkpoint.verify(text, [KEY], ed25519.check)
    for index, word in enumerate(LEAVES):
        path = tree().inclusion(index, head.size, leaves)
        for proves in (included, aegis_verify.included):
            assert proves(index, head.size, word, path, head.root)
            assert not proves(index, head.size, word + b"x", path, head.root)


@pytest.mark.parametrize("size", SIZES[1:])
@needs_log
def test_the_tiles_hold_the_hashes_that_our_leaves_have(size: int) -> None:
    tile = (LOG / "tile" / "0" / "000.p" / str(size)).read_bytes()
    assert tile == b"".join(leaf_hash(word) for word in LEAVES[:size])


@pytest.mark.parametrize("path", CHECKPOINTS)
def test_a_flipped_bit_of_any_checkpoint_is_refused(path: Path) -> None:
    data = path.read_bytes()
    for bit in some(range(8 * len(data)), 7):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            text = flipped.decode()
        except UnicodeDecodeError:
            continue  # No note at all.
        with pytest.raises(NoteInvalid):
            checkpoint.verify(text, [KEY], ed25519.check)


@pytest.mark.parametrize("path", CHECKPOINTS)
def test_a_flipped_byte_of_any_checkpoint_is_refused_by_the_lone_verifier(path: Path) -> None:
    data, key = path.read_bytes(), aegis_verify.read_key(str(KEY))
    for at in some(range(len(data)), 7):
        flipped = bytearray(data)
        flipped[at] ^= 1 << at % 8
        try:
            found = aegis_verify.read_checkpoint(flipped.decode())
            assert aegis_verify.signers(found, [key]) == [], f"byte {at}"
        except (aegis_verify.Broken, UnicodeDecodeError):
            continue
