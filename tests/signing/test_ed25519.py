"""Which edge cases of Ed25519 are taken, and that it does not change behind our back.

RFC 8032 leaves room, and libraries differ in it. A checkpoint that one reader takes and another
refuses is a quarrel, so what we take stands in a golden file, by class of edge case. The vectors
are C2SP's; what their flags mean stands in the README beside them.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from aegisd.signing import ed25519
from conformance.verifier.aegis_verify import ed25519_holds
from tests.core.builders import GOLDEN, shared_files

VECTORS = shared_files("ed25519-cctv", "ed25519vectors.json")
HELD = GOLDEN / "ed25519-cctv.json"

# Ours, by way of OpenSSL; and the lone verifier's, in plain integers.
CHECKS: dict[str, Callable[[bytes, bytes, bytes], bool]] = {
    "signing": ed25519.check,
    "verifier": ed25519_holds,
}


@cache
def verdicts(path: Path) -> list[tuple[frozenset[str], dict[str, bool]]]:
    """The flags of each vector, and who takes it."""
    found = []
    for vector in json.loads(path.read_bytes()):
        key, signature = bytes.fromhex(vector["key"]), bytes.fromhex(vector["sig"])
        told = {name: take(key, signature, vector["msg"].encode()) for name, take in CHECKS.items()}
        found.append((frozenset(vector["flags"] or ()), told))
    return found


@pytest.mark.parametrize("path", VECTORS)
def test_what_is_taken_of_each_class_of_edge_cases_is_what_was_recorded(path: Path) -> None:
    classes: dict[str, dict[str, int]] = {}
    for flags, told in verdicts(path):
        count = classes.setdefault(" ".join(sorted(flags)) or "none", {"vectors": 0})
        count["vectors"] += 1
        for name, taken in told.items():
            count[name] = count.get(name, 0) + taken
    assert sum(each["vectors"] for each in classes.values()) == 914
    assert classes == json.loads(HELD.read_text("utf-8"))


@pytest.mark.parametrize("path", VECTORS)
def test_the_lone_verifier_takes_nothing_that_the_daemon_refuses(path: Path) -> None:
    for _, told in verdicts(path):
        assert told["signing"] or not told["verifier"]


@pytest.mark.parametrize("path", VECTORS)
def test_what_rfc_8032_forbids_is_refused_and_what_stays_is_named(path: Path) -> None:
    for flags, told in verdicts(path):
        # RFC 8032 section 5.1.7 allows either; with the cofactor would be another signature.
        if flags & {"non_canonical_R", "low_order_residue"}:
            assert not any(told.values())
        # The lone verifier also refuses keys that anybody can sign for, and their other spellings.
        refused = flags & {"non_canonical_R", "low_order_residue", "non_canonical_A", "low_order_A"}
        assert told["verifier"] == (not refused)
        # OpenSSL takes those: whoever gives such a key as the log's trusts everybody.
        assert told["signing"] == (not flags & {"non_canonical_R", "low_order_residue"})
